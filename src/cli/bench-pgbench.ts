/** The limit that a request's own statements set: sent again by pgbench, or by the bare driver where there is none. */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import pg from 'pg'
import { environmentWith } from '../config.ts'
import { type Statement, textOf } from './bench-capture.ts'
import type { LoadResult } from './bench-load.ts'

/** Something that is another in each request. */
export interface Varying {
  /** As it stands in the captured request. */
  text: string
  /** The same in request `s`, by pgbench's `:s` and what `setting` made of it. */
  sql: string
  /** As part of a text; the same unless given. */
  sqlInText?: string
  /** For the bare driver. */
  of(s: number): string
}

export interface Replay {
  statements: Statement[]
  varying: Varying[]
  /** pgbench's `\set` lines that make its variables of `:s`. */
  setting: string[]
  /** Ids that a statement answers are new from here on. */
  newIdsFrom: number
}

export interface ReplayRun {
  url: string
  connections: number
  seconds: number
  /** Requests are numbered from here. */
  from: number
}

export interface ReplayResult extends LoadResult {
  /** The first number that was not used. */
  next: number
}

/** Where Debian's package and others put it; null where there is none. */
export function findPgbench(): string | null {
  const debian = '/usr/lib/postgresql'
  const versions = existsSync(debian) ? readdirSync(debian).toSorted((a, b) => Number(b) - Number(a)) : []
  const folders = [
    ...(environmentWith({}).PATH ?? '').split(delimiter),
    ...versions.map((version) => join(debian, version, 'bin')),
  ]
  return folders.map((folder) => join(folder, 'pgbench')).find((file) => existsSync(file)) ?? null
}

/** One parameter: a constant, or made of constants and what varies. */
type Part = string | { varying: Varying } | NewId

/** A number that an earlier statement answered. */
interface NewId {
  statement: number
  column: string
}

const variableOf = ({ statement, column }: NewId) => `:new_${statement}_${column}`

/** Splits a value where something varying or a new id of an earlier statement stands in it. */
function partsOf(text: string, replay: Replay, before: number): Part[] {
  const { varying, statements } = replay
  let parts: Part[] = [text]
  const split = (needle: string, part: Part) => {
    parts = parts.flatMap((one) =>
      typeof one === 'string'
        ? one.split(needle).flatMap((piece, at): Part[] => (at === 0 ? [piece] : [part, piece]))
        : [one],
    )
  }
  for (const one of varying) split(one.text, { varying: one })
  // One that was there before stands for itself.
  for (const [statement, { answered }] of statements.slice(0, before).entries())
    for (const [column, id] of Object.entries(answered))
      if (id >= replay.newIdsFrom && !varying.some((one) => one.text === String(id)))
        split(String(id), { statement, column })
  return parts.filter((part) => part !== '')
}

/** `begin; select …` of one message are two statements here. */
function splitMessages(replay: Replay): Replay {
  return {
    ...replay,
    statements: replay.statements.flatMap((statement) =>
      statement.values.length > 0
        ? [statement]
        : statement.text.split(';').map((text) => ({ ...statement, text: text.trim() })),
    ),
  }
}

interface Script {
  text: string
  /** Constants, by variable. */
  constants: Record<string, string>
}

function scriptOf(replay: Replay): Script {
  const constants: Record<string, string> = {}
  const sqlOf = (parts: Part[], name: string): string => {
    const [only] = parts
    if (parts.length === 1 && only !== undefined && typeof only !== 'string')
      return 'varying' in only ? only.varying.sql : variableOf(only)
    // Marks stand for what varies: one value may look like another's.
    const marks = new Map<string, string>()
    constants[name] = parts
      .map((part) => {
        if (typeof part === 'string') return part
        const sql = 'varying' in part ? (part.varying.sqlInText ?? part.varying.sql) : variableOf(part)
        const mark = marks.get(sql) ?? `@${marks.size}@`
        marks.set(sql, mark)
        return mark
      })
      .join('')
    if (marks.size === 0) return `:${name}`
    return [...marks].reduce((sql, [value, mark], n) => {
      constants[`${name}_${n}`] = mark
      return `replace(${sql}, :${name}_${n}, (${value})::text)`
    }, `:${name}::text`)
  }
  const needed = new Set<number>()
  const lines = replay.statements.map(({ text, values }, at) => {
    const sql = text.replaceAll(/\$(\d+)/g, (_all, number: string) => {
      const value = textOf(values[Number(number) - 1])
      if (value === null) return 'null'
      const parts = partsOf(value, replay, at)
      for (const part of parts)
        if (typeof part !== 'string' && 'statement' in part) needed.add(part.statement)
      return sqlOf(parts, `p_${at}_${number}`)
    })
    return sql.replaceAll(/\s*\n\s*/g, ' ')
  })
  const text = [
    '\\set n :n + 1',
    '\\set s :from + :n * :clients + :client_id',
    ...replay.setting,
    ...lines.map((line, at) => (needed.has(at) ? `${line} \\gset new_${at}_` : `${line};`)),
    '',
  ].join('\n')
  return { text, constants }
}

