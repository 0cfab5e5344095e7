/** `serve`: the server, the workers, or both. */
import { type Role, startApp } from '../app.ts'
import { openLog } from '../log.ts'
import { Failure } from '../model/failures.ts'
import type { Command, Input } from './command.ts'
import { giveBackMemory } from './heap.ts'
import { listenForStop, whenAborted } from './signals.ts'

const ROLES: readonly Role[] = ['api', 'worker', 'all']

export const serve: Command = {
  name: 'serve',
  about: 'Answer HTTP, keep the record systems in step, or both',
  options: {
    role: { type: 'string', value: 'api|worker|all', about: 'What this process does (default all)' },
    port: {
      type: 'string',
      value: '<port>',
      about:
        'Port to listen on, 0 for any (default PORT, else 4010; for a worker SLOTBRIDGE_WORKER_PORT, else none)',
    },
    host: {
      type: 'string',
      value: '<address>',
      about: 'Address to listen on (default HOST, else 127.0.0.1)',
    },
    migrate: { type: 'boolean', about: 'Bring the schema at DATABASE_URL up to date first' },
  },
  details: [
    'With DATABASE_URL any number of api and worker processes may run; without it, one process with the embedded database',
    'in the data directory. Logs are JSON lines on standard output. SIGTERM or Ctrl-C drains, a second one ends at once.',
  ].join('\n'),
  run,
}

async function run({ config, values }: Input): Promise<number> {
  const role = ROLES.find((name) => name === (values.text('role') ?? 'all'))
  if (!role) throw new Failure('invalid_request', `--role must be one of ${ROLES.join(', ')}.`)
  const given = values.whole('port', 0, 65_535)
  const port = given ?? config.port
  const workerPort = given ?? config.workerPort
  const host = values.text('host') ?? config.host
  const log = openLog(config.logLevel, null)
  using signals = listenForStop()
  const app = await startApp({
    config: { ...config, port, workerPort, host },
    role,
    log,
    migrate: values.flag('migrate'),
    killed: signals.killed,
  })
  log.info({ role, url: app.url }, 'ready')
  giveBackMemory()
  await whenAborted(signals.asked)
  log.info({}, 'draining')
  await app.stop()
  log.info({}, 'stopped')
  return 0
}
