/** Whether what was read back is what was asked for. */
import { type FieldName, type Mirror, same } from '../model/appointment-state.ts'
import type { Write } from '../store/writes.ts'

/** Instants of ours that no record system is asked to keep as such. */
const OURS = new Set<string>(['confirmed_at', 'cancelled_at'])

/**
 * The names of the asked-for fields that read back otherwise. A check-in is there when the system shows one: many keep
 * only that someone arrived. A cancellation carries a confirmation that is not pushed (decision 25).
 */
export function differing(write: Pick<Write, 'kind' | 'asked'>, mirror: Mirror): FieldName[] {
  const names = Object.keys(write.asked) as FieldName[]
  return names.filter((name) => {
    if (OURS.has(name) || (write.kind === 'cancel' && name !== 'cancelled')) return false
    const found = Reflect.get(mirror, name)
    if (name === 'checkin_at') return found === null
    return !same(found, write.asked[name])
  })
}
