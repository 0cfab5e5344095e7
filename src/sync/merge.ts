/**
 * Merging what was read into the mirror, in one transaction for each page: rows that differ are saved. Merging takes no
 * booking locks: what the front desk does is fact.
 */
import type { Tenant } from '../db/database.ts'
import { baseOf, differences, type Mirror, type ShownFields } from '../model/appointment-state.ts'
import type { AppointmentRecord, ChangeRecord, ForeignId, Marker } from '../model/records.ts'
import type { Instant } from '../model/time.ts'
import {
  findMirrored,
  listMarkersHeld,
  lockAppointments,
  nextAppointmentIds,
  type StoredAppointment,
} from '../store/appointments.ts'
import { noteQuietly } from '../store/changes.ts'
import { clearAside, setAside } from '../store/data-sources.ts'
import type { DirectoryMaps } from '../store/directory-mirror.ts'
import { mapPatients } from '../store/patient-links.ts'
import { followMerges } from '../store/patient-merges.ts'
import { savePatients } from '../store/patients-mirror.ts'
import { saveProcedures } from '../store/procedures-mirror.ts'
import { FORGOTTEN_KEY, findOwnMarkers } from '../store/recovery.ts'
import { saveAppointments } from '../store/save-appointments.ts'
import { hastenSecondLook } from '../store/second-looks.ts'
import { keptForeign } from '../store/stored-ids.ts'
import { reconsiderWrites } from '../store/writes.ts'
import type { Pull } from './at-work.ts'
import { noteConflicts } from './conflicts.ts'
import { hashOf, isPlaced, toMirror } from './mirror.ts'
import { isAnother, release } from './same-row.ts'
import { storable } from './storable.ts'

export interface MergeContext {
  sourceId: number
  maps: DirectoryMaps
  /** When the read that gave the records began, by the database's clock: an older read never overwrites a newer one. */
  seenAt: Instant
  /** The first load tells one event with counts when it is done, and none for each row. */
  quiet: boolean
  /** The record system restored a backup, and writing has stopped for it: foreign ids may mean other rows than before. */
  isRestored?: boolean
}

/** What a merge of this pull must know, for a read that began at `seenAt`. */
export function contextOf({ source, maps, quiet }: Pull, seenAt: Instant): MergeContext {
  return { sourceId: source.id, maps, seenAt, quiet, isRestored: source.writing_stopped_at !== null }
}

export interface Merged {
  /** Foreign ids whose mirror is younger than this read, and differs: to be asked for again. */
  recheck: ForeignId[]
  appointments: number
  patients: number
  procedures: number
}

/** Merges one page. */
export async function mergeRecords(
  tx: Tenant,
  context: MergeContext,
  records: ChangeRecord[],
): Promise<Merged> {
  const patients = records.flatMap((one) => (one.kind === 'patient' ? [storable(one.record)] : []))
  const location = context.maps.soleLocation
  if (context.quiet) noteQuietly(tx)
  const place = { id: context.sourceId, locationId: location }
  const { merges, updated } = await savePatients(tx, place, patients, context.seenAt)
  await followMerges(tx, context.sourceId, merges)
  // The desk may have settled there what a person was asked: two rows of one patient laid together, a birth date corrected.
  await reconsiderWrites(tx, [...updated, ...merges.map(({ id }) => id)])
  const appointments = records.flatMap((one) => (one.kind === 'appointment' ? [one.record] : []))
  const recheck = await mergeAppointments(tx, context, appointments)
  const gone = records.flatMap((one) =>
    one.kind === 'gone' && one.noun === 'appointment' ? [one.foreignId] : [],
  )
  await removeGone(tx, context, gone)
  // What is read well is not set aside any more; appointments are taken back as they are placed, or gone.
  if (patients.length > 0) {
    const read = patients.map((one) => one.foreignId)
    await clearAside(tx, context.sourceId, 'patient', read)
  }
  const procedures = records.flatMap((one) => (one.kind === 'procedure' ? [storable(one.record)] : []))
  await saveProcedures(tx, context.sourceId, procedures, context.maps)
  for (const one of records) if (one.kind === 'set_aside') await setAside(tx, context.sourceId, one.record)
  return {
    recheck,
    appointments: appointments.length,
    patients: patients.length,
    procedures: procedures.length,
  }
}

interface Candidate {
  record: AppointmentRecord
  mirror: Mirror
  hash: string
  id: number | null
  /** Its marker, where our row does not bear it yet. */
  newMarker: Marker | null
  /** It bears the marker of an appointment that is another row there: a copy of our request took effect too. */
  isCopy: boolean
  /** It bears a marker of ours that nothing here knows: we booked it, and forgot it with a database that went back. */
  isForgotten: boolean
}

