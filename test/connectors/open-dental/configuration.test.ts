import { describe, expect, it } from 'vitest'
import { readSettings } from '../../../src/connectors/open-dental/configuration.ts'

const database = { host: 'server', user: 'reader' }
const api = { developer_key: 'dev', customer_key: 'cust' }
const zone = 'America/New_York'

describe('the configuration', () => {
  it('needs a database and a zone, and has a default for everything else', () => {
    expect(readSettings({ database, zone })).toEqual({
      database: { host: 'server', port: 3306, user: 'reader', password: '', name: 'opendental', tls: false },
      api: null,
      zone,
      serverZone: zone,
      clinicZones: new Map(),
      locationName: null,
      confirmedDefinitions: null,
      confirmDefinition: null,
      blockingBlockouts: new Set(),
      bookableBlockouts: new Set(),
      hoursDaysAhead: 180,
      overlapMs: 300_000,
      timeoutMs: 10_000,
    })
  })

  it('sends a request a second to the remote API, and as many as it wants to one in the house', () => {
    expect(readSettings({ database, zone, api }).api).toMatchObject({ mode: 'remote', intervalMs: 1000 })
    const url = 'http://10.0.0.5:30223/api/v1/'
    const local = readSettings({ database, zone, api: { ...api, url } }).api
    expect(local).toMatchObject({ url: url.slice(0, -1), mode: 'local', intervalMs: 0 })
    expect(readSettings({ database, zone, api: { ...api, interval_ms: 5000 } }).api?.intervalMs).toBe(5000)
  })

  it('reads a URL of many slashes at once', () => {
    const began = performance.now()
    const url = `http://h${'/'.repeat(200_000)}x`
    expect(readSettings({ database, zone, api: { ...api, url } }).api?.url).toBe(url)
    expect(performance.now() - began).toBeLessThan(5000)
  })

  it.each<[string, Record<string, unknown>, string]>([
    ['no zone', { database }, 'zone'],
    ['a zone that is none', { database, zone: 'America/Gotham' }, 'zone'],
    [
      'a zone of a clinic that is none',
      { database, zone, clinic_zones: { 3: 'Mars/Base' } },
      'clinic_zones.3',
    ],
    ['no host', { database: { user: 'reader' }, zone }, 'host'],
    ['a key with a slash', { database, zone, api: { ...api, customer_key: 'a/b' } }, 'api.customer_key'],
    ['an overlap of seconds', { database, zone, overlap_seconds: 5 }, 'overlap_seconds'],
  ])('is refused with %s, naming the key and no value', (_, configuration, key) => {
    expect(() => readSettings(configuration)).toThrow(key)
    expect(() => readSettings(configuration)).not.toThrow('a/b')
  })
})
