/** What letters a column of the practice's database keeps. */
import type { Capabilities } from '../connector.ts'

export type Characters = Capabilities['limits']['characters']

/** From the name of a MySQL character set. `latin1` there is Windows-1252; only its common part with ISO 8859-1 is used. */
export function charactersOf(charset: string): Characters {
  if (charset === 'utf8mb4') return 'unicode'
  return charset.startsWith('utf8') ? 'bmp' : 'latin1'
}

/** Whether the text has a letter that would be lost: stored as `?`, or cut off with all behind it. */
export function unkept(text: string, characters: Characters): boolean {
  if (characters === 'unicode') return false
  const last = characters === 'bmp' ? 0xffff : 0xff
  return [...text].some((letter) => (letter.codePointAt(0) ?? 0) > last)
}