/** Merges appointments; answers the foreign ids to ask for again. */
export async function mergeAppointments(
  tx: Tenant,
  context: MergeContext,
  given: AppointmentRecord[],
): Promise<ForeignId[]> {
  if (given.length === 0) return []
  const records = [...new Map(given.map(storable).map((record) => [record.foreignId, record])).values()]
  const { todo, recheck, well } = await sortOut(tx, context, records)
  const cleared = clearAside(tx, context.sourceId, 'appointment', well)
  if (todo.length === 0) {
    await cleared
    return recheck
  }
  const ids = todo.flatMap(({ id }) => id ?? [])
  const strange = todo.flatMap(({ id, record }) => (id === null ? [record.foreignId] : []))
  const [rowsLocked, kept, fresh] = await Promise.all([
    lockAppointments(tx, ids),
    keptForeign(tx, context.sourceId, 'appointment', strange),
    // As many as may be needed: whoever takes an id that was kept leaves one unused.
    nextAppointmentIds(tx, strange.length),
    cleared,
  ])
  const locked = new Map(rowsLocked.map((row) => [row.id, row]))
  const rows: StoredAppointment[] = []
  const moved: StoredAppointment[] = []
  for (const { record, hash, id, isCopy, isForgotten, newMarker, ...one } of todo) {
    const known = id === null ? null : (locked.get(id) ?? null)
    // Someone merged or settled it between our look and our lock, from a younger read (within one millisecond: perhaps).
    if (known?.mirror_seen_at && known.mirror_seen_at >= context.seenAt) {
      if (known.mirror_hash !== hash) recheck.push(record.foreignId)
      continue
    }
    const other = known !== null && isAnother(known, one.mirror, context.isRestored)
    if (other) {
      rows.push(known)
      release(known, context.seenAt)
      fresh.push(...(await nextAppointmentIds(tx, 1)))
    }
    const given = id === null ? kept(record.foreignId) : null
    const row = known && !other ? known : emptyRow(given ?? fresh.shift() ?? 0, context.sourceId)
    const was = row.mirror ? baseOf(row) : null
    const mirror = keepInstants(one.mirror, row.mirror, record)
    Object.assign(row, {
      mirror,
      foreign_id: record.foreignId,
      marker: row.marker ?? (isCopy ? null : newMarker),
      booked_by_api_key_id: row.booked_by_api_key_id ?? (isForgotten && !isCopy ? FORGOTTEN_KEY : null),
      mirror_hash: hash,
      mirror_seen_at: context.seenAt,
      last_sync_time: context.seenAt,
    })
    rows.push(row)
    if (takesAnew(was, row)) moved.push(row)
  }
  await saveAppointments(tx, rows)
  // Not sent beside it: what saves the last of many rows leaves later than what looks whom they overlap.
  if (!context.quiet) await noteConflicts(tx, moved)
  return recheck
}

const TAKES = ['location_id', 'operatory_id', 'provider_id', 'start_time', 'end_time', 'unavailable'] as const

/** Whether a row takes a time that it did not take before. */
function takesAnew(was: ShownFields | null, row: StoredAppointment): boolean {
  if (!was || was.cancelled) return true
  const changed = differences(was, baseOf(row))
  return TAKES.some((name) => name in changed)
}

/** Instants that the system does not tell stay as they were first seen. */
function keepInstants(mirror: Mirror, previous: Mirror | null, record: AppointmentRecord): Mirror {
  if (!previous) return mirror
  const kept = { ...mirror }
  if (record.confirmed && record.confirmedAt === null && previous.confirmed)
    kept.confirmed_at = previous.confirmed_at
  if (record.cancelledAt === null && (previous.cancelled || !record.cancelled))
    kept.cancelled_at = previous.cancelled_at
  if (record.checkedOut && record.checkedOutAt === null && previous.checked_out)
    kept.checked_out_at = previous.checked_out_at
  return kept
}

