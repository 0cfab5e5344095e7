/** What `doctor` asks of the database, the clocks, the zone data, the workers, the endpoints and the disk. */
import { existsSync, statfsSync } from 'node:fs'
import type { Config } from '../config.ts'
import { inGlobal, inWork } from '../db/database.ts'
import type { Installation } from '../installation.ts'
import { listDeadEndpoints, readServerFacts, type ServerFacts, tryNamedStatement } from '../store/check-up.ts'
import { countLateWork } from '../store/watching.ts'

/** One line of the findings. */
export interface Finding {
  check: string
  status: 'ok' | 'warn' | 'fail'
  /** What was found; no patient data, no secret. */
  found: string
  /** What to do about it; null where nothing. */
  todo: string | null
}

export const ok = (check: string, found: string): Finding => ({ check, status: 'ok', found, todo: null })
export const warn = (check: string, found: string, todo: string): Finding => ({
  check,
  status: 'warn',
  found,
  todo,
})
export const fail = (check: string, found: string, todo: string): Finding => ({
  check,
  status: 'fail',
  found,
  todo,
})

const VERSION_LEAST = 150_000
const CLOCK_MAX_MS = 2_000
const LATE_SECONDS = 30
const NAMED_TRIES = 8
const GIB = 1024 ** 3

/** Every finding that is not about one data source. */
export async function checkInstallation(installation: Installation, config: Config): Promise<Finding[]> {
  const { database } = installation
  const before = Date.now()
  const facts = await inGlobal(database, readServerFacts)
  const skewMs = Math.round(facts.clock_ms - (before + Date.now()) / 2)
  return [
    checkVersion(facts),
    checkDurability(facts),
    checkRoles(facts),
    await checkPrepare(installation, config),
    // An installation with other migrations, or another key, does not open.
    ok('migrations', `all, up to number ${installation.schema}`),
    checkClocks(skewMs, facts.test_offset_ms),
    checkZoneData(installation.clock.now()),
    await checkWork(installation),
    await checkEndpoints(installation),
    checkDisk(config.dataDir),
  ]
}

function checkVersion({ version, version_text }: ServerFacts): Finding {
  if (version >= VERSION_LEAST) return ok('database', `PostgreSQL ${version_text}`)
  return fail('database', `PostgreSQL ${version_text}`, 'Upgrade PostgreSQL to 15 or newer.')
}

function checkDurability({ fsync, synchronous_commit, full_page_writes }: ServerFacts): Finding {
  const found = `fsync ${fsync}, synchronous_commit ${synchronous_commit}, full_page_writes ${full_page_writes}`
  const isSafe = fsync === 'on' && synchronous_commit !== 'off' && full_page_writes === 'on'
  if (isSafe) return ok('durability', found)
  return fail('durability', found, 'Set all three on: a booking that was accepted may be lost in a crash.')
}

function checkRoles({ login, roles }: ServerFacts): Finding {
  const missing = ['slotbridge_app', 'slotbridge_work'].filter((role) => !roles.includes(role))
  if (missing.length > 0)
    return fail(
      'roles',
      `${login} lacks ${missing.join(', ')}`,
      `Run ./slotbridge migrate, or: grant ${missing.join(', ')} to ${login};`,
    )
  if (roles.includes('slotbridge_owner'))
    return warn(
      'roles',
      `${login} may act as slotbridge_owner`,
      `Give the application a login of its own: revoke slotbridge_owner from ${login};`,
    )
  return ok('roles', `${login} is bound by row-level security`)
}

/** A pooler that cannot carry named statements shows it as soon as one name is used on several connections. */
async function checkPrepare({ database }: Installation, { databasePrepare }: Config): Promise<Finding> {
  if (!databasePrepare) return ok('statements', 'sent without names (DATABASE_PREPARE=off)')
  const tries = Array.from({ length: NAMED_TRIES }, () => inGlobal(database, tryNamedStatement))
  const failed = (await Promise.allSettled(tries)).filter(({ status }) => status === 'rejected')
  if (failed.length === 0) return ok('statements', 'sent with names')
  return fail(
    'statements',
    `${failed.length} of ${NAMED_TRIES} statements with a name were refused`,
    'Set DATABASE_PREPARE=off, or PgBouncer (1.21 or newer) to max_prepared_statements = 200.',
  )
}

function checkClocks(skewMs: number, testOffsetMs: number): Finding {
  const found = `the database is ${Math.abs(skewMs)} ms ${skewMs < 0 ? 'behind' : 'ahead of'} this machine`
  if (testOffsetMs !== 0)
    return fail(
      'clocks',
      `time is shifted by ${testOffsetMs} ms, as only tests do`,
      'Run: update test_clock set offset_ms = 0;',
    )
  if (Math.abs(skewMs) <= CLOCK_MAX_MS) return ok('clocks', found)
  return warn('clocks', found, 'Have both machines keep time by NTP.')
}

function checkZoneData(nowMs: number): Finding {
  const version = process.versions.tz ?? 'none'
  const year = Number(version.slice(0, 4))
  const isRecent = year >= new Date(nowMs).getUTCFullYear() - 1
  if (isRecent) return ok('zone data', version)
  return warn(
    'zone data',
    version,
    'Update Node: governments change their clocks, and opening hours go by them.',
  )
}

async function checkWork({ database }: Installation): Promise<Finding> {
  const rows = await inWork(database, (tx) => countLateWork(tx, LATE_SECONDS))
  const late = rows.filter((row) => row.late > 0)
  if (late.length === 0) return ok('work', 'nothing is late')
  const found = late.map((row) => `${row.late} ${row.kind}`).join(', ')
  return fail(
    'work',
    `late by over ${LATE_SECONDS} s: ${found}`,
    'Is a worker running? ./slotbridge serve --role worker',
  )
}

async function checkEndpoints({ database }: Installation): Promise<Finding> {
  const dead = await inGlobal(database, listDeadEndpoints)
  if (dead.length === 0) return ok('webhooks', 'every endpoint takes what it is sent')
  const found = dead.map(
    (one) => `${one.id} ${one.paused_at ? `paused ${one.paused_at}` : `failing since ${one.failing_since}`}`,
  )
  return warn(
    'webhooks',
    `endpoints ${found.join(', ')}`,
    './slotbridge webhooks list shows them; set one active again when it answers.',
  )
}

function checkDisk(dataDir: string): Finding {
  const folder = existsSync(dataDir) ? dataDir : '.'
  const { bavail, blocks, bsize } = statfsSync(folder)
  const found = `${((bavail * bsize) / GIB).toFixed(1)} GiB free (${Math.floor((100 * bavail) / blocks)} %)`
  const todo = 'Make room where the data directory lies.'
  if (bavail * bsize < GIB / 4) return fail('disk', found, todo)
  if (bavail * bsize < 2 * GIB || bavail / blocks < 0.05) return warn('disk', found, todo)
  return ok('disk', found)
}
