/** Who is taken for whom: the labelled pairs, and the laws that hold of any names. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { accentedName, matchKey, nameKey, partsOfName, phoneKey } from '../../src/model/people.ts'
import { comparePeople, type Identity } from '../../src/model/same-person.ts'
import { groups, readPerson } from './same-person.cases.ts'

const pairs = groups.flatMap((group) =>
  group.pairs.map(([one, other]) => ({ ...group, one: readPerson(one), other: readPerson(other) })),
)

describe.each(groups.map((group) => [group.title, group] as const))('%s', (_, { decision, pairs }) => {
  it.each(pairs)(`%s and %s: ${decision}`, (one, other) => {
    expect(comparePeople(readPerson(one), readPerson(other)).likeness).toBe(decision)
    expect(comparePeople(readPerson(other), readPerson(one)).likeness).toBe(decision)
  })
})

it('merges no two people in 200 labelled pairs, and says how often it asks', () => {
  const decided = pairs.map(({ truth, one, other }) => `${truth} ${comparePeople(one, other).likeness}`)
  const count = (what: string) => decided.filter((one) => one === what).length
  expect(pairs).toHaveLength(200)
  expect(count('two same')).toBe(0)
  const created = count('one other') + count('two other')
  const asked = count('one ask') + count('two ask')
  console.info(
    `200 pairs: ${count('one same')} taken for one (0 wrongly), ${asked} asked (${count('one ask')} are one person), ` +
      `${created} created (${count('one other')} of them a second time)`,
  )
})

const name = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 20 }),
  fc.string({ unit: 'binary', maxLength: 20 }),
  fc.stringMatching(/^[A-Za-zÀ-ſ' .-]{0,20}( (Jr\.?|Sr|III))?$/),
)
const person = fc.record({
  firstName: name,
  middleName: fc.option(name),
  lastName: name,
  birthDate: fc.option(fc.constantFrom('1988-02-29', '1988-02-28')),
  phones: fc.array(fc.constantFrom('5035550142', '+1 503 555 0142', '5035550199', null), { maxLength: 3 }),
})

it('says of a form of a name or phone, taken as a name or phone, the same again', () => {
  fc.assert(
    fc.property(name, (text) => {
      expect(nameKey(nameKey(text))).toBe(nameKey(text))
      expect(accentedName(accentedName(text))).toBe(accentedName(text))
      expect(nameKey(accentedName(text))).toBe(nameKey(text))
    }),
  )
  fc.assert(
    fc.property(fc.stringMatching(/^\+?[0-9 ().-]{0,20}( ?x[0-9]{1,4})?$/), (text) => {
      expect(phoneKey(phoneKey(text))).toBe(phoneKey(text))
    }),
  )
})

it('compares anybody with anybody in either order alike, and takes them for one only under one match key', () => {
  fc.assert(
    fc.property(person, person, (one, other) => {
      const { likeness, agreeing } = comparePeople(one, other)
      expect(comparePeople(other, one)).toEqual({ likeness, agreeing })
      if (likeness !== 'same') return
      const key = (of: Identity) => matchKey({ ...of, phone: null })
      expect(key(one)).toBe(key(other))
    }),
  )
})

it('leaves no name without letters, and puts suffixes aside only behind a name', () => {
  expect(partsOfName('Ii', 'Junior')).toEqual({ first: 'ii', last: 'junior', suffix: '' })
  expect(partsOfName('John', 'Fairbrook, Jr.')).toEqual({ first: 'john', last: 'fairbrook', suffix: 'jr' })
})
