/** Instants as the wall shows them, with the offset in force: `2026-12-07T11:00:00.000-08:00`. */
import { toInstant } from '../model/time.ts'
import { DAY_MS, toDate } from './calendar.ts'
import type { Zone } from './zone.ts'

/** One instant (epoch ms) as wall time. */
export function wallText(ms: number, zone: Zone): string {
  const offset = zone.offsetAt(ms)
  return toInstant(ms + offset).slice(0, -1) + offsetText(offset)
}

/** The same for many whole minutes in a row: dates, times and offsets are made once. */
export function wallTexter(zone: Zone): (ms: number) => string {
  let latest = Number.NaN
  let date = ''
  const offsets = new Map<number, string>()
  return (ms) => {
    const offset = zone.offsetAt(ms)
    const wall = ms + offset
    const day = Math.floor(wall / DAY_MS)
    if (day !== latest) {
      latest = day
      date = toDate(day)
    }
    let suffix = offsets.get(offset)
    if (suffix === undefined) {
      suffix = `:00.000${offsetText(offset)}`
      offsets.set(offset, suffix)
    }
    return `${date}${TIMES[(wall - day * DAY_MS) / 60_000]}${suffix}`
  }
}

const two = (n: number) => String(Math.floor(n)).padStart(2, '0')
/** `T09:30` for each minute of a day. */
const TIMES = Array.from({ length: 1440 }, (_, minute) => `T${two(minute / 60)}:${two(minute % 60)}`)

/** `-08:00` for an offset in milliseconds. */
function offsetText(offset: number): string {
  const size = Math.abs(offset) / 60_000
  return `${offset < 0 ? '-' : '+'}${two(size / 60)}:${two(size % 60)}`
}
