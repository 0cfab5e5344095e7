/**
 * Instants are text: ISO 8601 in UTC with milliseconds, always 24 characters (`2026-12-07T19:00:00.000Z`),
 * so that they compare as text, leave on the wire as they are, and never meet the process's own zone.
 * Inside hot loops instants are epoch milliseconds (`toMs`).
 */
export type Instant = string

/** A calendar day without a zone, `2026-12-07`. */
export type LocalDate = string

/** Epoch milliseconds → instant. */
export function toInstant(ms: number): Instant {
  return new Date(ms).toISOString()
}

/** Instant → epoch milliseconds. */
export function toMs(instant: Instant): number {
  return Date.parse(instant)
}

/** The instant `ms` milliseconds after `instant` (before it, where negative). */
export function addMs(instant: Instant, ms: number): Instant {
  return toInstant(toMs(instant) + ms)
}

/** Whole minutes as milliseconds. */
export function minutes(count: number): number {
  return count * 60_000
}

/** Whole hours as milliseconds. */
export function hours(count: number): number {
  return count * 3_600_000
}
