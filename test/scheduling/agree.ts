/** Run by itself under another process time zone: the same comparisons, and a digest of every slot that was found. */
import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { differenceAround, everyChange } from './clock-changes.ts'
import { differenceOf, engineSlots, schedules } from './random-schedules.ts'

/** What it prints. */
export interface Agreement {
  zone: string
  /** How many changes of a clock were gone through. */
  changes: number
  differences: string[]
  digest: string
}

const [seed = 0, runs = 0, each = 1] = process.argv.slice(2).map(Number)
const digest = createHash('sha256')
const differences: string[] = []

for (const schedule of fc.sample(schedules, { seed, numRuns: runs })) {
  digest.update(engineSlots(schedule).join())
  const difference = differenceOf(schedule)
  if (difference !== null) differences.push(difference)
}
const changes = everyChange().filter((_, at) => at % each === 0)
for (const change of changes) differences.push(...[differenceAround(change) ?? []].flat())

const agreement: Agreement = {
  zone: Intl.DateTimeFormat().resolvedOptions().timeZone,
  changes: changes.length,
  differences,
  digest: digest.digest('hex'),
}
process.stdout.write(JSON.stringify(agreement))
