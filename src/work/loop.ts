/** The one work loop: claims units that are due or woken, runs their handlers, renews their leases, gives them back. */
import { randomUUID } from 'node:crypto'
import type { Clock } from '../db/clock.ts'
import type { Database } from '../db/database.ts'
import { toInstant } from '../model/time.ts'
import { type Hold, holdUnit, LeaseLost } from './hold.ts'
import {
  claimUnits,
  nextDueMs,
  type Release,
  releaseUnits,
  renewLeases,
  type Unit,
  type WorkKind,
} from './lease.ts'
import type { Wake } from './wake.ts'

/**
 * Runs one unit until it is drained or has had its turn. Answers when to run again: an instant, or null for when woken; with a
 * `failure`, that it was no fault of ours that it came to nothing, and that it should not crowd out others.
 */
export type Handler = (hold: Hold) => Promise<string | null | { nextAt: string | null; failure: string }>

/** What the loop tells; the caller's logger writes it. Never patient data. */
export interface WorkLog {
  error(fields: Record<string, unknown>, message: string): void
}

export interface WorkOptions {
  database: Database
  clock: Clock
  wake: Wake
  log: WorkLog
  handlers: Partial<Record<WorkKind, Handler>>
  /** Units run at once by this process. */
  slots: number
  /**
   * A unit that has run for longer than this, and has not said that it was answered (`Hold.answered`), waits for somebody else,
   * with no connection of ours, and holds no slot. Not given: every unit holds its slot.
   */
  slowMs?: number
  /** Most units that run at once, those that hold no slot included; four times the slots unless given. */
  crowd?: number
  /** How long a dead holder's units stay leased, in milliseconds. */
  leaseMs?: number
}

export interface Work {
  /** Claims nothing more, lets handlers finish the item at hand, and waits at most `ms` for them. */
  stop(ms: number): Promise<void>
  /** Milliseconds since it last came through a look for work. */
  sinceLookMs(): number
  /** Units that have their turn now. */
  running(): number
  /** Told of each turn that ends from now on. */
  onTurn(told: (turn: Turn) => void): void
}

export interface Turn {
  kind: WorkKind
  /** `taken_over`: the lease was another's before the turn ended. */
  result: 'ok' | 'failed' | 'taken_over'
  seconds: number
}

const LEASE_MS = 10_000
const LOOK_MS = 1_000
const BACK_OFF_FIRST_MS = 1_000
const BACK_OFF_MAX_MS = 60_000

/** Starts the loop; it runs until it is stopped. */
export function startWork(options: WorkOptions): Work {
  const loop = new WorkLoop(options)
  options.wake.onWake(() => loop.look())
  loop.look()
  return loop
}

interface Running {
  unit: Unit
  since: number
  isAnswered: boolean
  abort: AbortController
  done: Promise<void>
}

const CROWD = 4
/** Units in back-off use at most this part of the slots, and of the crowd. */
const FAILING_PART = 4

class WorkLoop implements Work {
  readonly #options: WorkOptions
  readonly #leaseMs: number
  readonly #kinds: WorkKind[]
  readonly #holder = randomUUID()
  readonly #running = new Map<number, Running>()
  readonly #lookTimer: NodeJS.Timeout
  readonly #renewTimer: NodeJS.Timeout
  #dueTimer: NodeJS.Timeout | undefined
  readonly #told: ((turn: Turn) => void)[] = []
  #ended: [Unit, Release][] = []
  #givingBack: Promise<void> | undefined
  #stopping = false
  #looking: Promise<void> | undefined
  #lookAgain = false
  #lookedAt = performance.now()
  #renewing = false

