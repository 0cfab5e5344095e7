/** The memory that a start took and nothing needs any more. */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/**
 * Has V8 give it back: to load a program makes far more garbage, and more room for it, than an idle server ever fills, and V8
 * would keep that room for hours. It stands still meanwhile, a tenth of a second or so. Nothing is kept small: room is made
 * again as requests ask for it.
 */
export function giveBackMemory(): void {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as NodeJS.GCFunction
  setFlagsFromString('--no-expose-gc')
  collect({ type: 'major', flavor: 'last-resort', execution: 'sync' })
}
