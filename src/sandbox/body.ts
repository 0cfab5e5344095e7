/** Reads fields out of a request's JSON; each reader refuses with the field's name. `undefined` means not sent. */
import { badInput } from './refusal.ts'

export type Body = Record<string, unknown>

/** The longest remark in characters; the practice's own rule. */
export const REMARK_MAX = 500
/** Times lie on whole multiples of this many minutes; the practice's own rule. */
export const GRAIN_MINUTES = 5

export function asBody(value: unknown): Body {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw badInput('bad_body', 'The body must be a JSON object.')
  }
  return value as Body
}

/** Refuses fields that nobody reads: a misspelt field is an error of the caller, never silently dropped. */
export function onlyFields(body: Body, allowed: readonly string[]): void {
  for (const name of Object.keys(body)) {
    if (!allowed.includes(name)) throw badInput('unknown_field', `There is no field ${name.slice(0, 40)}.`)
  }
}

/** Text of at most `max` characters; null where sent as null. */
export function text(body: Body, name: string, max = 100): string | null | undefined {
  const value = body[name]
  if (value === undefined || value === null) return value
  if (typeof value !== 'string') throw badInput('bad_field', `${name} must be text.`)
  if ([...value].length > max) throw badInput('too_long', `${name} has more than ${max} characters.`)
  return value
}

export function requiredText(body: Body, name: string, max = 100): string {
  const value = text(body, name, max)
  if (value === undefined || value === null || value.trim() === '') {
    throw badInput('missing_field', `${name} is missing.`)
  }
  return value
}

export function flag(body: Body, name: string): boolean | undefined {
  const value = body[name]
  if (value === undefined || value === null) return undefined
  if (typeof value !== 'boolean') throw badInput('bad_field', `${name} must be true or false.`)
  return value
}

/** A row id: decimal digits as text. */
export function id(body: Body, name: string): number | null | undefined {
  const value = body[name]
  if (value === undefined || value === null) return value
  if (typeof value !== 'string') throw badInput('bad_field', `${name} must be an id as text.`)
  return parseId(value, name)
}

export function requiredId(body: Body, name: string): number {
  const value = id(body, name)
  if (value === undefined || value === null) throw badInput('missing_field', `${name} is missing.`)
  return value
}

/** @throws Refusal 422 where `value` is not a row id. */
export function parseId(value: string, name: string): number {
  if (!/^[1-9]\d{0,14}$/.test(value)) throw badInput('bad_id', `${name} is not an id.`)
  return Number(value)
}

export function integer(body: Body, name: string): number | undefined {
  const value = body[name]
  if (value === undefined || value === null) return undefined
  if (typeof value !== 'number' || !Number.isSafeInteger(value)) {
    throw badInput('bad_field', `${name} must be a whole number.`)
  }
  return value
}

/** An instant with `Z` or an offset → epoch milliseconds. */
export function instant(body: Body, name: string): number | null | undefined {
  const value = body[name]
  if (value === undefined || value === null) return value
  if (typeof value !== 'string') throw badInput('bad_field', `${name} must be an instant as text.`)
  return parseInstant(value, name)
}

/** @throws Refusal 422 where `value` is not an ISO 8601 instant with an offset. */
export function parseInstant(value: string, name: string): number {
  const shape = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,3})?)?(Z|[+-]\d\d:\d\d)$/
  const ms = shape.test(value) ? Date.parse(value) : Number.NaN
  if (Number.isNaN(ms)) throw badInput('bad_instant', `${name} is not an instant with an offset.`)
  return ms
}

/** A calendar day `YYYY-MM-DD` that exists. */
export function parseDay(value: string, name: string): string {
  const ms = /^\d{4}-\d\d-\d\d$/.test(value) ? Date.parse(`${value}T00:00:00Z`) : Number.NaN
  if (Number.isNaN(ms) || new Date(ms).toISOString().slice(0, 10) !== value) {
    throw badInput('bad_day', `${name} is not a day.`)
  }
  return value
}

/** A list of short texts without repeats, sorted. */
export function texts(body: Body, name: string): string[] | undefined {
  const value = body[name]
  if (value === undefined || value === null) return undefined
  if (!Array.isArray(value) || value.length > 50 || !value.every((one) => typeof one === 'string')) {
    throw badInput('bad_field', `${name} must be a list of at most 50 texts.`)
  }
  return [...new Set(value as string[])].sort()
}
