/** Looking for one row: by its key, by our marker in a note, by who comes when. */
import type { AppointmentRecord, ForeignId, Marker } from '../../model/records.ts'
import { type FindKey, Unavailable } from '../connector.ts'
import type { Row } from './database.ts'
import { clockOf } from './facts.ts'
import { readMarker, tokenOf } from './marker.ts'
import type { Practice } from './practice.ts'
import { PAGE, readAppointmentRows, readBlockRows } from './read-rows.ts'
import { scheduleMeant } from './read-schedule.ts'

/** Rows of one look for a marker. */
const SLICE = 2000

export function isAptNum(foreignId: ForeignId): boolean {
  return /^[1-9]\d{0,18}$/.test(foreignId)
}

/** @throws Unavailable, also where the row is there and cannot be read */
export async function findAppointment(practice: Practice, key: FindKey): Promise<AppointmentRecord | null> {
  if ('marker' in key) {
    const copies = await findCopies(practice, key.marker)
    // The oldest that stands; a second copy of ours is cancelled by the sync.
    return copies.find((one) => !one.cancelled) ?? copies[0] ?? null
  }
  if ('natural' in key) return await findNatural(practice, key.natural)
  const { foreignId } = key
  const scheduleNum = scheduleMeant(foreignId)
  if (scheduleNum !== null) return await findBlock(practice, foreignId, scheduleNum)
  if (!isAptNum(foreignId)) return null
  const columns = (await practice.schema()).columns('appointment')
  const rows = await practice.database.rows(`select ${columns} from appointment where AptNum = ?`, [
    foreignId,
  ])
  return (await recordsOf(practice, rows))[0] ?? null
}

/** Rows as records; what is no appointment is left out. */
async function recordsOf(practice: Practice, rows: Row[]): Promise<AppointmentRecord[]> {
  const changes = await readAppointmentRows(practice, rows, false)
  const records = changes.flatMap((one) => (one.kind === 'appointment' ? [one.record] : []))
  if (records.length === 0 && changes.some((one) => one.kind === 'set_aside'))
    throw new Unavailable('The appointment is there and cannot be read as one.')
  return records
}

async function findBlock(
  practice: Practice,
  foreignId: ForeignId,
  scheduleNum: string,
): Promise<AppointmentRecord | null> {
  const columns = (await practice.schema()).columns('schedule')
  const rows = await practice.database.rows(`select ${columns} from schedule where ScheduleNum = ?`, [
    scheduleNum,
  ])
  for (const one of await readBlockRows(practice, rows)) {
    if (!('record' in one && 'foreignId' in one.record) || one.record.foreignId !== foreignId) continue
    if (one.kind === 'appointment') return one.record
    if (one.kind === 'set_aside') throw new Unavailable('The blockout is there and cannot be read as one.')
  }
  return null
}

/**
 * Every appointment whose note bears the marker, oldest first. The marker says behind which key they can only lie.
 * @throws Unavailable
 */
export async function findCopies(practice: Practice, marker: Marker): Promise<AppointmentRecord[]> {
  const known = readMarker(marker)
  if (known === null) return []
  const columns = (await practice.schema()).columns('appointment')
  const found: Row[] = []
  for (let after = known.aptNum; ; ) {
    const [slice] = await practice.database.rows(
      `select max(AptNum) as bound from (select AptNum from appointment where AptNum > ? order by AptNum limit ${SLICE}) slice`,
      [after],
    )
    if (slice?.bound === null || slice?.bound === undefined) return await recordsOf(practice, found)
    const bound = String(slice.bound)
    const rows = await practice.database.rows(
      `select ${columns} from appointment where AptNum > ? and AptNum <= ? and Note like ? order by AptNum limit ${PAGE}`,
      [after, bound, `%.${tokenOf(marker)}]%`],
    )
    found.push(...rows)
    after = bound
  }
}

async function findNatural(
  practice: Practice,
  { patient, provider, operatory, start }: Extract<FindKey, { natural: unknown }>['natural'],
): Promise<AppointmentRecord | null> {
  if (!isAptNum(patient)) return null
  const facts = await practice.facts()
  const clock = clockOf(practice.settings, facts.operatories.get(operatory ?? '')?.clinic ?? null)
  const columns = (await practice.schema()).columns('appointment')
  const rows = await practice.database.rows(
    `select ${columns} from appointment where PatNum = ? and AptDateTime = ? order by AptNum`,
    [patient, clock.show(start)],
  )
  const records = (await recordsOf(practice, rows)).filter(
    (one) => one.provider === provider && one.operatory === operatory && one.start === start,
  )
  return records.find((one) => !one.cancelled) ?? records[0] ?? null
}
