import { describe, expect, it } from 'vitest'
import { readSettings } from '../../../src/connectors/fhir/configuration.ts'

const base_url = 'https://fhir.example.org/r4/'

describe('the configuration', () => {
  it('needs a base URL only, and has a default for everything else', () => {
    expect(readSettings({ base_url })).toEqual({
      baseUrl: 'https://fhir.example.org/r4',
      auth: { method: 'none' },
      locations: null,
      operatories: null,
      confirmation: 'participant',
      insertBy: null,
      slots: null,
      operations: null,
      service: null,
      slotDaysAhead: 180,
      pageSize: 500,
      overlapMs: 120_000,
      lookbackMs: 86_400_000,
      longestSlotMs: 31 * 86_400_000,
      timeoutMs: 30_000,
    })
  })

  it.each<[string, unknown, string]>([
    ['nothing', {}, 'base_url'],
    ['a base URL with a query', { base_url: 'https://x.example/r4?a=1' }, 'base_url'],
    ['a base URL with a user', { base_url: 'https://me:pw@x.example/r4' }, 'base_url'],
    ['another scheme', { base_url: 'file:///etc/passwd' }, 'base_url'],
    ['a page of nothing', { base_url, page_size: 0 }, 'page_size'],
    ['an id that is none', { base_url, locations: ['a/b'] }, 'locations.0'],
    ['a key that does not exist', { base_url, base: 'x' }, 'base'],
    ['a method that does not exist', { base_url, auth: { method: 'guess' } }, 'auth'],
  ])('of %s is refused, naming the key', (_, configuration, key) => {
    expect(() => readSettings(configuration)).toThrow(key)
  })

  it('with a base URL of many slashes is read at once', () => {
    const began = performance.now()
    expect(readSettings({ base_url: `http://h${'/'.repeat(200_000)}x` }).baseUrl).toHaveLength(200_009)
    expect(readSettings({ base_url: `http://h/r4${'/'.repeat(200_000)}` }).baseUrl).toBe('http://h/r4')
    expect(performance.now() - began).toBeLessThan(5000)
  })

  it('never repeats a secret in an error', () => {
    const auth = { method: 'basic', username: 'me', password: 'hunter2-secret', more: true }
    expect(() => readSettings({ base_url, auth })).toThrow(/^(?!.*hunter2)/s)
  })
})