  constructor(options: WorkOptions) {
    this.#options = options
    this.#leaseMs = options.leaseMs ?? LEASE_MS
    this.#kinds = Object.keys(options.handlers) as WorkKind[]
    this.#lookTimer = setInterval(() => {
      options.clock.measure().catch(() => undefined)
      this.look()
    }, LOOK_MS)
    this.#renewTimer = setInterval(() => {
      this.#renew().catch((error) => options.log.error({ err: error }, 'leases could not be renewed'))
    }, this.#leaseMs * 0.3)
  }

  /** Claims what is due. One look at a time; a wake during a look asks for one more. */
  look(): void {
    if (this.#stopping) return
    if (this.#looking) {
      this.#lookAgain = true
      return
    }
    this.#looking = this.#claim()
      .catch((error) => this.#options.log.error({ err: error }, 'work could not be claimed'))
      .finally(() => {
        this.#looking = undefined
        if (!this.#lookAgain) return
        this.#lookAgain = false
        this.look()
      })
  }

  async #claim(): Promise<void> {
    const { database } = this.#options
    const units = await claimUnits(database, {
      holder: this.#holder,
      kinds: this.#kinds,
      leaseMs: this.#leaseMs,
      limit: this.#room(),
      failing: this.#roomForFailing(),
    })
    this.#lookedAt = performance.now()
    for (const unit of units) this.#start(unit)
    await this.#lookWhenDue()
  }

  /** The look every second is a floor: what falls due before the next one is looked for at its own instant. */
  async #lookWhenDue(): Promise<void> {
    const dueMs = await nextDueMs(this.#options.database, this.#kinds)
    clearTimeout(this.#dueTimer)
    const ms = Math.min(dueMs ?? LOOK_MS, this.#slotFreeMs())
    if (ms >= LOOK_MS || this.#stopping) return
    this.#dueTimer = setTimeout(() => this.look(), Math.ceil(ms))
  }

  /** Where no slot is free: in how many milliseconds a unit that waits for somebody else gives its slot up. */
  #slotFreeMs(): number {
    const { slowMs } = this.#options
    if (slowMs === undefined || this.#room() > 0) return LOOK_MS
    const now = performance.now()
    const waiting = this.#holding().filter(({ isAnswered }) => !isAnswered)
    return Math.min(LOOK_MS, ...waiting.map(({ since }) => Math.max(1, since + slowMs - now)))
  }

  #room(): number {
    const { slots } = this.#options
    return Math.min(slots - this.#holding().length, this.#crowd() - this.#running.size)
  }

  #roomForFailing(): number {
    const room = (all: number, running: Running[]) =>
      Math.max(1, Math.floor(all / FAILING_PART)) - running.filter(({ unit }) => unit.failures > 0).length
    const { slots } = this.#options
    return Math.min(room(slots, this.#holding()), room(this.#crowd(), [...this.#running.values()]))
  }

  #crowd(): number {
    const { slots, slowMs, crowd } = this.#options
    return slowMs === undefined ? slots : (crowd ?? slots * CROWD)
  }

  /** The units that hold a slot. */
  #holding(): Running[] {
    const { slowMs = Number.POSITIVE_INFINITY } = this.#options
    const now = performance.now()
    return [...this.#running.values()].filter(({ since, isAnswered }) => isAnswered || now - since < slowMs)
  }

  #start(unit: Unit): void {
    const running: Running = {
      unit,
      since: performance.now(),
      isAnswered: false,
      abort: new AbortController(),
      done: Promise.resolve(),
    }
    running.done = this.#run(running)
      .catch((error) =>
        this.#options.log.error({ kind: unit.kind, err: error }, 'work could not be given back'),
      )
      .finally(() => {
        this.#running.delete(unit.id)
        this.look()
      })
    this.#running.set(unit.id, running)
  }

  async #run(running: Running): Promise<void> {
    const { unit, abort } = running
    const { database, clock, handlers, log } = this.#options
    const handler = handlers[unit.kind]
    if (!handler) throw new Error(`no handler for ${unit.kind}`)
    let nextAt: string | null
    let failure: string | null = null
    const began = performance.now()
    const tell = (result: Turn['result']) => {
      const seconds = (performance.now() - began) / 1000
      for (const told of this.#told) told({ kind: unit.kind, result, seconds })
    }
    try {
      const hold = holdUnit(database, unit, abort.signal)
      const answered = () => {
        running.isAnswered = true
      }
      const turn = await handler({ ...hold, answered })
      if (turn === null || typeof turn === 'string') nextAt = turn
      else ({ nextAt, failure } = turn)
    } catch (error) {
      if (error instanceof LeaseLost) return tell('taken_over')
      // The kind alone: a text may hold a patient's data, and the table is read by people.
      failure = error instanceof Error ? error.name : 'unknown error'
      const { kind, institutionId, subjectId } = unit
      log.error({ kind, institution: institutionId, subject: subjectId, err: error }, 'work failed')
      const backOff = Math.min(BACK_OFF_FIRST_MS * 2 ** unit.failures, BACK_OFF_MAX_MS)
      nextAt = toInstant(clock.now() + backOff)
    }
    tell(failure === null ? 'ok' : 'failed')
    await this.#giveBack(unit, { nextAt, failure })
  }

  /** Units that end while others are being given back are given back together: there may be hundreds a second. */
  async #giveBack(unit: Unit, release: Release): Promise<void> {
    this.#ended.push([unit, release])
    const earlier = this.#givingBack
    if (earlier) await earlier.catch(() => undefined)
    if (this.#ended.every(([ended]) => ended !== unit)) return await this.#givingBack
    const batch = this.#ended.splice(0)
    this.#givingBack = releaseUnits(this.#options.database, batch)
    await this.#givingBack
  }

  async #renew(): Promise<void> {
    const ids = [...this.#running.keys()]
    // A renewal waits for a long transaction of ours; more of them would only take the connections that are left.
    if (ids.length === 0 || this.#renewing) return
    this.#renewing = true
    try {
      const held = new Set(await renewLeases(this.#options.database, this.#holder, ids, this.#leaseMs))
      for (const id of ids) if (!held.has(id)) this.#running.get(id)?.abort.abort()
    } finally {
      this.#renewing = false
    }
  }

  sinceLookMs(): number {
    return performance.now() - this.#lookedAt
  }

  running(): number {
    return this.#running.size
  }

  onTurn(told: (turn: Turn) => void): void {
    this.#told.push(told)
  }

  async stop(ms: number): Promise<void> {
    this.#stopping = true
    clearInterval(this.#lookTimer)
    clearTimeout(this.#dueTimer)
    await this.#looking
    for (const { abort } of this.#running.values()) abort.abort()
    const all = Promise.allSettled([...this.#running.values()].map(({ done }) => done))
    await Promise.race([all, new Promise((resolve) => setTimeout(resolve, ms).unref())])
    clearInterval(this.#renewTimer)
  }
}
