/** Ctrl-C: the first asks to stop, the second stops at once. */

/** A terminal's Ctrl-C may arrive twice (from the group and from a parent): what comes this soon after is the same one. */
const SAME_MS = 200
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
/** What a shell shows for a program that Ctrl-C ended. */
const INTERRUPTED = 130
/** Draining takes a second or two; when something hangs, the rest is left to the next start. Within 15 s all is over. */
const DRAIN_MAX_MS = 13_000

export interface StopSignals extends Disposable {
  /** Aborted by the first: drain. */
  asked: AbortSignal
  /**
   * Aborted by the second, or when draining takes too long, right before the process ends: listeners run at once, and
   * nothing is waited for.
   */
  killed: AbortSignal
}

/** Listens from now on, until disposed of. */
export function listenForStop(): StopSignals {
  const asked = new AbortController()
  const killed = new AbortController()
  let firstAt = 0
  const endAtOnce = () => {
    killed.abort()
    process.exit(INTERRUPTED)
  }
  const onSignal = () => {
    if (!asked.signal.aborted) {
      firstAt = performance.now()
      asked.abort(new Error('Stopped.'))
      setTimeout(endAtOnce, DRAIN_MAX_MS).unref()
    } else if (performance.now() - firstAt > SAME_MS) endAtOnce()
  }
  for (const name of SIGNALS) process.on(name, onSignal)
  return {
    asked: asked.signal,
    killed: killed.signal,
    [Symbol.dispose]() {
      for (const name of SIGNALS) process.off(name, onSignal)
    },
  }
}

/** Resolves when the signal is aborted. */
export async function whenAborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return
  await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))
}
