/** The record system's limits, applied when accepting, so that reading back never differs by our own rounding. */
import { Failure } from '../model/failures.ts'
import { addMs, type Instant, minutes, toMs } from '../model/time.ts'
import { minutesPastHour } from '../scheduling/hours.ts'
import type { SourceCapabilities } from '../store/data-sources.ts'

/** Longest visit. A block may be longer; the scan for conflicts slices it. */
export const VISIT_MAX_MS = minutes(24 * 60)
/** Longest block: a year, so that a slip of a digit does not close a practice for a century. */
export const BLOCK_MAX_MS = minutes(366 * 24 * 60)

export interface Times {
  start: Instant
  end: Instant
}

/** Fits start and end to the system's grain of minutes. An end is rounded up with a warning; a start is never moved. */
export function fitTimes(
  times: Times,
  zone: string,
  source: SourceCapabilities | null,
  unavailable: boolean,
): Times & { warnings: string[] } {
  const { start } = times
  let { end } = times
  const warnings: string[] = []
  if (end <= start) throw new Failure('invalid_request', 'Parameter end_time must be after start_time')
  const longest = unavailable ? BLOCK_MAX_MS : VISIT_MAX_MS
  if (toMs(end) - toMs(start) > longest)
    throw new Failure(
      'invalid_request',
      `Parameter end_time is more than ${longest / minutes(60)} hours after start_time`,
    )
  const grain = source?.limits.grainMinutes ?? 1
  if (minutesPastHour(start, zone) % grain !== 0)
    throw new Failure(
      'invalid_request',
      `Parameter start_time must lie on a multiple of ${grain} ${grain === 1 ? 'minute' : 'minutes'}: the health record system has no finer times`,
    )
  const over = (toMs(end) - toMs(start)) % minutes(grain)
  if (over !== 0) {
    end = addMs(end, minutes(grain) - over)
    warnings.push(
      `end_time was rounded up to ${end}: the health record system keeps multiples of ${grain} minutes.`,
    )
  }
  return { start, end, warnings }
}

/** Fits a note to what the system keeps. What it cannot keep is cut or replaced with a warning, never in silence. */
export function fitNote(
  note: string | null,
  source: SourceCapabilities | null,
): { note: string | null; warnings: string[] } {
  if (note === null || note.trim() === '') return { note: null, warnings: [] }
  const warnings: string[] = []
  let kept = note
  const { noteLength = null, characters = 'unicode' } = source?.limits ?? {}
  const outside =
    characters === 'latin1'
      ? /[\u{100}-\u{10ffff}]/gu
      : characters === 'bmp'
        ? /[\u{10000}-\u{10ffff}]/gu
        : null
  if (outside?.test(kept)) {
    kept = kept.replace(outside, '\u00b7')
    warnings.push(
      'note has characters that the health record system cannot keep; they were replaced by a dot.',
    )
  }
  if (noteLength !== null && kept.length > noteLength) {
    kept = kept.slice(0, noteLength)
    warnings.push(`note was cut to ${noteLength} characters: the health record system keeps no more.`)
  }
  return { note: kept, warnings }
}
