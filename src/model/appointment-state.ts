/**
 * One appointment is three layers: the *draft* (what was asked for), the *mirror* (what the record system last said) and
 * the *overlay* (what we still owe it, or a local edit). What is shown is computed here from the three, and nowhere else;
 * the overlay is laid beside the mirror, never inside it. Times are instants, ids are ours.
 */
import type { Instant } from './time.ts'

/** What a record system says of an appointment, in our ids. */
export interface MirrorFields {
  location_id: number
  patient_id: number | null
  provider_id: number | null
  operatory_id: number | null
  start_time: Instant
  end_time: Instant
  unavailable: boolean
  confirmed: boolean
  confirmed_at: Instant | null
  cancelled: boolean
  cancelled_at: Instant | null
  checkin_at: Instant | null
  checked_out: boolean
  checked_out_at: Instant | null
  patient_missed: boolean
  note: string | null
  descriptor_ids: number[]
}

/** What only we know of an appointment. */
export interface OwnFields {
  appointment_type_id: number | null
  referrer: string | null
  is_guardian: boolean
  is_new_clients_patient: boolean
  sooner_if_possible: boolean
  patient_confirmed: boolean
  patient_confirmed_at: Instant | null
}

export type Fields = MirrorFields & OwnFields
export type FieldName = keyof Fields
export type Draft = Fields

export interface Mirror extends MirrorFields {
  /** The record system holds it no longer. */
  gone: boolean
  version: string | null
  entered_at: Instant | null
}

/**
 * Owed by that write until it ends. Where it ended without our knowing whether it is in effect, `unsure_since` then: until the
 * next pull that begins after it, which says what stands.
 */
export interface OwedEntry {
  value: unknown
  write: number
  unsure_since?: Instant
}
/** A local edit, undone by the next pull that begins after it; `owed` is what it lies over, and comes to light again then. */
export interface EditedEntry {
  value: unknown
  edited_at: Instant
  owed?: OwedEntry
}
export type OverlayEntry = OwedEntry | EditedEntry
export type Overlay = Partial<Record<FieldName, OverlayEntry>>

export interface AppointmentState {
  draft: Draft | null
  mirror: Mirror | null
  overlay: Overlay
}

export type ShownFields = Fields & { deleted: boolean }

const own: OwnFields = {
  appointment_type_id: null,
  referrer: null,
  is_guardian: false,
  is_new_clients_patient: false,
  sooner_if_possible: false,
  patient_confirmed: false,
  patient_confirmed_at: null,
}

/** What stands without the overlay: the mirror where there is one, else the draft. */
export function baseOf(state: AppointmentState): ShownFields {
  if (!state.mirror) {
    if (!state.draft) throw new Error('an appointment has neither draft nor mirror')
    return { ...state.draft, deleted: false }
  }
  const { gone, version: _version, entered_at: _entered, ...mirror } = state.mirror
  // A row that is gone is cancelled too: v3 has no `deleted`, and a client must not see it stand.
  return { ...own, ...state.draft, ...mirror, cancelled: mirror.cancelled || gone, deleted: gone }
}

/** What is shown. With `owedOnly`, local edits are left out: they occupy nothing and are written nowhere. */
export function shownOf(state: AppointmentState, owedOnly = false): ShownFields {
  const shown = baseOf(state)
  for (const [name, entry] of Object.entries(state.overlay)) {
    const laid = owedOnly ? owedOf(entry) : entry
    if (laid) Object.assign(shown, { [name]: laid.value })
  }
  return shown
}

/** What is owed of a field, under a local edit too. */
function owedOf(entry: OverlayEntry): OwedEntry | undefined {
  return 'write' in entry ? entry : entry.owed
}

/** The overlay with a local edit. What is owed of the field stays beneath it: only what is shown is another. */
export function withEdit(overlay: Overlay, name: FieldName, value: unknown, at: Instant): Overlay {
  const entry = overlay[name]
  const owed = entry && owedOf(entry)
  return { ...overlay, [name]: { value, edited_at: at, ...(owed && { owed }) } }
}

/** The overlay without the entries of one write. */
export function withoutWrite(overlay: Overlay, write: number): Overlay {
  return each(overlay, (entry) => {
    if (owedOf(entry)?.write !== write) return entry
    return 'write' in entry ? undefined : { value: entry.value, edited_at: entry.edited_at }
  })
}

/** The overlay once a write ended without our knowing whether it is in effect. */
export function withUnsure(overlay: Overlay, write: number, since: Instant): Overlay {
  return each(overlay, (entry) => {
    const owed = owedOf(entry)
    if (owed?.write !== write) return entry
    const unsure = { ...owed, unsure_since: since }
    return 'write' in entry ? unsure : { ...entry, owed: unsure }
  })
}

/** The overlay after a pull that began at `at`: without the local edits made before it, and without what was unsure then. */
export function withoutEdits(overlay: Overlay, at: Instant): Overlay {
  return each(overlay, (entry) => {
    const owed = owedOf(entry)
    const kept = owed?.unsure_since !== undefined && owed.unsure_since < at ? undefined : owed
    if ('write' in entry || entry.edited_at < at) return kept
    return { value: entry.value, edited_at: entry.edited_at, ...(kept && { owed: kept }) }
  })
}

/** Since when the oldest entry stands that a pull undoes; null where there is none. */
export function oldestEdit(overlay: Overlay): Instant | null {
  const entries = Object.values(overlay)
  const edited = entries.flatMap((entry) => ('edited_at' in entry ? entry.edited_at : []))
  const unsure = entries.flatMap((entry) => owedOf(entry)?.unsure_since ?? [])
  return [...edited, ...unsure].sort()[0] ?? null
}

function each(overlay: Overlay, become: (entry: OverlayEntry) => OverlayEntry | undefined): Overlay {
  const entries = Object.entries(overlay).map(([name, entry]) => [name, become(entry)] as const)
  return Object.fromEntries(entries.filter(([, entry]) => entry !== undefined))
}

/** The fields that differ, with their values in `before`. */
export function differences(before: ShownFields, after: ShownFields): Partial<ShownFields> {
  const changed: Record<string, unknown> = {}
  for (const name of Object.keys(before) as (keyof ShownFields)[])
    if (!same(before[name], after[name])) changed[name] = before[name]
  return changed
}

/** Equal values; lists by their members. */
export function same(a: unknown, b: unknown): boolean {
  return Array.isArray(a) && Array.isArray(b)
    ? a.length === b.length && a.every((v, i) => v === b[i])
    : a === b
}
