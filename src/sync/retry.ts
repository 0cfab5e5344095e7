/** How long a write waits before its next attempt. */
import type { Tenant } from '../db/database.ts'
import { addMs, type Instant } from '../model/time.ts'
import { now } from '../store/data-sources.ts'

const FIRST_MS = 250
const MAX_MS = 60_000

/** Sooner at first, a minute apart at most. `attempts` counts from 1. */
export async function retryAt(tx: Tenant, attempts: number): Promise<Instant> {
  return addMs(await now(tx), Math.min(FIRST_MS * 2 ** Math.min(Math.max(attempts - 1, 0), 10), MAX_MS))
}
