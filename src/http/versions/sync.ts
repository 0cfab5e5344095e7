/** The sync as it is shown: the state of each data source, and what its record system can do. */
import type { Static } from 'typebox'
import type { Capabilities, SyncStatus } from '../../model/wire-sync.ts'
import type { LocationRow } from '../../store/locations.ts'
import type { SourceStatus } from '../../store/sync-status.ts'
import type { ConnectorFace } from '../context.ts'
import { faceOf, showBasicLocation } from './practice.ts'

export function showSyncStatus(
  institutionId: number,
  source: SourceStatus,
  locations: LocationRow[],
  connectors: ConnectorFace[],
): Static<typeof SyncStatus> {
  const face = faceOf(connectors, source.connector)
  const { read_status, read_status_at, write_status, write_status_at, read_reason, write_reason, loaded_at } =
    source
  return {
    institution_id: institutionId,
    sync_source_type: 'DataSource',
    sync_source_name: source.name,
    emr: {
      id: connectors.findIndex(({ name }) => name === source.connector) + 1,
      name: face?.system ?? source.connector,
      display_name: face?.displayName ?? source.connector,
      type: face?.type ?? 'onprem',
    },
    read_status,
    read_status_at,
    write_status,
    write_status_at,
    locations: locations.filter((location) => location.data_source_id === source.id).map(showBasicLocation),
    read_reason,
    write_reason,
    loaded_at,
    data_as_of: source.pull_started_at ?? null,
    // Events from before it was counted know nothing of it.
    set_aside: source.set_aside ?? 0,
  }
}

/** What can be written and read at a location, by the names of the wire. */
export function showCapabilities(location: LocationRow, source: SourceStatus | null): Capabilities {
  const known = source?.capabilities ?? null
  const can = (name: string) => known?.writes[name] === true && location.insert_appt_client
  const reads = (name: string) => known?.reads[name] === true
  const moves = can('reschedule')
  const deletions = known?.reads.deletions
  return {
    location_id: location.id,
    data_source: source && {
      id: source.id,
      name: source.name,
      connector: source.connector,
      foreign_id_type: source.foreign_id_type,
    },
    known: known !== null,
    writes: {
      appointment: can('insert'),
      block: can('block'),
      new_patient: can('new_patient'),
      descriptor_ids: can('descriptors'),
      confirmed: can('confirm'),
      cancelled: can('cancel'),
      checkin_at: can('check_in'),
      start_time: moves,
      end_time: moves,
      operatory_id: moves,
      note: can('note'),
    },
    reads: {
      blocks: reads('blocks'),
      working_hours: reads('workingHours'),
      descriptors: reads('descriptors'),
      procedures: reads('procedures'),
      deletions: typeof deletions === 'string' ? deletions : null,
    },
    effect: known?.effect ?? null,
    conflict_check: known?.conflictCheck ?? null,
    overbooking: {
      policy: location.overbooking,
      operatory_limit: location.overbooking === 'limit' ? location.operatory_limit : null,
      provider_limit: location.overbooking === 'limit' ? location.provider_limit : null,
    },
    limits: {
      grain_minutes: known?.limits.grainMinutes ?? null,
      note_length: known?.limits.noteLength ?? null,
      characters: known?.limits.characters ?? null,
    },
  }
}
