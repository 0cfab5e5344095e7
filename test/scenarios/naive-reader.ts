/** A reader as many are written: it follows the cursor, believes every page, and never looks at the whole. */
import type { Bridge } from '../support/bridge.ts'

type Row = Record<string, unknown>

export class NaiveReader {
  readonly #practice: Bridge['practice']
  #cursor: string | null = null
  readonly #rows = new Map<string, string>()

  constructor(practice: Bridge['practice']) {
    this.#practice = practice
  }

  /** Reads on to the end of the feed; a page that fails is asked for again the next time. */
  async read(): Promise<void> {
    for (let more = true; more; ) {
      const from: string = this.#cursor === null ? '' : `&cursor=${encodeURIComponent(this.#cursor)}`
      const answer = await this.#practice('GET', `/changes?limit=500${from}`).catch(() => null)
      if (answer?.status === 410) this.#cursor = null
      if (answer?.status !== 200) return
      const { body } = answer
      for (const row of body.visits as Row[]) this.#rows.set(`visit ${row.visit_id}`, JSON.stringify(row))
      for (const row of body.closures as Row[])
        this.#rows.set(`closure ${row.closure_id}`, JSON.stringify(row))
      for (const { noun, id } of body.gone as Row[]) this.#rows.delete(`${noun} ${id}`)
      this.#cursor = String(body.cursor)
      more = body.more === true
    }
  }

  /** Whether it holds what the practice's whole schedule holds. */
  async isRight(): Promise<boolean> {
    const truth = new Map<string, string>()
    for (let after = ''; ; ) {
      const range = 'from=2020-01-01T00:00:00.000Z&to=2040-01-01T00:00:00.000Z&limit=1000'
      const { body } = await this.#practice('GET', `/schedule?${range}${after}`)
      for (const row of body.visits as Row[]) truth.set(`visit ${row.visit_id}`, JSON.stringify(row))
      for (const row of body.closures as Row[]) truth.set(`closure ${row.closure_id}`, JSON.stringify(row))
      if (body.next === null) break
      after = `&after=${body.next}`
    }
    return truth.size === this.#rows.size && [...truth].every(([key, row]) => this.#rows.get(key) === row)
  }
}
