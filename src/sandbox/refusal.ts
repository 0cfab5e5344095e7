/**
 * What the practice's program turns down: a status for HTTP, a reason as one word that programs act on, and a sentence
 * for people. The sentence names fields and row ids, never what a person is called.
 */
export class Refusal extends Error {
  readonly status: number
  readonly reason: string
  readonly more: Record<string, unknown>

  constructor(status: number, reason: string, sentence: string, more: Record<string, unknown> = {}) {
    super(sentence)
    this.name = 'Refusal'
    this.status = status
    this.reason = reason
    this.more = more
  }
}

/** 422: the caller sent something that can never be stored. */
export function badInput(reason: string, sentence: string): Refusal {
  return new Refusal(422, reason, sentence)
}

/** 404: there is no such row. */
export function noSuch(noun: string, id: string): Refusal {
  return new Refusal(404, 'no_such_row', `There is no ${noun} ${id}.`)
}
