/**
 * Our marker, kept at the end of an appointment's note: Open Dental takes no id of ours and has no field for one. It bears
 * the greatest AptNum and PatNum that we knew when it was made: what it marks is younger, so that looking for it reads the
 * youngest rows by their key and never the whole table.
 */
import { createHash, randomBytes } from 'node:crypto'
import type { Marker } from '../../model/records.ts'

const MARKER = /^sb([0-9a-z]{1,13})\.([0-9a-z]{1,13})\.[0-9a-f]{16}$/
const IN_NOTE = /\n?\[(sb[0-9a-z]{1,13}\.[0-9a-z]{1,13}\.[0-9a-f]{16})\]/

/** The greatest keys known, as text. */
export interface Known {
  aptNum: string
  patNum: string
}

/** A marker, random, or of a seed: all markers of one seed have one `tokenOf`, whatever was known when they were made. */
export function makeMarker({ aptNum, patNum }: Known, seed?: string): Marker {
  const short = (id: string) => BigInt(id).toString(36)
  const drawn =
    seed === undefined ? randomBytes(8) : createHash('sha256').update(seed).digest().subarray(0, 8)
  return `sb${short(aptNum)}.${short(patNum)}.${drawn.toString('hex')}`
}

/** What a row is looked for by. */
export function tokenOf(marker: Marker): string {
  return marker.slice(marker.lastIndexOf('.') + 1)
}

/** Before any row: for an insertion that may have been sent at a time that we forgot. */
export const NOTHING_KNOWN: Known = { aptNum: '0', patNum: '0' }

/** What a marker says about the rows that bear it: their keys are greater. Null where it is none of ours. */
export function readMarker(marker: Marker): Known | null {
  const [, apt, pat] = MARKER.exec(marker) ?? []
  if (apt === undefined || pat === undefined) return null
  return { aptNum: fromBase36(apt), patNum: fromBase36(pat) }
}

function fromBase36(text: string): string {
  let value = 0n
  for (const digit of text) value = value * 36n + BigInt(Number.parseInt(digit, 36))
  return value.toString()
}

/** The note as it goes there. */
export function markNote(note: string | null, marker: Marker | null): string {
  if (marker === null) return note ?? ''
  return note === null || note === '' ? `[${marker}]` : `${note}\n[${marker}]`
}

/** The note as people wrote it, and our marker where it bears one. What stands behind the marker was added by the desk. */
export function unmarkNote(stored: string | null): { note: string | null; marker: Marker | null } {
  if (stored === null || stored === '') return { note: null, marker: null }
  // Lines end there as on Windows.
  const text = stored.replaceAll('\r\n', '\n')
  const found = IN_NOTE.exec(text)
  if (!found) return { note: text, marker: null }
  const note = text.slice(0, found.index) + text.slice(found.index + found[0].length)
  return { note: note.replace(/^\n/, '') || null, marker: found[1] ?? null }
}
