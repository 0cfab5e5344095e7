import { expect, it } from 'vitest'
import { isPhone, matchKey, nameKey, phoneKey, phoneKeys, showPhone } from '../../src/model/people.ts'

it.each([
  ["Zoë O'Brien-Smith", 'zoe obrien smith'],
  ['  José   da Silva ', 'jose da silva'],
  ['Dr. Ağca', 'dr agca'],
  ['李 小龙', '李 小龙'],
  ['%_', ''],
])('compares the name %s as %s', (name, key) => {
  expect(nameKey(name)).toBe(key)
})

it.each([
  ['(503)555-0142', '5035550142', '5035550142'],
  ['+1 503 555 0142', '5035550142', '5035550142'],
  ['1.503.555.0142', '5035550142', '5035550142'],
  ['503-555-0142 ext. 12', '5035550142', '5035550142'],
  ['+44 20 7946 0018', '442079460018', '+442079460018'],
  ['020 7946 0018', '02079460018', '020 7946 0018'],
])('compares the phone %s as %s and shows it as %s', (phone, key, shown) => {
  expect([phoneKey(phone), showPhone(phone)]).toEqual([key, shown])
})

it.each([
  ['5035550142', 'US', true],
  ['+15035550142', 'US', true],
  ['0123456789', 'US', false],
  ['1035550142', 'US', false],
  ['555-0142', 'US', false],
  ['+11234567890', 'US', false],
  ['+442079460018', 'US', true],
  ['011 44 20 7946 0018', 'US', true],
  ['0044 20 7946 0018', 'GB', true],
  ['020 7946 0018', 'GB', true],
  ['020 7946 0018', 'US', false],
  ['call me', 'US', false],
  ['', 'US', false],
  ['+1234567890123456', 'US', false],
])('%s in %s is a phone: %s', (phone, country, valid) => {
  expect(isPhone(phone, country)).toBe(valid)
})

it('keeps each phone once, without the empty ones', () => {
  expect(phoneKeys('(503)555-0142', null, '+15035550142', '', '5035550177')).toEqual([
    '5035550142',
    '5035550177',
  ])
})

it('matches the same person however the name and phone are written, and no other', () => {
  const person = { firstName: 'Imani', lastName: 'Okafor', birthDate: '1988-02-29', phone: '5035550142' }
  const same = {
    firstName: ' IMANI',
    lastName: 'Okafór',
    birthDate: '1988-02-29',
    phone: '+1 (503) 555-0142',
  }
  expect(matchKey(same)).toBe(matchKey(person))
  for (const other of [
    { birthDate: '1988-02-28' },
    { phone: '5035550143' },
    { lastName: 'Okafo' },
    { birthDate: null },
  ])
    expect(matchKey({ ...person, ...other })).not.toBe(matchKey(person))
})

it('reads a phone of many extension marks at once, and a mark in its last line alone', () => {
  expect(phoneKey('(503) 555-0142 ext. 7\n')).toBe('50355501427')
  expect(phoneKey('home\n(503) 555-0142 Extension 7')).toBe('5035550142')
  const began = performance.now()
  expect(phoneKey(`${'x'.repeat(200_000)}\n`)).toBe(null)
  expect(performance.now() - began).toBeLessThan(5000)
})

it('makes a key that an index holds, however long a record system says the name and the phone are', () => {
  const long = { firstName: '😀𝒜ß'.repeat(9000), lastName: '語'.repeat(9000), birthDate: '1988-02-29' }
  const key = matchKey({ ...long, phone: '5035550142'.repeat(900) })
  expect(Buffer.byteLength(key ?? '')).toBeLessThan(2600)
  expect(key?.isWellFormed()).toBe(true)
  expect(nameKey('語'.repeat(9000)).length).toBe(300)
})
