/**
 * Waking the work loop: in this process by a call, in others by one debounced NOTIFY outside any transaction
 * (inside one it would make commits wait on one lock). A look every second is the floor when neither arrives.
 */
import pg from 'pg'

const CHANNEL = 'slotbridge_wake'
const DEBOUNCE_MS = 5
const RECONNECT_MS = 1_000

export interface Wake extends AsyncDisposable {
  /** After a commit that owes something. */
  wake(): void
  /** Called for wakes of this process and of others. */
  onWake(listener: () => void): void
}

/**
 * @param pool sends the notifications
 * @param directUrl a connection that is not through a transaction pooler, for LISTEN; null does without
 */
export function openWake(pool: pg.Pool, directUrl: string | null): Wake {
  const listeners: (() => void)[] = []
  const tell = () => {
    for (const listener of listeners) listener()
  }
  let pending: NodeJS.Timeout | undefined
  let closed = false
  let client: pg.Client | undefined
  let retry: NodeJS.Timeout | undefined

  const listen = async () => {
    if (closed || !directUrl) return
    const next = new pg.Client({ connectionString: directUrl, application_name: 'slotbridge listen' })
    client = next
    next.on('error', () => undefined)
    next.on('end', () => {
      if (!closed) retry = setTimeout(() => void listen(), RECONNECT_MS)
    })
    next.on('notification', tell)
    try {
      await next.connect()
      await next.query(`listen ${CHANNEL}`)
    } catch {
      // 'end' follows and tries again; meanwhile the look every second carries on.
      await next.end().catch(() => undefined)
    }
  }
  void listen()

  return {
    wake() {
      tell()
      pending ??= setTimeout(() => {
        pending = undefined
        // A lost notification costs at most the second until the next look.
        pool.query(`notify ${CHANNEL}`).catch(() => undefined)
      }, DEBOUNCE_MS)
    },
    onWake(listener) {
      listeners.push(listener)
    },
    async [Symbol.asyncDispose]() {
      closed = true
      clearTimeout(pending)
      clearTimeout(retry)
      await client?.end().catch(() => undefined)
    },
  }
}
