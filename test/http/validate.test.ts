import { Type } from 'typebox'
import { expect, it } from 'vitest'
import { parseQuery } from '../../src/http/query-string.ts'
import { checkerOf } from '../../src/http/validate.ts'

const check = checkerOf(
  Type.Object({
    id: Type.Integer({ minimum: 1 }),
    ids: Type.Optional(Type.Array(Type.Integer(), { maxItems: 3 })),
    on: Type.Optional(Type.Boolean()),
    name: Type.Optional(Type.String({ maxLength: 5 })),
    kind: Type.Optional(Type.Unsafe<string>({ type: 'string', enum: ['a', 'b'] })),
    inner: Type.Optional(Type.Object({ n: Type.Number() })),
    open: Type.Optional(Type.Object({}, { additionalProperties: true })),
  }),
)

it('reads texts of numbers and booleans, single items as lists, and leaves null out', () => {
  const { value, faults } = check({
    id: ' 7 ',
    ids: '1,2',
    on: 'true',
    name: 5,
    inner: { n: '1.5' },
    kind: null,
  })
  expect([value, faults]).toEqual([{ id: 7, ids: [1, 2], on: true, name: '5', inner: { n: 1.5 } }, []])
  expect(check({ id: 1, ids: ['1', '2,3'] }).value).toEqual({ id: 1, ids: [1, 2, 3] })
  expect(check({ id: 1, ids: 4 }).value).toEqual({ id: 1, ids: [4] })
})

it('hands on nothing that the schema does not know, in lists neither, and says so', () => {
  const nested = checkerOf(
    Type.Object({ rows: Type.Array(Type.Object({ a: Type.Integer() })), o: Type.Object({}) }),
  )
  const { value, ignored } = nested({ rows: [{ a: 1, b: 2 }], o: { c: 3 }, d: 4 })
  expect(value).toEqual({ rows: [{ a: 1 }], o: {} })
  expect(ignored).toEqual(['o.c', 'd'])
  expect(check({ id: 1, open: { any: { thing: 1 } } }).value).toEqual({ id: 1, open: { any: { thing: 1 } } })
})

it('makes nothing of null, of empty texts, or of other words', () => {
  expect(check({ id: null }).faults).toEqual(['Missing parameter id'])
  expect(check(null).faults).toEqual(['Missing parameter id'])
  expect(check({ id: '', on: '1' }).faults).toEqual([
    'Parameter id must be a whole number',
    'Parameter on must be true or false',
  ])
})

it('tells every fault at once, each once', () => {
  const { faults } = check({
    id: 'x',
    ids: [1, 2, 3, 4],
    name: 'too long',
    kind: 'c',
    inner: {},
    on: 'maybe',
  })
  expect(faults).toEqual([
    'Parameter id must be a whole number',
    'Parameter ids must not have more than 3 items',
    'Parameter on must be true or false',
    'Parameter name must be at most 5 characters',
    'Parameter kind must be one of a, b',
    'Missing parameter n',
  ])
})

it('lists what it does not know, at every depth but in open objects', () => {
  const { ignored } = check({ id: 1, colour: 1, inner: { n: 1, mood: 2 }, open: { anything: 3 } })
  expect(ignored).toEqual(['colour', 'inner.mood'])
})

it('is not fooled by names of the prototype', () => {
  const { value, ignored } = check(JSON.parse('{"id": 1, "__proto__": {"on": true}, "constructor": 2}'))
  expect((value as { on?: boolean }).on).toBeUndefined()
  expect(ignored).toEqual(['constructor'])
})

it('reads query strings with brackets, repeats, pluses and malformed escapes', () => {
  expect({ ...parseQuery('a[]=1&a[]=2&b=x+y&c=%2B&d&e=%zz&f=1&f=2&g[0]=7&h%5B%5D=8') }).toEqual({
    a: ['1', '2'],
    b: 'x y',
    c: '+',
    d: '',
    e: '%zz',
    f: ['1', '2'],
    g: ['7'],
    h: ['8'],
  })
})
