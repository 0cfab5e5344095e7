/** Which of the practice's people and rooms the demo books with, once they are in the mirror. */
import { setTimeout as sleep } from 'node:timers/promises'
import { type Database, inTenant, type Tenant } from '../db/database.ts'
import { WEEKDAYS } from '../model/records.ts'
import { addMs, hours, type Instant } from '../model/time.ts'
import { listBusy } from '../store/busy.ts'
import { findDataSource, now } from '../store/data-sources.ts'
import { getLocation } from '../store/locations.ts'
import { listPatients } from '../store/patients.ts'
import { listProviders } from '../store/providers.ts'
import { hoursOfProviders, listWorkingHours, replaceWorkingHourTypes } from '../store/working-hours.ts'
import type { SeededDemo } from './demo-seed.ts'
import { findFreeStarts } from './demo-starts.ts'

export interface DemoChoice {
  providerId: number
  operatoryId: number
  patientId: number
  freeStarts: string[]
}

const STARTS = 20
const DAY_MS = hours(24)
/** A day or more ahead, and still so when someone reads it a while later. */
const AHEAD_MS = hours(26)
/** The front desk by itself books and blocks within the next fourteen days: beyond them the starts stay free. */
const BEYOND_DESK_MS = 16 * DAY_MS
const HORIZON_MS = 60 * DAY_MS
const LOOK_MS = 50
/** The first load takes a second or two; on a machine that is very busy, ten times that. */
const PULL_MAX_MS = 60_000
const PROVIDERS_MAX = 100
const HOURS_MAX = 1_000
/** From Monday to Saturday. */
const WORKING = WEEKDAYS.slice(0, 6)

/** The database's own instant: what is waited for must have begun after it. */
export async function databaseNow(database: Database, institutionId: number): Promise<Instant> {
  return await inTenant(database, institutionId, now)
}

/**
 * Waits until a pull that began after `since` is complete.
 * @throws the signal's reason when it is aborted
 */
export async function waitForPull(
  database: Database,
  demo: SeededDemo,
  since: Instant,
  signal: AbortSignal,
): Promise<void> {
  for (let waited = 0; waited < PULL_MAX_MS; waited += LOOK_MS) {
    signal.throwIfAborted()
    const source = await inTenant(database, demo.institutionId, (tx) => findDataSource(tx, demo.sourceId))
    const begun = source?.pull_started_at ?? ''
    if (source?.loaded_at && source.pull_completed_at && begun >= since) return
    await sleep(LOOK_MS)
  }
  throw new Error('The practice could not be read: slotbridge.log in the data directory says why.')
}

/** Working hours name no type by themselves: those of the practice are to offer the demo's, but for any that name another. */
async function offerType(tx: Tenant, { locationId, appointmentTypeId }: SeededDemo): Promise<void> {
  const all = await listWorkingHours(tx, { locationId }, { limit: HOURS_MAX, offset: 0 })
  for (const { id, appointment_types: types } of all)
    if (types.length === 0) await replaceWorkingHourTypes(tx, id, [appointmentTypeId])
}

/** @throws Error where the practice is not what the demo needs; its seed sees to that */
export async function chooseDemo(
  database: Database,
  demo: SeededDemo,
  deskActs: boolean,
): Promise<DemoChoice> {
  return await inTenant(database, demo.institutionId, async (tx) => {
    const { tz: zone } = await getLocation(tx, demo.locationId)
    await offerType(tx, demo)
    const weekly = await listWeekly(tx, demo.locationId)
    const written = { locationId: demo.locationId, inactive: false, newPatient: false }
    const [patient] = await listPatients(tx, written, 'id', { limit: 1, offset: 0 })
    const at = await now(tx)
    const busy = await listBusy(tx, demo.locationId, at, addMs(at, HORIZON_MS))
    for (const { providerId, operatoryId, hours: own } of weekly) {
      const from = addMs(at, deskActs ? BEYOND_DESK_MS : AHEAD_MS)
      const freeStarts = findFreeStarts({
        providerId,
        operatoryId,
        zone,
        hours: own,
        busy,
        from,
        count: STARTS,
      })
      if (freeStarts.length === STARTS && patient)
        return { providerId, operatoryId, patientId: patient.id, freeStarts }
    }
    throw new Error('The simulated practice has no provider with weekly hours and twenty free half hours.')
  })
}

interface Weekly {
  providerId: number
  operatoryId: number
  hours: { begin: string; end: string; days: string[] }[]
}

/** Providers that work every day from Monday to Saturday in one operatory, first the one that was there first. */
async function listWeekly(tx: Tenant, locationId: number): Promise<Weekly[]> {
  const providers = await listProviders(tx, { locationId, inactive: false }, 'id', {
    limit: PROVIDERS_MAX,
    offset: 0,
  })
  const byProvider = await hoursOfProviders(
    tx,
    providers.map(({ id }) => id),
  )
  const found: Weekly[] = []
  for (const [providerId, rows] of byProvider) {
    for (const operatoryId of new Set(rows.map((row) => row.operatory_id))) {
      if (operatoryId === null) continue
      const own = rows.filter((row) => row.operatory_id === operatoryId && row.source === 'synced')
      const hours = own.map(({ begin_time: begin, end_time: end, days }) => ({ begin, end, days }))
      if (WORKING.every((day) => hours.some(({ days }) => days.includes(day))))
        found.push({ providerId, operatoryId, hours })
    }
  }
  return found
}
