/**
 * A server as a program of its own, for tests that kill it: `node server-process.ts <url> <master key, base64> <log>`. It
 * is the one that `serve --role api` starts, prints where it answers, and logs what went wrong to that file.
 */
import { flushCompileCache } from 'node:module'
import { startApp } from '../../src/app.ts'
import { readConfig } from '../../src/config.ts'
import { openLog } from '../../src/log.ts'

const [url, key, file = null] = process.argv.slice(2)
const config = readConfig({
  DATABASE_URL: url,
  SLOTBRIDGE_MASTER_KEY: key,
  PORT: '0',
  // Many programs share one PostgreSQL of a hundred connections here.
  DATABASE_POOL_MAX: '8',
})
// Without its parent it ends too.
process.stdin.on('end', () => process.exit(0)).resume()
const app = await startApp({ config, role: 'api', log: openLog('error', file) })
process.stdout.write(`${app.url}\n`)
// The next one of it starts faster.
flushCompileCache()
