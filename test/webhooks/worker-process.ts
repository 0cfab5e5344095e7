/**
 * A worker that tells, as a program of its own, for tests that kill it: `node worker-process.ts <url> <direct url> <master key>`.
 * Its leases are short, so that a takeover does not make a test wait.
 */

import { openClock } from '../../src/db/clock.ts'
import { openDatabase } from '../../src/db/database.ts'
import { openPool } from '../../src/db/pool.ts'
import { deliveryBody } from '../../src/http/versions/webhooks.ts'
import { tellChanges } from '../../src/store/tell-changes.ts'
import { sequenceHandler } from '../../src/sync/sequence.ts'
import { deliverHandler } from '../../src/webhooks/deliver.ts'
import { openSender } from '../../src/webhooks/send.ts'
import { openResolve, readAllowed } from '../../src/webhooks/target.ts'
import { startWork } from '../../src/work/loop.ts'
import { openWake } from '../../src/work/wake.ts'

const [url = '', directUrl = '', key = ''] = process.argv.slice(2)
const pool = openPool({ url, max: 10, prepare: true, applicationName: 'telling worker' })
const database = openDatabase(pool, Buffer.from(key, 'base64'), tellChanges)
const clock = await openClock(database.kysely)
const wake = openWake(pool, directUrl)
const allowed = readAllowed(['loopback'])
if (typeof allowed === 'string') throw new Error(allowed)
const sender = openSender({ allowed, resolve: openResolve() })
// What goes wrong while the database restarts is expected, and heals.
const log = { error: () => undefined }
startWork({
  database,
  clock,
  wake,
  log,
  handlers: {
    sequence: sequenceHandler({ wake: () => wake.wake(), log, clock }),
    deliver: deliverHandler({ database, clock, sender, shape: (told) => deliveryBody(told, []) }),
  },
  slots: 16,
  leaseMs: 1_000,
  slowMs: 1_000,
})
process.stdout.write('ready\n')
// Without its parent it ends too.
process.stdin.on('end', () => process.exit(0)).resume()
