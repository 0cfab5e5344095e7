/** Now, by the database's clock plus the test offset. A process's own clock only measures how long things took. */
import { type Kysely, sql } from 'kysely'
import type { DB } from './tables.ts'

export interface Clock {
  /** Epoch milliseconds, by `app_now()` as last measured. */
  now(): number
  /** The same as an instant (ISO 8601, UTC, milliseconds). */
  instant(): string
  /** Asks the database again; called every second by whoever runs work, and after a test moved the offset. */
  measure(): Promise<void>
}

/** Measures how far the database's `app_now()` is from this process's clock and keeps that offset. */
export async function openClock(db: Kysely<DB>): Promise<Clock> {
  let offset = 0
  const clock: Clock = {
    now: () => Date.now() + offset,
    instant: () => new Date(clock.now()).toISOString(),
    async measure() {
      const sent = Date.now()
      const { rows } = await sql<{
        ms: number
      }>`select (extract(epoch from app_now()) * 1000)::float8 as ms`.execute(db)
      const measured = rows[0]?.ms
      if (measured !== undefined) offset = Math.round(measured - (sent + Date.now()) / 2)
    },
  }
  await clock.measure()
  return clock
}
