/** Bookings and changes of the front desk for `bench latency`: one by one, all at once, or at a steady pace. */
import { setTimeout as sleep } from 'node:timers/promises'
import { toInstant } from '../model/time.ts'
import { SANDBOX_KEY } from '../sandbox/key.ts'
import { type BenchPractice, type LatencyBench, type Serving, until } from './bench-latency-setup.ts'

const CONNECTIONS = 16
const LOOK_MS = 25
const PATIENCE_MS = 60_000
const HALF_HOUR_MS = 1_800_000
/** Far behind whatever the practices' own books hold. */
const DAYS_AHEAD = 300
/** Its multiples spread moments evenly over any interval. */
const GOLDEN = 0.618_034

export interface Booker {
  /** The next booking, at a free time of its own; answers the appointment's id once it is accepted. */
  book(): Promise<number>
  /** One after the other, each once the one before was written and told, at any moment between two looks for work. */
  oneByOne(count: number): Promise<number[]>
  /** As fast as they are accepted. Answers their ids, and how many a second were written, from the first's acceptance to the last's end. */
  burst(count: number): Promise<{ ids: number[]; perSecond: number }>
  /** So many a second, however long each takes, `count` of them and then on until `other` has ended. */
  pace(perSecond: number, count: number, other: Promise<unknown>): Promise<number[]>
  /** Milliseconds from accepted to written, and from written to told, of each; waits until all were. */
  ended(ids: number[]): Promise<{ written: number[]; told: number[] }>
}

export function openBooker(bench: LatencyBench, { url, token }: Serving, next: () => number): Booker {
  const { look, practices, arrivals } = bench
  const base = Math.floor(Date.now() / HALF_HOUR_MS) * HALF_HOUR_MS + DAYS_AHEAD * 86_400_000
  // However many there are, one more has to come before patience ends.
  const untilTold = async (ids: number[]) => {
    const countLeft = () => ids.filter((id) => !arrivals.has(id)).length
    for (let left = countLeft(); left > 0; left = countLeft())
      await until('Not every booking was written and told.', [], async () => countLeft() < left)
  }
  const booker: Booker = {
    async book() {
      const { path, appt } = bookingOf(practices, base, next())
      const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
      const answer = await fetch(`${url}${path}`, { method: 'POST', headers, body: JSON.stringify({ appt }) })
      if (answer.status !== 201) throw new Error(`A booking is answered ${answer.status}.`)
      return ((await answer.json()) as { data: { appt: { id: number } } }).data.appt.id
    },
    async oneByOne(count) {
      const ids: number[] = []
      for (let n = 0; n < count; n++) {
        await sleep(((n * GOLDEN) % 1) * 1_000)
        ids.push(await booker.book())
        await untilTold(ids)
      }
      return ids
    },
    async burst(count) {
      const ids: number[] = []
      let left = count
      const one = async () => {
        while (left-- > 0) ids.push(await booker.book())
      }
      await Promise.all(Array.from({ length: CONNECTIONS }, one))
      await untilTold(ids)
      const { rows } = await look.query(
        `select extract(epoch from max(ended_at) - min(created_at))::float8 as seconds from writes
          where kind = 'insert' and appointment_id = any($1)`,
        [ids],
      )
      return { ids, perSecond: count / rows[0].seconds }
    },
    async pace(perSecond, count, other) {
      let isOver = false
      const stop = () => {
        isOver = true
      }
      other.then(stop, stop)
      const began = performance.now()
      const bookings: Promise<number>[] = []
      while (bookings.length < count || !isOver) {
        const booking = booker.book()
        // One that is refused is thrown at the end: those behind it keep the pace.
        booking.catch(() => undefined)
        bookings.push(booking)
        const due = began + (bookings.length * 1_000) / perSecond
        await sleep(Math.max(0, due - performance.now()))
      }
      return await Promise.all(bookings)
    },
    async ended(ids) {
      await untilTold(ids)
      const { rows } = await look.query<{ id: number; state: string; accepted: number; written: number }>(
        `select appointment_id::int as id, state, extract(epoch from created_at)::float8 * 1000 as accepted,
          extract(epoch from ended_at)::float8 * 1000 as written
        from writes where kind = 'insert' and appointment_id = any($1)`,
        [ids],
      )
      const lost = rows.filter(({ state }) => state !== 'complete')
      if (lost.length > 0 || rows.length !== ids.length)
        throw new Error(`Of ${ids.length} bookings ${rows.length - lost.length} were written.`)
      return {
        written: rows.map(({ accepted, written }) => written - accepted),
        told: rows.map(({ id, written }) => (arrivals.get(id) ?? Number.NaN) - written),
      }
    },
  }
  return booker
}

/** The practices in turn; in each every room at a half hour before the next half hour, and the patients in turn. */
function bookingOf(practices: BenchPractice[], base: number, n: number) {
  const practice = practices[n % practices.length]
  if (!practice) throw new Error('there is no practice')
  const own = Math.floor(n / practices.length)
  const { rooms, patientIds, subdomain, locationId, appointmentTypeId } = practice
  const appt = {
    patient_id: patientIds[own % patientIds.length],
    ...rooms[own % rooms.length],
    appointment_type_id: appointmentTypeId,
    start_time: toInstant(base + Math.floor(own / rooms.length) * HALF_HOUR_MS),
  }
  return { path: `/appointments?subdomain=${subdomain}&location_id=${locationId}`, appt }
}

/**
 * Confirms so many appointments at the front desk, one after the other, each at another moment between two pulls.
 * Milliseconds from the desk's answer until the API shows it. Takes the appointments away from `ids`.
 */
export async function changeAtDesk(
  { look, practices }: LatencyBench,
  { url, token }: Serving,
  ids: number[],
  count: number,
): Promise<number[]> {
  const seen: number[] = []
  for (let n = 0; n < count; n++) {
    const id = ids.shift()
    const { rows } = await look.query<{ foreign_id: string; institution_id: number }>(
      'select foreign_id, institution_id::int from appointments where id = $1',
      [id],
    )
    const [row] = rows
    const practice = practices.find(({ institutionId }) => institutionId === row?.institution_id)
    if (!row || !practice) throw new Error('there is no appointment left to change')
    await sleep(((n * GOLDEN) % 1) * 2_000)
    await confirmAtDesk(practice.url, row.foreign_id)
    const changed = performance.now()
    while (!(await isConfirmed(`${url}/appointments/${id}?subdomain=${practice.subdomain}`, token))) {
      if (performance.now() - changed > PATIENCE_MS)
        throw new Error(`A change of appointment ${id} was not seen.`)
      await sleep(LOOK_MS)
    }
    seen.push(performance.now() - changed)
  }
  return seen
}

async function confirmAtDesk(practiceUrl: string, visit: string): Promise<void> {
  const answer = await fetch(`${practiceUrl}/desk/confirm`, {
    method: 'POST',
    headers: { 'x-practice-key': SANDBOX_KEY, 'content-type': 'application/json' },
    body: JSON.stringify({ visit_id: visit }),
  })
  if (!answer.ok) throw new Error(`The front desk is answered ${answer.status}.`)
  await answer.arrayBuffer()
}

async function isConfirmed(url: string, token: string): Promise<boolean> {
  const answer = await fetch(url, { headers: { authorization: `Bearer ${token}` } })
  if (!answer.ok) throw new Error(`A read of an appointment is answered ${answer.status}.`)
  const { data } = (await answer.json()) as { data: { appt?: { confirmed: boolean }; confirmed?: boolean } }
  return (data.appt ?? data).confirmed === true
}
