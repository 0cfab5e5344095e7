/** What a server is set up from says what our program understands, and asks for no more rights than it needs. */
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { readConfig } from '../../src/config.ts'
import { readYaml, type Yaml } from './read-yaml.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const read = (file: string) => readFileSync(join(root, file), 'utf8')

/** The instructions of a Dockerfile, continued lines joined. */
function instructions(file: string): [string, string][] {
  return read(file)
    .replaceAll(/^#.*\n/gm, '')
    .replaceAll(/\\\n\s*/g, '')
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => {
      const [, name, rest] = /^([A-Z]+) (.+)$/.exec(line) ?? []
      if (!name || !rest) throw new Error(`${file}: ${line}`)
      return [name, rest]
    })
}

type Service = { [name: string]: Yaml } & { environment: { [name: string]: string } }
const services = (readYaml(read('compose.yaml')) as { services: { [name: string]: Service } }).services
const filled = (text: string) => text.replaceAll(/\$\{\w+:\?\}/g, Buffer.alloc(32, 7).toString('base64'))

it('the image is made of files that are there, and runs as nobody in particular', () => {
  const lines = instructions('Dockerfile')
  const own = lines.filter(([name, rest]) => name === 'COPY' && !rest.startsWith('--from='))
  for (const [, rest] of own)
    for (const file of rest.split(' ').slice(0, -1)) {
      expect([file, existsSync(join(root, file))]).toEqual([file, true])
      // What .dockerignore leaves out is not there to be copied.
      expect(read('.dockerignore').split('\n')).toContain(`!${file}`)
    }
  const last = lines.slice(lines.findLastIndex(([name]) => name === 'FROM'))
  expect(last.find(([name]) => name === 'USER')?.[1]).toMatch(/^[1-9]\d*:[1-9]\d*$/)
  expect(last.filter(([name]) => name === 'ADD')).toEqual([])
  const { engines } = JSON.parse(read('package.json')) as { engines: { node: string } }
  for (const [, image] of lines.filter(([name]) => name === 'FROM'))
    expect(`>=${/^node:(\d+)-/.exec(image)?.[1]}`).toBe(engines.node)
  const start = JSON.parse(last.find(([name]) => name === 'ENTRYPOINT')?.[1] ?? '') as string[]
  // dist/main.js is made from src/main.ts.
  expect(existsSync(join(root, (start.at(-1) ?? '').replace('dist', 'src').replace('.js', '.ts')))).toBe(true)
})

it('every process of the composed installation starts with settings that are understood', () => {
  const known = /^const ROLES.*= \[(.*)\]$/m.exec(read('src/cli/serve.ts'))?.[1]
  const roles: string[] = []
  for (const name of ['migrate', 'api', 'worker']) {
    const service = services[name]
    if (!service) throw new Error(`there is no service ${name}`)
    const { environment, command } = service
    const env = Object.fromEntries(Object.entries(environment).map(([key, value]) => [key, filled(value)]))
    const config = readConfig(env)
    expect(config.databaseUrl).toContain('postgres://slotbridge:')
    if (name === 'migrate') {
      expect(command).toBe('migrate')
      continue
    }
    const [, role = ''] = /^serve --role (\w+)$/.exec(String(command)) ?? []
    roles.push(role)
    // Debian's PgBouncer carries no named statements, and no LISTEN in transaction mode.
    expect([new URL(config.databaseUrl ?? '').port, config.databasePrepare]).toEqual(['6432', false])
    expect(new URL(config.databaseDirectUrl ?? '').port).toBe('5432')
    expect(config.masterKey).not.toBeNull()
    expect(service.deploy).toEqual({ replicas: '2' })
    // Whoever runs it asks it, at the port that it answers at, whether it is ready.
    const port = role === 'worker' ? config.workerPort : config.port
    expect(port).toBeGreaterThan(0)
    expect((service.healthcheck as { test: string }).test).toContain(`http://127.0.0.1:${port}/readyz`)
  }
  expect(roles).toEqual(['api', 'worker'])
  for (const role of roles) expect(known).toContain(`'${role}'`)
})

