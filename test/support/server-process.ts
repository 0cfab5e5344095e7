/**
 * A server as a program of its own, for tests with several: `node server-process.ts <url> <master key, base64>`. Prints its
 * address, and ends with its parent. Whoever works on what is owed looks once a second.
 */
import type { AddressInfo } from 'node:net'
import { openClock } from '../../src/db/clock.ts'
import { openDatabase } from '../../src/db/database.ts'
import { openPool } from '../../src/db/pool.ts'
import { buildServer } from '../../src/http/server.ts'
import { tellChanges } from '../../src/store/tell-changes.ts'

const [url = '', key = ''] = process.argv.slice(2)
const pool = openPool({ url, max: 10, prepare: true, applicationName: 'test server' })
const database = openDatabase(pool, Buffer.from(key, 'base64'), tellChanges)
const clock = await openClock(database.kysely)
const server = buildServer({ database, clock, connectors: [], wake: () => undefined })
await server.listen({ host: '127.0.0.1', port: 0 })
process.stdout.write(`http://127.0.0.1:${(server.server.address() as AddressInfo).port}\n`)
process.stdin.on('end', () => process.exit(0)).resume()
