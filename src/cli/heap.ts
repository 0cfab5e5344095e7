/** How V8 collects this program's garbage. */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/**
 * Has V8 go through everything that lives only when as much again was kept: an answer leaves a little behind that outlives two
 * quick collections, and V8's own limit for that, a tenth, is met every few hundred answers. Each time a dozen of them wait
 * (`bench slots`). The heap holds at most twice what lives; without this it is V8 that chooses, between 1.1 and 4 times.
 */
export function collectWholeSeldom(): void {
  setFlagsFromString('--heap-growing-percent=100')
}

/**
 * Has V8 give back the memory that a start took: to load a program makes far more garbage, and more room for it, than an idle
 * server ever fills, and V8 would keep that room for hours. It stands still meanwhile, a tenth of a second or so. Nothing is
 * kept small: room is made again as requests ask for it.
 */
export function giveBackMemory(): void {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as NodeJS.GCFunction
  setFlagsFromString('--no-expose-gc')
  collect({ type: 'major', flavor: 'last-resort', execution: 'sync' })
}
