/**
 * The deliveries of one endpoint: its lanes that are due, taken as long as the turn lasts. The unit's lease keeps others out; its
 * fence keeps a late settlement out.
 */
import { inWork } from '../db/database.ts'
import { inBatches } from '../db/in-batches.ts'
import { type Instant, toInstant, toMs } from '../model/time.ts'
import { type LaneKey, listDueLanes } from '../store/deliveries.ts'
import type { Hold } from '../work/hold.ts'
import { type DeliverOptions, type Outcome, openBatch } from './batch.ts'

/** On their way to one endpoint at once, each of another lane. */
const SIDE_BY_SIDE = 20
/** A turn ends after this much, and others have theirs. */
const TURN_ITEMS = 50
const TURN_MS = 2_000
/** While something is on its way for longer than this, the turn could not end anyway, and others are sent beside it. */
const SLOW_MS = 500
/** But not for ever. */
const SLOW_TURN_MS = 20_000

/** Answers of one receiver to what was sent side by side come about this close to each other. */
const GATHER_MS = 3

type Turn = string | null | { nextAt: string | null; failure: string }

/** The handler of an endpoint's `deliver` unit. */
export function deliverHandler(options: DeliverOptions) {
  return async (hold: Hold): Promise<Turn> => {
    const endpointId = hold.unit.subjectId
    if (endpointId === null) throw new Error('a deliver unit names its endpoint')
    return await new EndpointTurn(options, hold, endpointId).run()
  }
}

/** One turn of one endpoint: what is on its way, and how it is going. */
class EndpointTurn {
  readonly #options: DeliverOptions
  readonly #hold: Hold
  readonly #endpointId: number
  readonly #began = performance.now()
  /** Lanes on their way, and since when. */
  readonly #flying = new Map<LaneKey, number>()
  #landed = Promise.withResolvers<void>()
  #items = 0
  /** One that gave no answer the last time is asked with one delivery before it is sent more. */
  #width: number
  /** Whether a look may find lanes that are due. What is fanned out meanwhile wakes the unit anew. */
  #mayFindMore = true
  /** When what was seen and is not due will be. */
  readonly #later: Instant[] = []
  #answers = { some: false, none: false }
  #isInactive = false
  #failed: { error: unknown } | null = null

  constructor(options: DeliverOptions, hold: Hold, endpointId: number) {
    this.#options = options
    this.#hold = hold
    this.#endpointId = endpointId
    this.#width = hold.unit.failures > 0 ? 1 : SIDE_BY_SIDE
  }

  async run(): Promise<Turn> {
    for (;;) {
      const launched = this.#mayLaunch() ? await this.#launch() : 0
      if (this.#flying.size === 0 && launched === 0) break
      await this.#anyLanded()
    }
    if (this.#failed) throw this.#failed.error
    if (this.#isInactive) return null
    const nextAt = this.#mayFindMore ? toInstant(0) : (this.#later.sort()[0] ?? null)
    // To the back, among the failing: a receiver that gives no answer costs time, and others come first.
    return this.#isSilent() ? { nextAt, failure: 'the receiver gave no answer' } : nextAt
  }

  /** Waits until something landed, or so long that others should be sent beside it. */
  async #anyLanded(): Promise<void> {
    if (this.#flying.size === 0) return
    let timer: NodeJS.Timeout | undefined
    const slow = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, SLOW_MS)
    })
    await Promise.race([this.#landed.promise, slow])
    clearTimeout(timer)
    this.#landed = Promise.withResolvers()
  }

  /** Whether the receiver gives no answer at all. */
  #isSilent(): boolean {
    return this.#answers.none && !this.#answers.some
  }

  #mayLaunch(): boolean {
    if (this.#hold.signal.aborted || this.#isSilent() || this.#isInactive || this.#failed) return false
    const now = performance.now()
    const isOver = this.#items >= TURN_ITEMS || now - this.#began > TURN_MS
    const isHeldUp = [...this.#flying.values()].some((since) => now - since > SLOW_MS)
    if (isHeldUp) return now - this.#began < SLOW_TURN_MS
    return this.#mayFindMore && !isOver
  }

  /** Sends the heads of lanes that are due and not on their way. Answers of how many lanes. */
  async #launch(): Promise<number> {
    const room = this.#width - this.#flying.size
    if (room < 1) return 0
    try {
      // Looks need no fence: only what is settled must not be another's.
      const { lanes: due, later } = await inWork(this.#options.database, (tx) =>
        listDueLanes(tx, this.#endpointId, room, [...this.#flying.keys()]),
      )
      this.#mayFindMore = due.length === room
      if (later !== null) this.#later.push(later)
      this.#items += due.length
      for (const [institutionId, lanes] of Map.groupBy(due, (lane) => lane.institution_id)) {
        for (const lane of lanes) this.#flying.set(lane, performance.now())
        void this.#fly(institutionId, lanes)
      }
      return due.length
    } catch (error) {
      this.#failed ??= { error }
      return 0
    }
  }

  /** Lets lanes of one institution land one by one: none waits for a slower one. */
  async #fly(institutionId: number, lanes: LaneKey[]): Promise<void> {
    const land = (some: LaneKey[]) => {
      for (const lane of some) this.#flying.delete(lane)
      this.#landed.resolve()
    }
    try {
      const names = lanes.map(({ lane }) => lane)
      const batch = await openBatch(this.#options, this.#hold, this.#endpointId, institutionId, names)
      if (!batch) {
        this.#isInactive = true
        return
      }
      const settle = inBatches((outcomes: Outcome[]) => batch.settle(outcomes), GATHER_MS)
      await Promise.all(
        batch.outcomes.map(async (coming) => {
          const outcome = await coming
          this.#note(outcome, await settle(outcome))
          land(lanes.filter(({ lane }) => lane === outcome.lane))
        }),
      )
    } catch (error) {
      this.#failed ??= { error }
    } finally {
      land(lanes)
    }
  }

  #note({ settled }: Outcome, nextAt: Instant | null): void {
    const status = settled?.attempt?.status
    if (status === null && settled?.attempt?.error !== 'unshapeable') this.#answers.none = true
    if (status) {
      this.#answers.some = true
      this.#width = SIDE_BY_SIDE
    }
    if (nextAt === null) return
    if (toMs(nextAt) <= this.#options.clock.now()) this.#mayFindMore = true
    this.#later.push(nextAt)
  }
}