/** What differs from the mirror and may be merged, what must be asked for again, and what is read well. */
async function sortOut(
  tx: Tenant,
  context: MergeContext,
  records: AppointmentRecord[],
): Promise<{ todo: Candidate[]; recheck: ForeignId[]; well: ForeignId[] }> {
  const ids = records.map((record) => record.foreignId)
  const markers = records.flatMap((record) => record.marker ?? [])
  const [known, patients] = await Promise.all([
    findMirrored(tx, context.sourceId, ids, markers),
    mapPatients(
      tx,
      context.sourceId,
      records.flatMap((record) => record.patient ?? []),
    ),
  ])
  const byForeignId = new Map(known.map((row) => [row.foreign_id, row]))
  const byMarker = new Map(known.map((row) => [row.marker, row]))
  const forgotten = await findForgotten(tx, context.sourceId, records, known)
  const todo: Candidate[] = []
  const recheck: ForeignId[] = []
  const well: ForeignId[] = []
  const adopted = new Set<number>()
  for (const record of records) {
    const mirror = toMirror(record, context.maps, patients, null, context.seenAt)
    const aside = asideOf(record, mirror)
    if (aside !== null) {
      const { foreignId } = record
      await setAside(tx, context.sourceId, { noun: 'appointment', foreignId, reason: aside, raw: record })
    } else if (isPlaced(mirror)) well.push(record.foreignId)
    if (!isPlaced(mirror)) continue
    const owed = forgotten.get(record.marker)
    const bearer = record.marker === null ? undefined : (byMarker.get(record.marker) ?? owed ?? undefined)
    const row = byForeignId.get(record.foreignId) ?? (bearer && !adopted.has(bearer.id) ? bearer : undefined)
    if (row) adopted.add(row.id)
    const hash = hashOf(record, mirror)
    if (row?.mirror_hash === hash) continue
    if (row?.mirror_seen_at && row.mirror_seen_at >= context.seenAt) recheck.push(record.foreignId)
    else {
      const newMarker = row?.marker === record.marker ? null : record.marker
      const isForgotten = owed === null
      todo.push({ record, mirror, hash, id: row?.id ?? null, newMarker, isCopy: false, isForgotten })
    }
  }
  await markCopies(tx, context.sourceId, todo)
  return { todo, recheck, well }
}

/**
 * Rows that bear a marker of this institution's which nothing here bears, by marker: null where nothing is known of them, or
 * the appointment whose insertion the database believes to be owed still.
 */
async function findForgotten(
  tx: Tenant,
  sourceId: number,
  records: AppointmentRecord[],
  known: Awaited<ReturnType<typeof findMirrored>>,
): Promise<Map<Marker | null, (typeof known)[number] | null>> {
  const ids = new Set(known.map(({ foreign_id }) => foreign_id))
  const markers = new Set(known.map(({ marker }) => marker))
  const strange = records.flatMap(({ foreignId, marker }) =>
    marker === null || ids.has(foreignId) || markers.has(marker) ? [] : [marker],
  )
  const own = await findOwnMarkers(tx, sourceId, strange)
  const unread = { foreign_id: null, marker: null, mirror_hash: null, mirror_seen_at: null }
  return new Map(own.map(({ marker, id }) => [marker, id === null ? null : { id, ...unread }]))
}

/** Why a row is set aside; null where it is read well, or of a location that is not set up here. */
function asideOf(record: AppointmentRecord, mirror: ReturnType<typeof toMirror>): string | null {
  if (!isPlaced(mirror)) return 'aside' in mirror ? mirror.aside : null
  return record.patient !== null && mirror.patient_id === null ? 'Its patient could not be read.' : null
}

/** Finds the rows that bear a marker which is another row's, and has the insertion behind it looked at again. */
async function markCopies(tx: Tenant, sourceId: number, todo: Candidate[]): Promise<void> {
  const fresh = todo.filter(({ newMarker }) => newMarker !== null)
  if (fresh.length === 0) return
  const held = await listMarkersHeld(
    tx,
    sourceId,
    fresh.flatMap(({ newMarker }) => newMarker ?? []),
  )
  const seen = new Set(held)
  for (const candidate of fresh) {
    const marker = candidate.newMarker ?? ''
    candidate.isCopy = seen.has(marker)
    if (candidate.isCopy) await hastenSecondLook(tx, sourceId, marker)
    seen.add(marker)
  }
}

function emptyRow(id: number, sourceId: number): StoredAppointment {
  return {
    id,
    data_source_id: sourceId,
    foreign_id: null,
    marker: null,
    booked_by_api_key_id: null,
    insertion_write_id: null,
    mirror_hash: null,
    mirror_seen_at: null,
    last_sync_time: null,
    draft: null,
    mirror: null,
    overlay: {},
  }
}

/** Marks appointments as gone that the record system holds no longer. */
export async function removeGone(tx: Tenant, context: MergeContext, foreignIds: ForeignId[]): Promise<void> {
  if (foreignIds.length === 0) return
  await clearAside(tx, context.sourceId, 'appointment', foreignIds)
  const known = await findMirrored(tx, context.sourceId, foreignIds, [])
  const rows = await lockAppointments(
    tx,
    known.map((row) => row.id),
  )
  const removed: StoredAppointment[] = []
  for (const row of rows) {
    if (!row.mirror || row.mirror.gone || (row.mirror_seen_at && row.mirror_seen_at >= context.seenAt))
      continue
    row.mirror = { ...row.mirror, gone: true, cancelled_at: row.mirror.cancelled_at ?? context.seenAt }
    row.mirror_hash = null
    row.mirror_seen_at = context.seenAt
    row.last_sync_time = context.seenAt
    removed.push(row)
  }
  await saveAppointments(tx, removed)
}
