/** Made-up people and a deterministic source of numbers for the practice on HAPI. No one here exists. */
import { createHash } from 'node:crypto'

export const FAMILIES = [
  'Abernathy',
  'Bellweather',
  'Cartwright',
  'Dunmore',
  'Eastlake',
  'Fairbrook',
  'Greenholm',
  'Hollister',
  'Ironwood',
  'Jessamine',
  'Kingsley',
  'Larkspur',
  'Merriweather',
  'Northcott',
  'Oakenfold',
  'Pemberton',
  'Quillfeather',
  'Ravenscroft',
  'Silverton',
  'Thistlewood',
  'Underhill',
  'Vandermeer',
  'Whitlock',
  'Yarborough',
]
export const GIVEN = [
  'Ada',
  'Bruno',
  'Clara',
  'Dario',
  'Edith',
  'Felix',
  'Greta',
  'Hugo',
  'Irma',
  'Jonas',
  'Klara',
  'Leo',
  'Mina',
  'Nils',
  'Olga',
  'Pavel',
  'Quinn',
  'Rosa',
  'Stefan',
  'Tilda',
  'Ulrich',
  'Vera',
  'Wanda',
  'Yusuf',
  'Zoë',
]

/** A UUID that is always the same for the same words: a practice loaded twice is one practice. */
export function stableUuid(...words: (string | number)[]): string {
  const hex = createHash('sha256').update(words.join('/')).digest('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`
}

/** Mulberry32: numbers in [0, 1), the same for the same seed on every machine. */
export function numbers(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let value = state
    value = Math.imul(value ^ (value >>> 15), value | 1)
    value ^= value + Math.imul(value ^ (value >>> 7), value | 61)
    return ((value ^ (value >>> 14)) >>> 0) / 4294967296
  }
}
