/** The practice's open database: statements, transactions, the revision counter, the journal and its own clock. */
import { randomUUID } from 'node:crypto'
import { copyFileSync, rmSync } from 'node:fs'
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite'
import type { Json, Noun } from './rows.ts'
import { SCHEMA } from './schema.ts'

/** Who changed something: the seed, the front desk, or a program by the interface (with its own reference, if any). */
export interface Actor {
  by: 'seed' | 'desk' | 'interface'
  reference: string | null
}

export interface JournalEntry {
  act: string
  noun: Noun
  id: number
  before: Json | null
  after: Json | null
}

/** How many deletions the feed remembers before a reader who missed them must read windows. */
const GONE_KEPT = 1000

function openFile(file: string): DatabaseSync {
  const db = new DatabaseSync(file)
  db.exec('pragma busy_timeout = 5000; pragma journal_mode = wal; pragma synchronous = full')
  db.exec('pragma foreign_keys = on')
  db.exec(SCHEMA)
  return db
}

export class Practice {
  readonly zone: string
  /** Shifts the practice's own now; a setting of this program alone, forgotten when it ends. */
  clockOffsetMs = 0
  /** How wrong its clock is besides, for the fault of that name. */
  clockSkewMs = 0
  goneKept = GONE_KEPT
  readonly #file: string
  #db: DatabaseSync
  readonly #statements = new Map<string, StatementSync>()
  #inside = false
  /** Drawn long ago for the transaction that runs now, or null. */
  #revisionDrawn: number | null = null

  /** Opens or makes the file. WAL with a sync at every commit: an answered change survives a power cut. */
  constructor(file: string, zone: string) {
    this.zone = zone
    this.#file = file
    this.#db = openFile(file)
    this.run(`insert or ignore into settings values ('identity', ?)`, [randomUUID()])
  }

  now(): number {
    return Date.now() + this.clockOffsetMs + this.clockSkewMs
  }

  /** Tells this database from every other, also from one made anew in its place. */
  identity(): string {
    return this.setting('identity') ?? ''
  }

  setting(name: string): string | null {
    return this.get<{ value: string }>('select value from settings where name = ?', [name])?.value ?? null
  }

  setSetting(name: string, value: string): void {
    this.run('insert or replace into settings values (?, ?)', [name, value])
  }

  all<Row>(sql: string, values: SQLInputValue[] = []): Row[] {
    return this.#statement(sql).all(...values) as unknown as Row[]
  }

  /** The same with values by name, for statements that use one value more than once. */
  allNamed<Row>(sql: string, values: Record<string, SQLInputValue>): Row[] {
    return this.#statement(sql).all(values) as unknown as Row[]
  }

  get<Row>(sql: string, values: SQLInputValue[] = []): Row | undefined {
    return this.#statement(sql).get(...values) as unknown as Row | undefined
  }

  /** Runs a change and answers the id of the row last inserted. */
  run(sql: string, values: SQLInputValue[] = []): number {
    return Number(this.#statement(sql).run(...values).lastInsertRowid)
  }

  /** All of it is committed and synced, or none. The write lock is taken at once, so that what was checked stays true. */
  transaction<Result>(work: () => Result): Result {
    if (this.#inside) return work()
    this.#db.exec('begin immediate')
    this.#inside = true
    try {
      const result = work()
      this.#db.exec('commit')
      return result
    } catch (error) {
      this.#db.exec('rollback')
      throw error
    } finally {
      this.#inside = false
    }
  }

  counter(name: string): number {
    return this.get<{ value: number }>('select value from counters where name = ?', [name])?.value ?? 0
  }

  /** Adds one and answers the new value; within a transaction only. */
  count(name: string): number {
    if (name === 'revision' && this.#revisionDrawn !== null) {
      const drawn = this.#revisionDrawn
      this.#revisionDrawn = null
      return drawn
    }
    const sql = 'update counters set value = value + 1 where name = ? returning value'
    return this.get<{ value: number }>(sql, [name])?.value ?? 0
  }

  /** Writes down who did what; `revision` is the one that the changed row got. */
  write(actor: Actor, revision: number, entry: JournalEntry): void {
    this.run(
      `insert into journal (revision, at, by, reference, act, noun, row_id, before, after)
       values (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      [
        revision,
        this.now(),
        actor.by,
        actor.reference,
        entry.act,
        entry.noun,
        entry.id,
        entry.before === null ? null : JSON.stringify(entry.before),
        entry.after === null ? null : JSON.stringify(entry.after),
      ],
    )
  }

  /** Leaves a mark for readers of the feed where a row was, and forgets the oldest marks. */
  markGone(noun: Noun, id: number): number {
    const revision = this.count('revision')
    this.run('insert into gone values (?, ?, ?, ?)', [revision, noun, id, this.now()])
    const oldest = this.get<{ revision: number }>(
      'select revision from gone order by revision desc limit 1 offset ?',
      [this.goneKept],
    )
    if (oldest !== undefined) {
      this.run('delete from gone where revision <= ?', [oldest.revision])
      this.run(`update counters set value = ? where name = 'trimmed_through'`, [oldest.revision])
    }
    return revision
  }

  /** Runs a change whose first revision was drawn before: as a transaction that began long ago and commits now. */
  withRevision(revision: number, work: () => void): void {
    this.#revisionDrawn = revision
    try {
      work()
    } finally {
      this.#revisionDrawn = null
    }
  }

  /** Copies the whole database aside, in place of an older copy. */
  backUp(): void {
    rmSync(this.#backup, { force: true })
    this.run(`vacuum into ?`, [this.#backup])
  }

  /** Goes back to the copy, as if nothing had happened since. */
  restoreBackup(): void {
    this.close()
    for (const ending of ['-wal', '-shm']) rmSync(`${this.#file}${ending}`, { force: true })
    copyFileSync(this.#backup, this.#file)
    this.#db = openFile(this.#file)
  }

  get #backup(): string {
    return `${this.#file}.backup`
  }

  close(): void {
    this.#statements.clear()
    this.#db.close()
  }

  #statement(sql: string): StatementSync {
    const known = this.#statements.get(sql)
    if (known !== undefined) return known
    const fresh = this.#db.prepare(sql)
    this.#statements.set(sql, fresh)
    return fresh
  }
}
