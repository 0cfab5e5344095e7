/** Which events the change of an appointment is, worked out from what one transaction did to its rows. */
import { type AppointmentState, baseOf, differences, type ShownFields, shownOf } from './appointment-state.ts'
import type { EventName } from './events.ts'
import type { WriteCode, WriteKind } from './writes.ts'

/** A write that the transaction ended. */
export interface EndedWrite {
  kind: WriteKind
  state: 'complete' | 'failed' | 'timed_out' | 'incomplete'
  code: WriteCode | null
}

/** What one transaction did to an appointment and its writes. */
export interface AppointmentChange {
  /** Its layers before and after; both null where only its writes changed, `was` alone where it is new. */
  was: AppointmentState | null
  now: AppointmentState | null
  ended: EndedWrite[]
  /** A client's request made the change. */
  isAccepted?: boolean
  /** The promise of its insertion ran out. */
  isDelayed?: boolean
  /** Its insertion waits for a person to say who the patient is. */
  isUndecided?: boolean
  /** What is said of its insertion changed, though it did not end by this: what was said before. */
  insertion?: Record<string, unknown> | null
}

export interface AppointmentEvent {
  name: EventName
  previous?: Record<string, unknown>
}

/**
 * The events of one change, in the order in which they are told.
 * A write that ended is told by its end; a row that the record system shows for the first time as created; a change that
 * was accepted as accepted; any other that can be seen as updated, with the values from before.
 */
export function eventsOf(change: AppointmentChange): AppointmentEvent[] {
  const { was, now, ended } = change
  const previous = was && now ? previousAttributes(was, now) : {}
  const events: AppointmentEvent[] = ended.map(({ kind, state }) => {
    if (kind === 'insert') return { name: `appointment_insertion.${state}` as const }
    return state === 'complete'
      ? { name: 'appointment_updated', previous }
      : { name: `appointment_updated.${state}` as const, previous }
  })
  if (now) events.push(...eventsOfRow(change, now, previous))
  if (change.isUndecided) events.push({ name: 'appointment_insertion.needs_decision' })
  if (change.isDelayed) events.push({ name: 'appointment_insertion.delayed' })
  if (change.insertion !== undefined)
    events.push({ name: 'appointment_updated', previous: { insertion: change.insertion } })
  return events
}

function eventsOfRow(
  { was, ended, isAccepted }: AppointmentChange,
  now: AppointmentState,
  previous: Record<string, unknown>,
): AppointmentEvent[] {
  if (now.mirror && !was?.mirror) {
    // What we withdrew ourselves, or never meant to stand, is no news when it reads back cancelled.
    const withdrawn = ended.length === 0 && now.draft?.cancelled && now.mirror.cancelled
    return withdrawn ? [] : [{ name: 'appointment_created' }]
  }
  if (isAccepted) return [was ? { name: 'appointment_accepted', previous } : { name: 'appointment_accepted' }]
  // An end tells its change itself.
  if (ended.length > 0 || Object.keys(previous).length === 0) return []
  return [{ name: 'appointment_updated', previous }]
}

/**
 * What changed, with the values from before: in what the record system says, and in what is shown. A confirmation of ours
 * that was read back changed the first, an undone local edit the second.
 */
function previousAttributes(was: AppointmentState, now: AppointmentState): Partial<ShownFields> {
  return {
    ...(was.mirror ? differences(baseOf(was), baseOf(now)) : {}),
    ...differences(shownOf(was), shownOf(now)),
  }
}
