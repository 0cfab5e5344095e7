/** The sequencer: gives committed events their positions, so that readers see one order and miss nothing. */
import { toInstant } from '../model/time.ts'
import { keepPartitions, positionEvents } from '../store/events.ts'
import type { Hold } from '../work/hold.ts'

const BATCH = 1_000
/** Events of other transactions that commit within this are taken along. */
const GATHER_MS = 20
/** How long the sequencer keeps looking before it goes to the back of the loop. */
const TURN_MS = 2_000
/** How often it sees to the partitions that the next events will need. */
const PARTITIONS_MS = 60_000

/** The handler of the `sequence` unit: runs when woken. */
export function sequenceHandler() {
  let partitionsKeptAt = 0
  return async (hold: Hold): Promise<string | null> => {
    const began = Date.now()
    if (began - partitionsKeptAt > PARTITIONS_MS) {
      await hold.inWork(keepPartitions)
      partitionsKeptAt = began
    }
    for (;;) {
      const placed = await hold.inWork((tx) => positionEvents(tx, BATCH))
      if (placed < BATCH) return null
      // More is waiting: again at once, after the others had their turn.
      if (hold.signal.aborted || Date.now() - began > TURN_MS) return toInstant(0)
      await new Promise((resolve) => setTimeout(resolve, GATHER_MS))
    }
  }
}
