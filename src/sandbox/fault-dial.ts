/** The fault dial: picks, for each call, the fault that happens to it, and keeps what is to happen later. */
import { faultOf } from './fault-effects.ts'
import type { FaultKind } from './fault-kinds.ts'
import type { Dial } from './fault-meeting.ts'
import type { Fault, FaultSettings } from './fault-settings.ts'
import type { Answer, Call } from './http.ts'
import type { Practice } from './practice.ts'
import { dice } from './random.ts'
import type { Json } from './rows.ts'

interface Later {
  /** By the practice's own clock, epoch milliseconds. */
  at: number
  run: () => void
}

/** How often what was put off is looked at. */
const LOOK_MS = 20

export class FaultDial implements Dial {
  /** Set by whoever listens. */
  restart: (ms: number) => void = () => undefined
  lastPage: Json | null = null
  readonly #practice: Practice
  #settings: FaultSettings = { seed: 1, faults: [], requests_per_second: null }
  #passed = new Map<Fault, number>()
  #happened: { kind: FaultKind; on: string }[] = []
  #later: Later[] = []
  #timer: NodeJS.Timeout | undefined
  #calls = 0
  /** When the last call of a program came, and how many came too soon after it. */
  #lastAt = Number.NEGATIVE_INFINITY
  #turnedAway = 0

  constructor(practice: Practice) {
    this.#practice = practice
  }

  /** Sets the dial; what was put off already still happens. */
  set(settings: FaultSettings): void {
    this.#settings = settings
    this.#passed = new Map()
    this.#happened = []
    this.#calls = 0
    this.#turnedAway = 0
    const skewed = settings.faults.find((fault) => fault.kind === 'clock_skewed')
    this.#practice.clockSkewMs = skewed?.ms ?? 0
    if (settings.faults.some((fault) => fault.kind === 'backup_restored')) this.#practice.backUp()
  }

  /** The settings, and what happened since they were set, oldest first. */
  show(): Json {
    return {
      ...this.#settings,
      happened: this.#happened,
      waiting: this.#later.length,
      turned_away: this.#turnedAway,
    }
  }

  /** Answers a call, with the fault that happens to it, if any does. `name` is its method and path. */
  answer(name: string, call: Call, handle: (call: Call) => Answer): Answer {
    if (this.#isTooSoon(name)) {
      this.#turnedAway += 1
      return { status: 429, json: { reason: 'too_many', sentence: 'Too many calls.' } }
    }
    const fault = this.#pick(name, call)
    const result = fault === null ? handle(call) : this.#happen(fault, name, call, handle)
    if (name === 'PUT /clock') this.runDue()
    if (name === 'GET /changes' && result.status === 200) this.lastPage = result.json
    return result
  }

  #happen(fault: Fault, name: string, call: Call, handle: (call: Call) => Answer): Answer {
    this.#happened.push({ kind: fault.kind, on: name.split('/', 2).join('/') })
    return faultOf(fault.kind)({
      practice: this.#practice,
      call,
      fault,
      throws: dice(this.#settings.seed, 'fault', this.#calls, fault.kind),
      handle: (changed = call) => handle(changed),
      dial: this,
    })
  }

  /** Whether a program asks faster than the limit lets it. What the desk and the tests do is not counted. */
  #isTooSoon(name: string): boolean {
    const rate = this.#settings.requests_per_second
    if (rate === null || isApart(name) || name.includes(' /desk/') || name === 'GET /journal') return false
    // Real time: a clock that a test moves makes nobody faster.
    const now = performance.now()
    if (now - this.#lastAt < 1000 / rate) return true
    this.#lastAt = now
    return false
  }

  #pick(name: string, call: Call): Fault | null {
    if (isApart(name)) return null
    this.#calls += 1
    for (const [at, fault] of this.#settings.faults.entries()) {
      if (fault.kind === 'clock_skewed' || !name.startsWith(fault.on)) continue
      if (fault.begins !== null && !sameInstant(call.body.begins, fault.begins)) continue
      if (!dice(this.#settings.seed, at, this.#calls).chance(fault.chance)) continue
      const passed = (this.#passed.get(fault) ?? 0) + 1
      this.#passed.set(fault, passed)
      if (passed <= fault.skip || (fault.times !== null && passed > fault.skip + fault.times)) continue
      return fault
    }
    return null
  }

  putOff(ms: number, run: () => void): void {
    this.#later.push({ at: this.#practice.now() + ms, run })
    this.#timer ??= setInterval(() => this.runDue(), LOOK_MS).unref()
  }

  /** Does what is due by now, by the practice's clock. */
  runDue(): void {
    const now = this.#practice.now()
    const due = this.#later.filter((later) => later.at <= now)
    this.#later = this.#later.filter((later) => later.at > now)
    for (const later of due) {
      try {
        later.run()
      } catch {
        // A call that is refused when its time comes has nobody left to hear it.
      }
    }
    if (this.#later.length > 0) return
    clearInterval(this.#timer)
    this.#timer = undefined
  }

  /** Forgets what was put off. */
  stop(): void {
    clearInterval(this.#timer)
    this.#later = []
  }
}

/** Calls that are about the dial and the clock themselves. */
function isApart(name: string): boolean {
  return name.includes('/faults') || name === 'PUT /clock'
}

function sameInstant(sent: unknown, begins: string): boolean {
  return typeof sent === 'string' && Date.parse(sent) === Date.parse(begins)
}
