/** What a pull and a push carry with them while they hold their unit. */
import type { RecordSystem } from '../connectors/connector.ts'
import type { Instant } from '../model/time.ts'
import type { Tracing } from '../model/trace.ts'
import type { DataSource } from '../store/data-sources.ts'
import type { DirectoryMaps } from '../store/directory-mirror.ts'
import type { Filled } from '../store/sizes.ts'
import type { Hold } from '../work/hold.ts'

/** One pull at work. */
export interface Pull {
  hold: Hold
  system: RecordSystem
  source: DataSource
  maps: DirectoryMaps
  startedAt: Instant
  /** True until the first load is complete: rows are merged without an event each. */
  quiet: boolean
  appointments: number
  patients: number
  procedures: number
  /** How many there were when the planner last looked at their tables. */
  sizes: Record<Filled, number>
}

/** One push at work. */
export interface Push {
  tracing: Tracing | null
  hold: Hold
  system: RecordSystem
  source: DataSource
  maps: DirectoryMaps
}
