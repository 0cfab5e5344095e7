/** The whole truth of a range: appointments by the index on their time, blockouts by the one on their day. */
import type { ChangeRecord } from '../../model/records.ts'
import { addMs, hours, type Instant, toMs } from '../../model/time.ts'
import type { Row, Value } from './database.ts'
import { allClocks } from './facts.ts'
import type { Practice } from './practice.ts'
import { LONGEST_MS } from './read-appointment.ts'
import { PAGE, readAppointmentRows, readBlockRows, readPatientsBy } from './read-rows.ts'

/** Days of one query: a few hundred rows of a busy practice. */
const STEP_DAYS = 7
const DAY = hours(24)
/** Where clocks go back, a later instant shows an earlier wall time: by so much at most. */
const MARGIN_MS = hours(3)

/** @throws Unavailable */
export async function* readWindow(
  practice: Practice,
  from: Instant,
  to: Instant,
): AsyncIterable<ChangeRecord[]> {
  // The same instant is another wall time in each zone: the widest bounds, then what overlaps.
  const clocks = allClocks(practice.settings)
  const first = clocks.map((clock) => clock.show(addMs(from, -LONGEST_MS - MARGIN_MS))).sort()[0] ?? ''
  const end =
    clocks
      .map((clock) => clock.show(addMs(to, MARGIN_MS)))
      .sort()
      .at(-1) ?? ''
  for (let at = first; at < end; ) {
    const next = later(at, STEP_DAYS)
    const until = next < end ? next : end
    for await (const rows of appointmentsBetween(practice, at, until)) {
      const records = (await readAppointmentRows(practice, rows, false)).filter(overlapping(from, to))
      const named = records.flatMap((one) => (one.kind === 'appointment' ? (one.record.patient ?? []) : []))
      yield [...(await readPatientsBy(practice, named)), ...records]
    }
    yield (await readBlockRows(practice, await schedulesBetween(practice, at, until))).filter(
      overlapping(from, to),
    )
    at = until
  }
}

/** A wall time so many days later. */
function later(wall: string, days: number): string {
  return addMs(`${wall.replace(' ', 'T')}.000Z`, days * DAY)
    .slice(0, 19)
    .replace('T', ' ')
}

/** Rows set aside are passed on wherever they lie: they are there all the same. */
function overlapping(from: Instant, to: Instant) {
  return (one: ChangeRecord) =>
    one.kind !== 'appointment' || (toMs(one.record.start) < toMs(to) && toMs(one.record.end) > toMs(from))
}

async function* appointmentsBetween(practice: Practice, from: string, until: string): AsyncIterable<Row[]> {
  const columns = (await practice.schema()).columns('appointment')
  let after: { time: string; key: string } | null = null
  for (;;) {
    const behind: string =
      after === null ? 'AptDateTime >= ?' : '(AptDateTime > ? or (AptDateTime = ? and AptNum > ?))'
    const values: Value[] = after === null ? [from] : [after.time, after.time, after.key]
    const rows = await practice.database.rows(
      `select ${columns} from appointment where AptDateTime >= ? and AptDateTime < ? and ${behind}
        order by AptDateTime, AptNum limit ${PAGE}`,
      [after?.time ?? from, until, ...values],
    )
    if (rows.length > 0) yield rows
    if (rows.length < PAGE) return
    const last = rows.at(-1)
    after = { time: String(last?.AptDateTime), key: String(last?.AptNum) }
  }
}

/** A blockout lies within its day; both ends of a step belong to it, since days are whole and steps are not. */
async function schedulesBetween(practice: Practice, from: string, until: string): Promise<Row[]> {
  const columns = (await practice.schema()).columns('schedule')
  return await practice.database.rows(
    `select ${columns} from schedule where SchedDate >= ? and SchedDate <= ? and SchedType in (0, 2) order by ScheduleNum`,
    [from.slice(0, 10), until.slice(0, 10)],
  )
}
