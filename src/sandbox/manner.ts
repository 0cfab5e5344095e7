/** How strict the practice's program is: real ones differ in what they refuse by themselves. */
import { type Body, onlyFields, text } from './body.ts'
import type { Practice } from './practice.ts'
import { badInput } from './refusal.ts'

export interface Manner {
  /** `unique`: a caller's reference makes one visit or closure for ever. `stored`: it is kept beside the row and means nothing. */
  references: 'unique' | 'stored'
  /** `checked`: a taken time is refused, under the lock that takes it. `unchecked`: nobody looks. */
  times: 'checked' | 'unchecked'
}

export function mannerOf(practice: Practice): Manner {
  return {
    references: practice.setting('references') === 'stored' ? 'stored' : 'unique',
    times: practice.setting('times') === 'unchecked' ? 'unchecked' : 'checked',
  }
}

/** Keeps what is given; what is left out stays as it is. */
export function keepManner(practice: Practice, manner: Partial<Manner>): void {
  for (const [name, value] of Object.entries(manner)) practice.setSetting(name, value)
}

/** @throws Refusal 422 */
export function changeManner(practice: Practice, body: Body): void {
  onlyFields(body, ['references', 'times'])
  const references = text(body, 'references') ?? undefined
  const times = text(body, 'times') ?? undefined
  if (references !== undefined && references !== 'unique' && references !== 'stored')
    throw badInput('bad_field', 'references must be unique or stored.')
  if (times !== undefined && times !== 'checked' && times !== 'unchecked')
    throw badInput('bad_field', 'times must be checked or unchecked.')
  keepManner(practice, { ...(references ? { references } : {}), ...(times ? { times } : {}) })
}