it('what is ours in it has a read-only root, no capability, and no secret in the file', () => {
  for (const [name, service] of Object.entries(services)) {
    for (const [key, value] of Object.entries(service.environment ?? {}))
      if (/PASSWORD|KEY/.test(key)) expect([name, key, value]).toEqual([name, key, `\${${key}:?}`])
    if (name === 'postgres') continue
    expect([name, service.read_only, service.cap_drop]).toEqual([name, 'true', ['ALL']])
    expect(service.security_opt).toEqual(['no-new-privileges:true'])
  }
  for (const { depends_on } of Object.values(services))
    for (const other of Object.keys((depends_on as object | undefined) ?? {}))
      expect(Object.keys(services)).toContain(other)
})

it('PgBouncer hands out connections by the transaction, and fewer than PostgreSQL has', () => {
  const ini = read('deploy/pgbouncer/pgbouncer.ini')
  const setting = (name: string) => new RegExp(`^${name} = (.*)$`, 'm').exec(ini)?.[1]
  expect(setting('pool_mode')).toBe('transaction')
  expect(setting('slotbridge')).toBe('host=postgres port=5432 dbname=slotbridge')
  // PostgreSQL's own default is 100.
  expect(Number(setting('default_pool_size'))).toBeLessThan(90)
  expect(Number(setting('max_client_conn'))).toBeGreaterThan(4 * readConfig({}).databasePoolMax)
  for (const file of ['deploy/pgbouncer/start.sh', 'deploy/postgres/login.sh'])
    expect([file, statSync(join(root, file)).mode & 0o111]).toEqual([file, 0o111])
})

it('the systemd unit starts a role, and waits longer for it than draining takes', () => {
  const unit = read('deploy/systemd/slotbridge@.service')
  const setting = (name: string) => new RegExp(`^${name}=(.*)$`, 'm').exec(unit)?.[1]
  expect(setting('ExecStart')).toBe('/opt/slotbridge/node_modules/.bin/slotbridge serve --role %i')
  expect(setting('User')).toBe('slotbridge')
  expect(unit).toContain(`SLOTBRIDGE_DATA_DIR=/var/lib/${setting('StateDirectory')}`)
  expect([setting('ProtectSystem'), setting('NoNewPrivileges')]).toEqual(['strict', 'yes'])
  const environment = [...unit.matchAll(/^Environment=(.*)$/gm)].flatMap(([, given = '']) => given.split(' '))
  const { workerPort } = readConfig(
    Object.fromEntries(environment.map((one) => one.split('=') as [string, string])),
  )
  expect([workerPort, read('docs/operations/watching.md').includes(`:${workerPort}`)]).toEqual([4020, true])
  // Node makes code while it runs.
  expect(setting('MemoryDenyWriteExecute')).toBeUndefined()
  const drains = /^const DRAIN_MAX_MS = (\d+)_(\d+)$/m.exec(read('src/cli/signals.ts'))
  const drainSeconds = Number(`${drains?.[1]}${drains?.[2]}`) / 1000
  expect(drainSeconds).toBeGreaterThan(0)
  expect(Number(setting('TimeoutStopSec'))).toBeGreaterThan(drainSeconds)
  for (const name of ['api', 'worker'])
    expect(Number.parseInt(String(services[name]?.stop_grace_period), 10)).toBeGreaterThan(drainSeconds)
})

it('the alert rules are YAML that Prometheus reads, and each says what is wrong and what to do', () => {
  type Rule = { [name: string]: Yaml } & {
    labels: { severity: string }
    annotations: { [name: string]: string }
  }
  const { groups } = readYaml(read('docs/operations/alerts.yaml')) as {
    groups: { rules: Rule[] }[]
  }
  const rules = groups.flatMap((group) => group.rules)
  expect(rules.length).toBeGreaterThan(10)
  for (const { alert, expr, for: lasting, labels, annotations } of rules) {
    expect([alert, expr]).toEqual([expect.stringMatching(/^Slotbridge/), expect.stringMatching(/slotbridge/)])
    expect([alert, lasting]).toEqual([alert, expect.stringMatching(/^\d+m$/)])
    expect(['warning', 'critical']).toContain(labels.severity)
    expect([alert, Object.keys(annotations)]).toEqual([alert, ['summary', 'description']])
  }
})

it('what is deployed is documented', () => {
  for (const folder of readdirSync(join(root, 'deploy')))
    expect(read('docs/operations/deploy.md')).toContain(`deploy/${folder}`)
})

it('the page of licences is what the lockfile says, and each is of a kind that may be shipped', () => {
  const { status, stderr } = spawnSync(process.execPath, [join(root, 'docs/list-licences.ts'), '--check'], {
    encoding: 'utf8',
  })
  expect([stderr, status]).toEqual(['', 0])
})
