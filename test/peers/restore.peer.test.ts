/** What docs/operations/backup.md promises, on Debian's PostgreSQL: a restore to an instant, and a standby that takes over. */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { until } from '../support/bridge.ts'
import { bridgeOn } from './debian-postgres/bridge-on.ts'
import { ask, debianGround, type Ground } from './debian-postgres/start-postgres.ts'
import { backupInstructions } from './debian-postgres/written-instructions.ts'

/** The practice's file and ours, beside the clusters: they do not go back. */
function aside(stack: AsyncDisposableStack): string {
  const folder = mkdtempSync(join(tmpdir(), 'restore-'))
  stack.defer(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

function backupFolder(ground: Ground): string {
  const folder = join(ground.folder, 'backup')
  ground.sh(`mkdir -p ${folder}/wal`)
  return folder
}

it('goes back to an instant by the written instructions: nothing is written twice, and what was booked after it is found', async () => {
  await using stack = new AsyncDisposableStack()
  const ground = stack.use(debianGround())
  const backups = backupFolder(ground)
  const written = backupInstructions(backups)
  ground.init('main', written.settings)
  const server = await ground.start('main')
  const bridge = stack.use(await bridgeOn(server, aside(stack)))
  const first = await bridge.serve()
  await until(
    'the first load',
    [],
    async () => (await bridge.look('select loaded_at from data_sources'))[0].loaded_at,
  )
  const kept = await bridge.booked(first.client)
  await bridge.ended(kept)
  ground.sh(written.backup, { PGHOST: server.socket, PGUSER: 'postgres' })

  // Owed at the instant, and written after it.
  const after = await bridge.booked(first.client)
  await bridge.ended(after)
  await bridge.desk('PUT', '/faults', { faults: [{ kind: 'busy', always: true }] })
  const owed = await bridge.booked(first.client)
  const [{ at }] = await bridge.look('select clock_timestamp()::text as at')
  const lost = await bridge.booked(first.client)
  await bridge.desk('PUT', '/faults', {})
  for (const id of [owed, lost]) expect(await bridge.ended(id)).toMatchObject({ state: 'complete' })
  // The segment that holds all this reaches the archive; at the latest `archive_timeout` does it.
  const [{ segment }] = await bridge.look('select pg_walfile_name(pg_switch_wal()) as segment')
  await until('the segment in the archive', [], async () =>
    readdirSync(join(backups, 'wal')).includes(segment) ? true : null,
  )
  // What is noticed is a beat that is lost; a process has one every five seconds.
  const beat = async () => Number((await bridge.look('select beat from installation'))[0].beat)
  const last = await beat()
  await until('a beat and one more', [], async () => ((await beat()) >= last + 2 ? true : null))
  await first.process[Symbol.asyncDispose]()
  await server.kill()

  const restore = written.restore.replace(/recovery_target_time = '.*'/, `recovery_target_time = '${at}'`)
  expect(restore).toContain(at)
  ground.sh(restore, { PGDATA: join(ground.folder, 'restored') })
  const restored = await ground.start('restored')
  await until('the end of recovery', [], async () =>
    (await ask(restored.url, 'select pg_is_in_recovery() as is_in'))[0].is_in ? null : true,
  )
  bridge.goTo(restored)
  const [{ ids }] = await bridge.look('select array_agg(id::int order by id) as ids from writes')
  expect(ids).toHaveLength(3)
  const refused = await bridge.serve().then(
    ({ process }) => stack.use(process),
    (error: Error) => error.message,
  )
  expect(refused).toBe('serve ended before it was ready')
  const recovered = await bridge.command('recover --restored')
  expect([recovered.code, recovered.noted]).toEqual([0, ''])
  expect(recovered.said).toContain('1 owed writes')

  const second = await bridge.serve()
  stack.use(second.process)
  expect(await bridge.ended(owed)).toMatchObject({ state: 'complete' })
  const found = await until('the lost booking to be read', [], async () => {
    const rows = JSON.parse((await bridge.command('recover --found --json')).said)
    return rows.length > 0 ? rows : null
  })
  expect(found).toHaveLength(1)
  const next = await bridge.booked(second.client)
  await bridge.ended(next)
  const made = await bridge.bookings()
  expect(made).toHaveLength(5)
  expect(made.map(({ id }) => id)).toContain(found[0].foreign_id)
  for (const id of [found[0].id, next]) expect(id).toBeGreaterThan(lost)
}, 300_000)

it('loses no booking that was answered when a synchronous standby takes over', async () => {
  await using stack = new AsyncDisposableStack()
  const ground = stack.use(debianGround())
  const standby = { name: 'standby', data: join(ground.folder, 'standby') }
  ground.init('main', "synchronous_standby_names = '1 (standby)'\nsynchronous_commit = local")
  const server = await ground.start('main')
  const bridge = stack.use(await bridgeOn(server, aside(stack)))
  ground.sh(
    `pg_basebackup --pgdata=${standby.data} --write-recovery-conf --checkpoint=fast --wal-method=stream -d "application_name=standby"`,
    {
      PGHOST: server.socket,
      PGUSER: 'postgres',
    },
  )
  const other = await ground.start(standby.name)
  // Only now does a commit wait: there was nobody to wait for.
  await bridge.look('alter system set synchronous_commit = on')
  await bridge.look('select pg_reload_conf()')
  await until('the standby to be synchronous', [], async () => {
    const rows = await bridge.look("select 1 from pg_stat_replication where sync_state = 'sync'")
    return rows.length === 1 ? true : null
  })
  const { process, client } = await bridge.serve()
  await until(
    'the first load',
    [],
    async () => (await bridge.look('select loaded_at from data_sources'))[0].loaded_at,
  )
  const wanted = await Promise.all(Array.from({ length: 16 }, async () => await bridge.appointment()))
  const answered: number[] = []
  const path = `/appointments?location_id=${bridge.practice.locationId}`
  const booking = wanted.map(async (appt) => {
    // A server that is gone answers 503, or nothing.
    const answer = await client.post(path, { appt }).catch(() => null)
    if (answer?.status === 201) answered.push(answer.body.data.appt.id)
  })
  await until('some answers', [], async () => (answered.length >= 3 ? true : null))
  await server.kill()
  await Promise.all(booking)
  await process[Symbol.asyncDispose]()
  await ask(other.url, 'select pg_promote()')
  bridge.goTo(other)
  const rows = await bridge.look('select id::int from appointments where id = any($1)', [answered])
  expect(rows.map(({ id }) => id).sort()).toEqual([...answered].sort())
}, 300_000)
