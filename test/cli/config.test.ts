import { expect, it } from 'vitest'
import { readConfig } from '../../src/config.ts'
import { Failure } from '../../src/model/failures.ts'

const key = Buffer.alloc(32, 7).toString('base64')

function sentencesOf(env: Record<string, string>): string[] {
  try {
    readConfig(env)
  } catch (error) {
    return error instanceof Failure ? error.sentences : [String(error)]
  }
  return []
}

it('has a default for every setting', () => {
  expect(readConfig({})).toMatchObject({
    databaseUrl: null,
    dataDir: '.slotbridge',
    port: 4010,
    masterKey: null,
  })
})

it('takes an empty variable for one that is not set', () => {
  expect(readConfig({ PORT: '', DATABASE_URL: ' ' })).toMatchObject({ port: 4010, databaseUrl: null })
})

it('reads what is set', () => {
  const config = readConfig({
    DATABASE_URL: 'postgres://slotbridge@db/slotbridge',
    DATABASE_PREPARE: 'off',
    SLOTBRIDGE_MASTER_KEY: key,
    PORT: '0',
  })
  expect(config).toMatchObject({ databasePrepare: false, port: 0 })
  expect(config.masterKey).toHaveLength(32)
})

it('reads master keys as a list: the first seals, the others open', () => {
  const other = Buffer.alloc(32, 9).toString('base64')
  const config = readConfig({ SLOTBRIDGE_MASTER_KEY: `${other}, ${key}` })
  expect(config.masterKey?.toString('base64')).toBe(other)
  expect(config.olderMasterKeys.map((one) => one.toString('base64'))).toEqual([key])
  for (const wrong of [`${key},`, `${key},${key.slice(1)}`, `${key};${other}`]) {
    const sentences = sentencesOf({ SLOTBRIDGE_MASTER_KEY: wrong })
    expect(sentences).toHaveLength(1)
    expect(sentences[0]).not.toContain(key.slice(1))
  }
})

it('names every variable that is wrong at once, and never what it holds', () => {
  const sentences = sentencesOf({
    DATABASE_URL: 'mysql://secret@db/x',
    DATABASE_PREPARE: 'maybe',
    SLOTBRIDGE_MASTER_KEY: 'c2VjcmV0',
    PORT: '70000',
    SLOTBRIDGE_LOG_LEVEL: 'loud',
  })
  expect(sentences).toHaveLength(5)
  for (const name of [
    'DATABASE_URL',
    'DATABASE_PREPARE',
    'SLOTBRIDGE_MASTER_KEY',
    'PORT',
    'SLOTBRIDGE_LOG_LEVEL',
  ])
    expect(sentences.some((sentence) => sentence.startsWith(`${name} must be`))).toBe(true)
  expect(sentences.join(' ')).not.toMatch(/secret|c2VjcmV0|70000|loud|maybe/)
})

it('refuses a direct URL without the other, and a URL that names no login', () => {
  expect(sentencesOf({ DATABASE_DIRECT_URL: 'postgres://postgres@db/x' })).toEqual([
    'DATABASE_DIRECT_URL needs DATABASE_URL beside it.',
  ])
  expect(sentencesOf({ DATABASE_URL: 'postgres://db/x' })).toEqual([
    'DATABASE_URL must name the user to log in as.',
  ])
})

it("takes OpenTelemetry's own variables for where traces go: a base, or the whole, and none without", () => {
  expect(readConfig({ OTEL_SERVICE_NAME: 'x' }).traces).toBeNull()
  expect(readConfig({ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318/' }).traces).toEqual({
    url: 'http://collector:4318/v1/traces',
    service: 'slotbridge',
    ratio: 1,
  })
  const whole = {
    OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318',
    OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'https://traces/otlp',
    OTEL_SERVICE_NAME: 'bridge',
    OTEL_TRACES_SAMPLER_ARG: '0.25',
  }
  expect(readConfig(whole).traces).toEqual({ url: 'https://traces/otlp', service: 'bridge', ratio: 0.25 })
  expect(
    sentencesOf({ OTEL_EXPORTER_OTLP_ENDPOINT: 'collector:4317', OTEL_TRACES_SAMPLER_ARG: '2' }),
  ).toEqual([
    'OTEL_TRACES_SAMPLER_ARG must be a number from 0 to 1.',
    'OTEL_EXPORTER_OTLP_ENDPOINT must be an http or https URL such as http://127.0.0.1:4318.',
  ])
})
