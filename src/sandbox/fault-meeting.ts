/** A call that meets a fault. */
import type { Fault } from './fault-settings.ts'
import type { Answer, Call } from './http.ts'
import type { Practice } from './practice.ts'
import type { Dice } from './random.ts'
import type { Json } from './rows.ts'

export interface Dial {
  /** Ends the server and starts it again after so many milliseconds. */
  restart(ms: number): void
  /** What was answered to the last call of the feed, for a page that comes again. */
  lastPage: Json | null
  /** Has something happen in `ms` milliseconds by the practice's own clock, which tests may move. */
  putOff(ms: number, run: () => void): void
}

/** The call, and how the practice would answer it. A fault may change the call first, or let it be handled twice. */
export interface Meeting {
  practice: Practice
  call: Call
  fault: Fault
  throws: Dice
  handle(call?: Call): Answer
  dial: Dial
}
