/** A data source's configuration from flags, files and standard input, checked by its connector's schema. */
import { readFileSync } from 'node:fs'
import type { TSchema } from 'typebox'
import { Value } from 'typebox/value'
import { Failure } from '../model/failures.ts'
import type { Input, Option } from './command.ts'

export const configurationOptions: Record<string, Option> = {
  set: { type: 'string', value: 'key=value', multiple: true, about: 'One value of the configuration' },
  'set-file': {
    type: 'string',
    value: 'key=<file>',
    multiple: true,
    about: 'The same from a file, for secrets (- for standard input)',
  },
  file: {
    type: 'string',
    value: '<json>',
    about: 'The whole configuration as a JSON file (- for standard input)',
  },
}

/**
 * The configuration that the flags give, laid over `present`.
 * @returns null where no flag gives any
 * @throws Failure naming each key that is wrong, never a value
 */
export async function readConfiguration(
  { values, terminal }: Input,
  schema: TSchema,
  present: Record<string, unknown> = {},
): Promise<Record<string, unknown> | null> {
  const read = async (file: string) =>
    file === '-' ? await terminal.readInput() : readFileSync(file, 'utf8')
  const file = values.text('file')
  const given = [...values.list('set').map(split), ...values.list('set-file').map(split)]
  if (file === undefined && given.length === 0) return null
  const configuration = file === undefined ? { ...present } : readObject(await read(file))
  refuseSecrets(schema, values.list('set').map(split))
  for (const [key, value] of values.list('set').map(split))
    put(configuration, key, convert(schema, key, value))
  for (const [key, from] of values.list('set-file').map(split))
    put(configuration, key, convert(schema, key, (await read(from)).replace(/\r?\n$/, '')))
  return checkConfiguration(schema, configuration)
}

/** @throws Failure naming each secret that was given as an argument: others on the machine can see arguments */
function refuseSecrets(schema: TSchema, given: [string, string][]): void {
  const secret = given.flatMap(([key]) => (isSecret(schema, key) ? [key] : []))
  if (secret.length > 0)
    throw new Failure(
      'invalid_request',
      secret.map(
        (key) =>
          `${key} is secret, and arguments are seen by everyone on this machine: give it with --set-file ${key}=<file>, or - for standard input.`,
      ),
    )
}

/** @throws Failure naming each key that is wrong */
export function checkConfiguration(
  schema: TSchema,
  configuration: Record<string, unknown>,
): Record<string, unknown> {
  const wrong = [...Value.Errors(schema, configuration)].map(
    ({ instancePath, message }) =>
      `Configuration ${instancePath.slice(1).replaceAll('/', '.') || 'as a whole'}: ${message}.`,
  )
  if (wrong.length > 0) throw new Failure('invalid_request', [...new Set(wrong)])
  return configuration
}

function split(given: string): [string, string] {
  const at = given.indexOf('=')
  if (at < 1) throw new Failure('invalid_request', `${at < 0 ? given : 'A setting'} must be key=value.`)
  return [given.slice(0, at), given.slice(at + 1)]
}

function readObject(text: string): Record<string, unknown> {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    // What was in it may be a secret: not even the parser's words are shown.
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new Failure('invalid_request', 'The configuration must be a JSON object.')
  return { ...value }
}

/** `auth.kind` reaches into an object. */
function put(configuration: Record<string, unknown>, key: string, value: unknown): void {
  const names = key.split('.')
  const last = names.pop() ?? key
  let at = configuration
  for (const name of names) {
    const inner = at[name]
    const next = typeof inner === 'object' && inner !== null ? { ...inner } : {}
    at[name] = next
    at = next as Record<string, unknown>
  }
  at[last] = value
}

/** Flags are text; where the schema wants a number, a boolean, a list or an object, the text is read as JSON. */
function convert(schema: TSchema, key: string, text: string): unknown {
  let part: unknown = schema
  for (const name of key.split('.')) part = propertyOf(part, name)
  const type = typeof part === 'object' && part !== null && 'type' in part ? part.type : undefined
  if (type === undefined || type === 'string') return text
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

/** Whether any of the shapes that the schema allows marks this key as secret. */
function isSecret(schema: TSchema, key: string): boolean {
  const shapes = (part: unknown): unknown[] =>
    typeof part === 'object' && part !== null && 'anyOf' in part && Array.isArray(part.anyOf)
      ? part.anyOf.flatMap(shapes)
      : [part]
  let parts: unknown[] = [schema]
  for (const name of key.split('.')) parts = parts.flatMap(shapes).map((part) => propertyOf(part, name))
  return parts
    .flatMap(shapes)
    .some((part) => typeof part === 'object' && part !== null && 'secret' in part && part.secret === true)
}

function propertyOf(schema: unknown, name: string): unknown {
  if (typeof schema !== 'object' || schema === null || !('properties' in schema)) return undefined
  return (schema.properties as Record<string, unknown>)[name]
}
