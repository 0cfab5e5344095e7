/**
 * Whether two records are one person. Three things identify: name, birth date and phone. All three agree: the same. Two
 * agree: nobody may guess, a person is asked. Fewer: another. The table of cases is in test/model/same-person.cases.ts.
 */
import { accentedName, nameKey, type PersonToMatch, partsOfName, phoneKey } from './people.ts'

export type Likeness = 'same' | 'ask' | 'other'
/** What agrees, by the wire's names. */
export type Agreement = 'name' | 'date_of_birth' | 'phone'

/** One person as far as it identifies them. Phones as people write them, or already in the form they are compared by. */
export interface Identity extends Omit<PersonToMatch, 'phone'> {
  middleName: string | null
  phones: (string | null)[]
  /** Who pays and is reached for them: as good as a phone in common. */
  guarantorId?: number | null
}

interface Comparison {
  likeness: Likeness
  agreeing: Agreement[]
}

/** Compares two people. Neither the order of the two nor how they are written matters. */
export function comparePeople(one: Identity, other: Identity): Comparison {
  const name = compareNames(one, other)
  const birthDate = one.birthDate !== null && one.birthDate === other.birthDate
  const phones = new Set(other.phones.map(phoneKey))
  const phone =
    sameGuarantor(one, other) ||
    one.phones.some((given) => phoneKey(given) !== null && phones.has(phoneKey(given)))
  const agreeing: Agreement[] = []
  if (name === 'equal' || name === 'alike') agreeing.push('name')
  if (birthDate) agreeing.push('date_of_birth')
  if (phone) agreeing.push('phone')
  return { likeness: judge(name, agreeing, one, other), agreeing }
}

function sameGuarantor(one: Identity, other: Identity): boolean {
  return typeof one.guarantorId === 'number' && one.guarantorId === other.guarantorId
}

function judge(name: NameLikeness, agreeing: Agreement[], one: Identity, other: Identity): Likeness {
  if (agreeing.length === 3 && name === 'equal') return 'same'
  if (agreeing.length < 2) return 'other'
  // Father and son: the generation is told, and the birth dates differ.
  const datesDiffer = one.birthDate !== null && other.birthDate !== null && one.birthDate !== other.birthDate
  return datesDiffer && otherGeneration(one, other) ? 'other' : 'ask'
}

/** `alike`: the same letters, told otherwise, so that they may be two people's names. */
type NameLikeness = 'equal' | 'alike' | 'different'

function compareNames(one: Identity, other: Identity): NameLikeness {
  const a = partsOfName(one.firstName, one.lastName)
  const b = partsOfName(other.firstName, other.lastName)
  if (a.first === '' || b.first === '' || a.last === '' || b.last === '') return 'different'
  if (a.first === b.first && a.last === b.last)
    return otherGeneration(one, other) || otherAccents(one, other) ? 'alike' : 'equal'
  if (a.first === b.last && a.last === b.first) return 'alike'
  // "Mary Ann" "Smith" may stand elsewhere as "Mary", "Ann", "Smith".
  return whole(one) === whole(other) ? 'alike' : 'different'
}

function whole({ firstName, middleName, lastName }: Identity): string {
  return nameKey(firstName, middleName, lastName).replaceAll(' ', '')
}

/** Both tell a generation, and not the same. Told once only, it was left out on the other side. */
function otherGeneration(one: Identity, other: Identity): boolean {
  const a = partsOfName(one.firstName, one.lastName).suffix
  const b = partsOfName(other.firstName, other.lastName).suffix
  return a !== '' && b !== '' && a !== b
}

/** Both are written with accents, and not the same. Written once only, they were left out on the other side. */
function otherAccents(one: Identity, other: Identity): boolean {
  const written = (person: Identity) => {
    const { first, last } = partsOfName(person.firstName, person.lastName, accentedName)
    return [first, last] as const
  }
  const [first, last] = written(one)
  const [otherFirst, otherLast] = written(other)
  return conflicts(first, otherFirst) || conflicts(last, otherLast)
}

function conflicts(name: string, other: string): boolean {
  const plain = (text: string) => nameKey(text) === text
  return name !== other && !plain(name) && !plain(other)
}