/** Runs pgbench with prepared statements. Throws with its last words where any transaction failed. */
export function runPgbench(pgbench: string, replay: Replay, run: ReplayRun): ReplayResult {
  const folder = mkdtempSync(join(tmpdir(), 'slotbridge-pgbench-'))
  try {
    const { text, constants } = scriptOf(splitMessages(replay))
    mkdirSync(join(folder, 'log'))
    writeFileSync(join(folder, 'script.sql'), text)
    const variables = { ...constants, n: '-1', from: String(run.from), clients: String(run.connections) }
    const ended = spawnSync(
      pgbench,
      [
        ...['-n', '-M', 'prepared', '-f', 'script.sql', '-l', '--log-prefix', join('log', 'run')],
        ...['-c', String(run.connections), '-j', String(Math.min(run.connections, 2))],
        ...['-T', String(run.seconds)],
        ...Object.entries(variables).flatMap(([name, value]) => ['-D', `${name}=${value}`]),
      ],
      {
        cwd: folder,
        encoding: 'utf8',
        env: environmentWith(connectionOf(run.url)),
      },
    )
    const perSecond = Number(/tps = ([\d.]+)/.exec(ended.stdout ?? '')?.[1])
    const failed = /number of failed transactions: (\d+)/.exec(ended.stdout ?? '')?.[1] ?? '0'
    if (ended.status !== 0 || failed !== '0' || Number.isNaN(perSecond))
      throw new Error(`pgbench failed:\n${`${ended.stderr}${ended.error ?? ''}`.slice(-2_000)}`)
    return { ...readLogs(join(folder, 'log'), run), perSecond }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** For libpq: in the environment, where `ps` shows no password. */
function connectionOf(url: string): Record<string, string> {
  const { hostname, port, username, password, pathname, searchParams } = new URL(url)
  return {
    PGHOST: searchParams.get('host') ?? hostname,
    PGPORT: port === '' ? (searchParams.get('port') ?? '5432') : port,
    PGUSER: decodeURIComponent(username),
    ...(password === '' ? {} : { PGPASSWORD: decodeURIComponent(password) }),
    PGDATABASE: pathname.slice(1),
    PGTZ: 'UTC',
  }
}

/** A line for each transaction: client, its number there, microseconds, … */
function readLogs(
  folder: string,
  { from, connections }: ReplayRun,
): Pick<ReplayResult, 'latencies' | 'next'> {
  const lines = readdirSync(folder).flatMap((name) =>
    readFileSync(join(folder, name), 'utf8').trim().split('\n'),
  )
  const fields = lines.map((line) => line.split(' ').map(Number))
  const most = fields.reduce((sum, [, number = 0]) => Math.max(sum, number), 0)
  return {
    latencies: fields.map(([, , microseconds = 0]) => microseconds / 1000),
    // The transactions at hand when the time was up are not counted, but may be done.
    next: from + (most + 2) * connections,
  }
}

/** The same statements by the driver, in this process. */
export async function runDriver(given: Replay, run: ReplayRun): Promise<ReplayResult> {
  const replay = splitMessages(given)
  const templates = replay.statements.map(({ text, values }, at) => ({
    name: values.length > 0 ? `s${at}` : undefined,
    text,
    values: values.map((value) => {
      const whole = textOf(value)
      return whole === null ? null : partsOf(whole, replay, at)
    }),
  }))
  let s = run.from
  const latencies: number[] = []
  const began = performance.now()
  const one = async () => {
    const client = new pg.Client({ connectionString: run.url })
    await client.connect()
    try {
      while (performance.now() < began + run.seconds * 1000) {
        const mine = s++
        const answers: Record<string, unknown>[] = []
        const sent = performance.now()
        for (const { values, ...statement } of templates) {
          const said = values.map(
            (parts) => parts?.map((part) => sayPart(part, mine, answers)).join('') ?? null,
          )
          const { rows } = await client.query({ ...statement, values: said })
          answers.push(rows[0] ?? {})
        }
        latencies.push(performance.now() - sent)
      }
    } finally {
      await client.end()
    }
  }
  await Promise.all(Array.from({ length: run.connections }, one))
  return { latencies, perSecond: (latencies.length / (performance.now() - began)) * 1000, next: s }
}

function sayPart(part: Part, s: number, answers: Record<string, unknown>[]): string {
  if (typeof part === 'string') return part
  return 'varying' in part ? part.varying.of(s) : String(answers[part.statement]?.[part.column])
}
