/**
 * Rate limits of keys, over all processes: each takes a tenth of a window's tokens at a time from the database and spends them
 * by itself, so that a request costs no write. What a process has not spent when the window ends is lost: a key may be refused
 * a little early, never served more than its limit.
 */
import { type Database, inGlobal } from '../db/database.ts'
import { LIMIT_WINDOWS, type LimitName, type Limits } from '../model/rate-limits.ts'
import { leaseTokens } from '../store/rate-windows.ts'

/** Part of a window's tokens that is taken at once. */
const LEASE_PART = 10
/** Windows kept in memory; the oldest go first. */
const WINDOWS_MAX = 10_000

/** How a request stands to the limit that it is nearest to. */
export interface Spent {
  limit: number
  /** Requests that may follow in this window, as far as this process knows. */
  remaining: number
  /** Whole seconds until the window ends, at least 1. */
  resetSeconds: number
  isOver: boolean
}

export interface RateLimits {
  /** Spends one token of each limit named; null where the key has none of them. */
  spend(key: { keyId: number; limits: Limits | null }, names: LimitName[]): Promise<Spent | null>
}

interface Window {
  /** Tokens of ours. */
  mine: number
  /** Tokens nobody had taken when we asked last. */
  left: number
  /** By `performance.now()`: counted from before we asked, so that it never ends later than the database's. */
  endsAt: number
  leasing: Promise<void> | null
}

/** The limits of one process on an installation. */
export function openRateLimits(database: Database): RateLimits {
  const windows = new Map<string, Window>()

  const lease = async (window: Window, keyId: number, name: LimitName, limit: number): Promise<void> => {
    const asked = performance.now()
    const windowMs = LIMIT_WINDOWS[name]
    const wanted = Math.max(1, Math.floor(limit / LEASE_PART))
    const lease = await inGlobal(database, (tx) =>
      leaseTokens(tx, { keyId, limitName: name, limit, windowMs, wanted }),
    )
    Object.assign(window, { mine: lease.granted, left: lease.left, endsAt: asked + lease.endsInMs })
  }

  /** Takes one token; the window that it is of, and whether there was one. */
  const take = async (keyId: number, name: LimitName, limit: number) => {
    const id = `${keyId} ${name}`
    const window = windows.get(id) ?? { mine: 0, left: 1, endsAt: 0, leasing: null }
    if (!windows.has(id)) {
      windows.set(id, window)
      const [oldest] = windows.keys()
      if (windows.size > WINDOWS_MAX && oldest !== undefined) windows.delete(oldest)
    }
    for (;;) {
      const isOpen = performance.now() < window.endsAt
      if (isOpen && window.mine > 0) {
        window.mine--
        return { window, isTaken: true }
      }
      // Nothing is left for anybody until the window ends: asking again would cost a write for each refusal.
      if (isOpen && window.left === 0) return { window, isTaken: false }
      window.leasing ??= lease(window, keyId, name, limit).finally(() => {
        window.leasing = null
      })
      await window.leasing
    }
  }

  return {
    async spend({ keyId, limits }, names) {
      let nearest: Spent | null = null
      const taken: { window: Window; endsAt: number }[] = []
      for (const name of names) {
        const limit = limits?.[name]
        if (limit === undefined) continue
        const { window, isTaken } = await take(keyId, name, limit)
        const spent = describe(window, limit, !isTaken)
        if (!isTaken) {
          // A request that is refused counts against nothing.
          for (const { window: before, endsAt } of taken) if (before.endsAt === endsAt) before.mine++
          return spent
        }
        taken.push({ window, endsAt: window.endsAt })
        if (nearest === null || spent.remaining < nearest.remaining) nearest = spent
      }
      return nearest
    },
  }
}

function describe({ mine, left, endsAt }: Window, limit: number, isOver: boolean): Spent {
  const resetSeconds = Math.max(1, Math.ceil((endsAt - performance.now()) / 1000))
  return { limit, remaining: isOver ? 0 : Math.min(limit, mine + left), resetSeconds, isOver }
}
