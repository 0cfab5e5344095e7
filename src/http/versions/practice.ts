/** The practice as it is shown: the same in both versions. */
import type { Static } from 'typebox'
import type { BasicLocation, Institution, InstitutionLocations, Location } from '../../model/wire-practice.ts'
import type { InstitutionRow } from '../../store/institutions.ts'
import type { LocationRow } from '../../store/locations.ts'
import type { SourceStatus } from '../../store/sync-status.ts'
import type { ConnectorFace } from '../context.ts'

/** NexHealth's number of the one specialty that is named here; others are not numbered by us. */
const SPECIALTY_ID: Record<string, number> = { Dental: 1 }

/** A location; with its settings where asked for. */
export function showLocation(row: LocationRow, withSettings = false): Location {
  const {
    data_source_id,
    default_minutes,
    outside_hours,
    promise_minutes_soon,
    promise_minutes,
    min_notice_minutes,
    buffer_minutes,
    overbooking,
    operatory_limit,
    provider_limit,
    specialty,
    ...rest
  } = row
  const shown = { ...rest, specialty: { id: SPECIALTY_ID[specialty] ?? 0, name: specialty } }
  if (!withSettings) return shown
  return {
    ...shown,
    settings: {
      data_source_id,
      default_minutes,
      outside_hours,
      promise_minutes_soon,
      promise_minutes,
      min_notice_minutes,
      buffer_minutes,
      overbooking,
      operatory_limit,
      provider_limit,
    },
  }
}

export function showBasicLocation(row: LocationRow): Static<typeof BasicLocation> {
  const { id, name, street_address, city, state, zip_code, phone_number, email, inactive } = row
  const street_address_2 = row.street_address_2 ?? ''
  return { id, name, street_address, street_address_2, city, state, zip_code, phone_number, email, inactive }
}

export function showInstitution(
  row: InstitutionRow,
  locations: LocationRow[],
  sources: SourceStatus[],
  connectors: ConnectorFace[],
): Static<typeof Institution> {
  const systems = sources.map((source) => faceOf(connectors, source.connector)?.system ?? source.connector)
  return { ...row, emrs: [...new Set(systems)], locations: locations.map(showBasicLocation) }
}

export function showInstitutionLocations(
  row: InstitutionRow,
  locations: LocationRow[],
  withSettings: boolean,
): Static<typeof InstitutionLocations> {
  const { id, name, subdomain } = row
  return { id, name, subdomain, locations: locations.map((location) => showLocation(location, withSettings)) }
}

/** The connector of that name. A data source outlives a connector that was taken out, so there may be none. */
export function faceOf(connectors: ConnectorFace[], name: string): ConnectorFace | undefined {
  return connectors.find((face) => face.name === name)
}
