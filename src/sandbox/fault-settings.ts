/** What the fault dial is set to, as `PUT /faults` says it. */
import { asBody, type Body, flag, integer, onlyFields, text } from './body.ts'
import { FAULT_KINDS, type FaultKind, isFaultKind, meaningOf } from './fault-kinds.ts'
import { badInput } from './refusal.ts'

/** One fault on the dial. */
export interface Fault {
  kind: FaultKind
  /** Meets calls that begin so: a method and the beginning of a path. */
  on: string
  /** Only a call whose body begins at this instant (as sent); any where null. */
  begins: string | null
  /** How many fitting calls pass first. */
  skip: number
  /** How often it happens; null without end. */
  times: number | null
  /** With which chance it happens to a fitting call, 0 to 1. */
  chance: number
  ms: number
}

export interface FaultSettings {
  /** Tells every throw: the same seed and the same calls give the same faults. */
  seed: number
  /** The first that fits a call happens to it. */
  faults: Fault[]
  /** A call that comes sooner after the one before is turned away with 429; null: any pace will do. */
  requests_per_second: number | null
}

function chanceIn(body: Body, name: string, usual: number): number {
  const value = body[name]
  if (value === undefined) return usual
  if (typeof value !== 'number' || !(value >= 0 && value <= 1))
    throw badInput('bad_field', `${name} must be a number from 0 to 1.`)
  return value
}

/** A whole number from 0; `usual` where not sent. */
function count(body: Body, name: string, usual: number): number {
  const value = integer(body, name) ?? usual
  if (value < 0) throw badInput('bad_field', `${name} must not be below 0.`)
  return value
}

function readFault(value: unknown): Fault {
  const body = asBody(value)
  onlyFields(body, ['kind', 'on', 'begins', 'skip', 'times', 'chance', 'ms', 'always'])
  const kind = text(body, 'kind') ?? ''
  if (!isFaultKind(kind)) throw badInput('no_such_fault', `There is no fault ${kind.slice(0, 40)}.`)
  const meaning = meaningOf(kind)
  return {
    kind,
    on: text(body, 'on') ?? meaning.on,
    begins: text(body, 'begins') ?? null,
    skip: count(body, 'skip', 0),
    times: flag(body, 'always') === true ? null : count(body, 'times', 1),
    chance: chanceIn(body, 'chance', 1),
    ms: count(body, 'ms', meaning.ms ?? 0),
  }
}

/** Every fault that may be mixed, each at this chance, without end. */
function mixOf(chance: number): Fault[] {
  return FAULT_KINDS.filter((kind) => meaningOf(kind).alone !== true).map((kind) => ({
    kind,
    on: meaningOf(kind).on,
    begins: null,
    skip: 0,
    times: null,
    chance,
    ms: meaningOf(kind).ms ?? 0,
  }))
}

/**
 * `{"seed": 7, "faults": [{"kind": "no_answer", "times": 2}], "mix": 0.02}`: the named ones, then every other at the
 * chance `mix`. `requests_per_second` is a true limit of the pace. An empty body turns everything off.
 */
export function readSettings(body: Body): FaultSettings {
  onlyFields(body, ['seed', 'faults', 'mix', 'requests_per_second'])
  const list = body.faults ?? []
  if (!Array.isArray(list) || list.length > 100)
    throw badInput('bad_field', 'faults must be a list of at most 100.')
  const mix = chanceIn(body, 'mix', 0)
  const rate = body.requests_per_second ?? null
  if (rate !== null && (typeof rate !== 'number' || !(rate > 0)))
    throw badInput('bad_field', 'requests_per_second must be a number above 0.')
  return {
    seed: count(body, 'seed', 1),
    faults: [...list.map(readFault), ...(mix > 0 ? mixOf(mix) : [])],
    requests_per_second: rate,
  }
}
