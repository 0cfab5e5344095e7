/** The sealer: each second it adds what was audited to the hash chains, and now and then drops what is too old. */
import { toInstant } from '../model/time.ts'
import { retireAudit } from '../store/audit.ts'
import { sealAudit } from '../store/audit-seals.ts'
import { type Hold, LeaseLost } from '../work/hold.ts'

/** Rows sealed in one transaction. */
const BATCH = 5_000
const EVERY_MS = 1_000
/** How long it goes on before others have their turn. */
const TURN_MS = 2_000
const RETIRE_MS = 3_600_000

export interface SealOptions {
  clock: { now(): number }
  /** How long rows and seals are kept. */
  keepDays: number
  /** Told that what is too old could not be dropped, which holds up no sealing. */
  log?: { error(fields: Record<string, unknown>, message: string): void }
}

/** The handler of the `seal` unit. */
export function sealHandler({ clock, keepDays, log }: SealOptions) {
  let retiredAt: number | null = null
  return async (hold: Hold): Promise<string> => {
    const began = performance.now()
    if (retiredAt === null || began - retiredAt > RETIRE_MS) {
      retiredAt = began
      await hold
        .inWork((tx) => retireAudit(tx, keepDays))
        .catch((error) => {
          if (error instanceof LeaseLost) throw error
          log?.error({ err: error }, 'the audit could not be retired')
        })
    }
    for (;;) {
      const sealed = await hold.inWork((tx) => sealAudit(tx, BATCH))
      if (sealed < BATCH) return toInstant(clock.now() + EVERY_MS)
      if (hold.signal.aborted || performance.now() - began > TURN_MS) return toInstant(0)
    }
  }
}
