/**
 * Input: read leniently, judged strictly, every fault told at once. Null means absent, numeric strings are numbers,
 * `"true"` and `"false"` booleans, and nothing is made of null (decision 18).
 */
import type { TSchema } from 'typebox'
import { Compile } from 'typebox/compile'
import type { TLocalizedValidationError } from 'typebox/error'

type Shape = {
  type?: string | string[]
  properties?: Record<string, Shape>
  items?: Shape
  enum?: unknown[]
  additionalProperties?: unknown
}
type Dict = Record<string, unknown>

export interface Checked {
  value: Dict
  /** One sentence for each thing wrong. */
  faults: string[]
  /** Parameters that the schema does not know. */
  ignored: string[]
  /** Lists that came as one text, such as `a=1,2`. */
  bare?: string[]
}

/** A checker for one schema, made once. */
export function checkerOf(schema: TSchema): (input: unknown) => Checked {
  const compiled = Compile(schema)
  const shape = schema as Shape
  return (input) => {
    const value = coerce(shape, input ?? {}) as Dict
    if (!isDict(value)) return { value: {}, faults: ['Parameter body must be an object'], ignored: [] }
    const ignored: string[] = []
    findIgnored(shape, value, '', ignored)
    const nul = findText(value, '', (text) => text.includes('\0'))
    if (nul !== null)
      return { value, faults: [`Parameter ${nul} must not contain the NUL character`], ignored }
    const half = findText(value, '', (text) => !text.isWellFormed())
    if (half !== null)
      return { value, faults: [`Parameter ${half} must not contain half of a surrogate pair`], ignored }
    const bare = Object.entries((input ?? {}) as Dict).flatMap(([name, given]) =>
      typeof given === 'string' && isList(shape, name) ? [name] : [],
    )
    const faults = compiled.Check(value) ? [] : sentences(compiled.Errors(value))
    return { value: onlyKnown(shape, value) as Dict, faults, ignored, bare }
  }
}

function isList(shape: Shape, name: string): boolean {
  return Object.hasOwn(shape.properties ?? {}, name) && shape.properties?.[name]?.type === 'array'
}

function coerce(shape: Shape, value: unknown): unknown {
  if (value === null || value === undefined) return undefined
  const type = Array.isArray(shape.type) ? shape.type[0] : shape.type
  if (type === 'object') return isDict(value) ? coerceObject(shape, value) : value
  if (type === 'array') return coerceArray(shape, value)
  if (typeof value === 'string') {
    if (type === 'integer' || type === 'number')
      return /^[+-]?\d+(\.\d+)?$/.test(value.trim()) ? Number(value) : value
    if (type === 'boolean') return value === 'true' ? true : value === 'false' ? false : value
  }
  if (type === 'string' && typeof value === 'number') return String(value)
  return value
}

function coerceObject(shape: Shape, value: Dict): Dict {
  const made: Dict = {}
  for (const [name, given] of Object.entries(value)) {
    if (name === '__proto__') continue
    const known = Object.hasOwn(shape.properties ?? {}, name) ? shape.properties?.[name] : undefined
    const read = known ? coerce(known, given) : given
    if (read !== undefined && read !== null) made[name] = read
  }
  return made
}

/** `a[]=1&a[]=2`, `a[]=1,2` and a lone `a=1,2` are the same list. */
function coerceArray(shape: Shape, value: unknown): unknown {
  const list = Array.isArray(value) ? value : [value]
  return list
    .flatMap((item) => (typeof item === 'string' ? item.split(',').map((text) => text.trim()) : [item]))
    .filter((item) => item !== '' && item !== null)
    .map((item) => (shape.items ? coerce(shape.items, item) : item))
}

function findIgnored(shape: Shape, value: Dict, path: string, ignored: string[]): void {
  const properties = shape.properties ?? {}
  for (const [name, given] of Object.entries(value)) {
    const known = Object.hasOwn(properties, name) ? properties[name] : undefined
    if (!known) {
      if (shape.additionalProperties !== true) ignored.push(path + name)
    } else if (known.properties && isDict(given)) findIgnored(known, given, `${path}${name}.`, ignored)
  }
}

/** Without what the schema does not know: a handler that hands its input on must not hand on that. */
function onlyKnown(shape: Shape, value: unknown): unknown {
  const { properties, items } = shape
  if (Array.isArray(value)) return items ? value.map((item) => onlyKnown(items, item)) : value
  if (!properties || !isDict(value)) return value
  const made: Dict = {}
  for (const [name, given] of Object.entries(value)) {
    if (Object.hasOwn(properties, name)) made[name] = onlyKnown(properties[name] ?? {}, given)
    else if (shape.additionalProperties === true) made[name] = given
  }
  return made
}

/** The path of a text such as PostgreSQL cannot hold; null where there is none. */
function findText(value: unknown, path: string, isStrange: (text: string) => boolean): string | null {
  if (typeof value === 'string') return isStrange(value) ? path : null
  if (typeof value !== 'object' || value === null) return null
  for (const [name, inner] of Object.entries(value)) {
    const within = path === '' || Array.isArray(value) ? path || name : `${path}.${name}`
    const found = findText(inner, within, isStrange)
    if (found !== null) return found
  }
  return null
}

/** TypeBox's errors as sentences: missing ones by the bare name, as NexHealth says them; the rest by their path. */
function sentences(errors: TLocalizedValidationError[]): string[] {
  const said = new Map<string, string>()
  for (const error of errors) {
    const path = error.instancePath
      .slice(1)
      .replaceAll('/', '.')
      .replaceAll('~1', '/')
      .replace(/\.\d+$/, '')
    if (error.keyword === 'required') {
      for (const name of error.params.requiredProperties)
        said.set(`${path}.${name}`, `Missing parameter ${name}`)
      continue
    }
    if (!said.has(path)) said.set(path, `Parameter ${path === '' ? 'body' : path} ${must(error)}`)
  }
  return [...said.values()]
}

const words: Record<string, string> = {
  integer: 'be a whole number',
  number: 'be a number',
  boolean: 'be true or false',
  string: 'be a text',
  object: 'be an object',
  array: 'be a list',
}

function must(error: TLocalizedValidationError): string {
  const params = error.params as { type?: string | string[]; allowedValues?: unknown[]; limit?: unknown }
  if (error.keyword === 'type') return `must ${words[[params.type].flat()[0] ?? ''] ?? 'be of another type'}`
  if (error.keyword === 'enum') return `must be one of ${(params.allowedValues ?? []).join(', ')}`
  if (error.keyword === 'maxLength') return `must be at most ${params.limit} characters`
  if (error.keyword === 'minLength') return 'must not be empty'
  if (error.keyword === 'format' || error.keyword === 'pattern') return 'must be a day such as 2026-12-07'
  if (error.keyword === 'maxItems') return `must not have more than ${params.limit} items`
  return error.message
}

function isDict(value: unknown): value is Dict {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
