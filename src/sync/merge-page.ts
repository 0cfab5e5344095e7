/** The merge of one page that a pull read, and the range that its windows read. */
import type { Page } from '../connectors/connector.ts'
import type { ChangeRecord } from '../model/records.ts'
import { addMs, hours, type Instant } from '../model/time.ts'
import { raiseMarks, savePullProgress } from '../store/data-sources.ts'
import { type Filled, noteSize } from '../store/sizes.ts'
import type { Pull } from './at-work.ts'
import { contextOf, mergeRecords } from './merge.ts'
import { recheckRows } from './recheck.ts'

/** Merges one page in one transaction; asks again for rows that were settled by us while it was on its way. */
export async function mergePage(
  pull: Pull,
  records: ChangeRecord[],
  seenAt: Instant,
  progress: Pick<Page, 'cursor' | 'marks'> | null,
): Promise<void> {
  const { source } = pull
  const merged = await pull.hold.inTenant(async (tx) => {
    const result = await mergeRecords(tx, contextOf(pull, seenAt), records)
    if (progress) await savePullProgress(tx, source.id, { cursor: progress.cursor })
    if (progress?.marks) await raiseMarks(tx, source.id, progress.marks)
    return result
  })
  for (const [name, mark] of Object.entries(progress?.marks ?? {}))
    source.marks = { ...source.marks, [name]: Math.max(mark, source.marks[name] ?? mark) }
  for (const noun of FILLED) pull[noun] += merged[noun]
  if (pull.quiet) await noteGrowth(pull)
  await recheckRows(pull, merged.recheck)
}

const FILLED: Filled[] = ['patients', 'appointments', 'procedures']
/** A plan that was right for a table is right for one of a few times its size. */
const GROWTH = 4

/**
 * A first load fills empty tables faster than autovacuum looks at them: the plans of its own statements, made for tables that
 * were empty, are let go whenever one has grown.
 */
async function noteGrowth(pull: Pull): Promise<void> {
  const grown = FILLED.filter((noun) => pull[noun] > 0 && pull[noun] >= GROWTH * pull.sizes[noun])
  for (const noun of grown) {
    await pull.hold.inTenant((tx) => noteSize(tx, noun))
    pull.sizes[noun] = pull[noun]
  }
}

/** The booking horizon of a data source, from `startedAt`. */
export function horizon(pull: Pull): { from: Instant; to: Instant } {
  const { startedAt, source } = pull
  const days = (count: number) => hours(24 * count)
  return {
    from: addMs(startedAt, -days(source.window_days_back)),
    to: addMs(startedAt, days(source.window_days_ahead)),
  }
}
