/** How far reading has come: kept as the cursor's text. */
import Type, { type Static } from 'typebox'
import { Compile } from 'typebox/compile'
import { CursorLost } from '../connector.ts'

const Key = Type.String({ pattern: '^\\d{1,19}$' })
const Stamp = Type.String({ pattern: '^\\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d:\\d\\d$' })

const Sweep = Type.Object({
  /** Rows stamped since then are wanted, in UTC as the database says. */
  since: Stamp,
  /** When the sweep that is under way began; null between two. */
  began: Type.Union([Stamp, Type.Null()]),
  /** The key up to which it has come. */
  after: Key,
})
export type Sweep = Static<typeof Sweep>

const Place = Type.Object({
  v: Type.Literal(1),
  /** The table that the first load is at, and how far; null once everything was read. */
  load: Type.Union([Type.Object({ table: Type.String(), after: Key }), Type.Null()]),
  sweeps: Type.Record(Type.String(), Sweep),
  /** Every patient up to this key was passed on. */
  patients: Key,
  /** Deletions up to this key were. */
  deletions: Key,
  marks: Type.Record(Type.String(), Type.Number()),
})
export type Place = Static<typeof Place>

const check = Compile(Place)

/** @throws CursorLost where the text is none of ours */
export function readCursor(text: string): Place {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    value = null
  }
  if (!check.Check(value)) throw new CursorLost('The cursor is of another version of this connector.')
  return value
}

export function writeCursor(place: Place): string {
  return JSON.stringify(place)
}
