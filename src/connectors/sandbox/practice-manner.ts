/** What the practice refuses by itself, as it says in its status; the capabilities follow. */
import type { Capabilities } from '../connector.ts'
import type { PracticeClient } from './practice-client.ts'
import { isStatus, type Status } from './practice-words.ts'

const BASE: Omit<Capabilities, 'effect' | 'conflictCheck'> = {
  writes: {
    insert: true,
    block: true,
    new_patient: true,
    descriptors: true,
    confirm: true,
    cancel: true,
    check_in: true,
    reschedule: true,
    note: true,
  },
  reads: { blocks: true, workingHours: true, descriptors: true, procedures: true, deletions: 'told' },
  maxInFlightMs: 90_000,
  limits: { grainMinutes: 5, noteLength: 500, characters: 'unicode' },
}

export class PracticeManner {
  readonly #client: PracticeClient
  #known: Status['manner'] | null = null

  constructor(client: PracticeClient) {
    this.#client = client
  }

  /** Until the practice was asked, the cautious reading: it refuses nothing by itself. */
  get capabilities(): Capabilities {
    return {
      ...BASE,
      effect: this.#known?.references === 'unique' ? 'once' : 'detected',
      conflictCheck: this.#known?.times === 'checked' ? 'atomic' : 'advisory',
    }
  }

  /** Takes what a status says. */
  note(status: Status): void {
    this.#known = status.manner
  }

  /** Asks once; where the practice does not answer, the next call asks again. */
  async learn(): Promise<void> {
    if (this.#known !== null) return
    const reply = await this.#client('GET', '/status')
    if (reply.kind === 'answer' && reply.status === 200 && isStatus.Check(reply.json)) this.note(reply.json)
  }
}
