/** The table of a write's states is total, says what section 3.4 of the design says, and the database agrees with it. */
import { expect, it } from 'vitest'
import { inTenant } from '../../src/db/database.ts'
import { INSERTION_STATES, type WriteState } from '../../src/model/appointment.ts'
import { endingOf, nextState, statesBefore, WRITE_EVENTS } from '../../src/model/write-states.ts'
import type { WriteCode } from '../../src/model/writes.ts'
import { beginAttempt, deferWrite, endWrite, insertWrite } from '../../src/store/writes.ts'
import { ahead, serve } from '../http/served.ts'

const OPEN = ['pending', 'sending', 'unknown', 'needs_decision'] as const
const ENDS = ['complete', 'failed', 'timed_out', 'incomplete'] as const
const events = Object.values(WRITE_EVENTS)

it('has a next state, or none, for every state and event', () => {
  for (const state of INSERTION_STATES)
    for (const event of events) expect([...INSERTION_STATES, 'impossible']).toContain(nextState(state, event))
})

it('leaves no end, and each open state by every kind of end that is its own', () => {
  for (const state of ENDS) for (const event of events) expect(nextState(state, event)).toBe('impossible')
  const endsOf = (state: WriteState) =>
    ENDS.filter((end) => events.some((event) => nextState(state, event) === end))
  expect(endsOf('pending')).toEqual(['complete', 'failed', 'timed_out'])
  expect(endsOf('sending')).toEqual(['complete', 'failed', 'timed_out', 'incomplete'])
  expect(endsOf('unknown')).toEqual(['complete', 'failed', 'timed_out', 'incomplete'])
  expect(endsOf('needs_decision')).toEqual(['failed', 'timed_out', 'incomplete'])
  for (const state of OPEN)
    expect(events.some((event) => nextState(state, event) !== 'impossible')).toBe(true)
})

it('has each event lead to one state wherever it comes from, and come from somewhere', () => {
  for (const event of events) {
    const found = new Set(statesBefore(event).map((state) => nextState(state, event)))
    expect(found.size, event).toBe(1)
  }
})

it('never sends what may be in effect, nor ends it as failed, without a look or an answer', () => {
  // From unknown, nothing goes back to be sent blindly.
  expect(nextState('unknown', 'put_back')).toBe('impossible')
  // What was sent cannot be called stopped, or done by the desk before us.
  for (const state of ['sending', 'unknown'] as const)
    for (const event of ['stopped', 'stood_before', 'given_up'] as const)
      expect(nextState(state, event)).toBe('impossible')
  // What was never sent cannot have an unknown effect, or be read back.
  for (const event of ['stands', 'differs', 'not_found_out', 'unclear', 'refused'] as const)
    expect(nextState('pending', event)).toBe('impossible')
  const ways: [Parameters<typeof endingOf>[0], WriteCode | null][] = [
    ['complete', 'slot_taken'],
    ['failed', null],
    ['failed', 'effect_unknown'],
    ['timed_out', 'refused'],
    ['incomplete', 'deadline_passed'],
  ]
  for (const [state, code] of ways) expect(() => endingOf(state, code)).toThrow(/no write ends/)
})

it('is what the database lets a write do, and the store refuses the rest before it', async () => {
  await using s = await serve()
  const { body } = await s.ask('POST', '/appointments', {
    query: { subdomain: s.subdomain, location_id: s.locationId },
    body: {
      appt: {
        patient_id: s.patientId,
        provider_id: s.providerId,
        operatory_id: s.operatoryId,
        start_time: ahead(30),
      },
    },
  })
  const appointmentId = Number(body.data.appt.id)
  const inState = async (state: WriteState) => {
    await s.t.look('alter table writes disable trigger write_goes_on')
    const id = await inTenant(s.t.database, s.institutionId, (tx) =>
      insertWrite(tx, {
        data_source_id: s.sourceId,
        appointment_id: appointmentId,
        kind: 'note',
        asked: { note: null },
        was: {},
        decided_on: null,
        deadline: ahead(31),
        promised_at: null,
      }),
    )
    const ended = (ENDS as readonly string[]).includes(state)
    await s.t.look('update writes set state = $1, ended_at = case when $2 then now() end where id = $3', [
      state,
      ended,
      id,
    ])
    await s.t.look('alter table writes enable trigger write_goes_on')
    return id
  }
  const asApp = (text: string, values: unknown[]) =>
    s.t.database.pool.connect().then(async (client) => {
      try {
        await client.query('begin')
        await client.query(
          "select set_config('role', 'slotbridge_app', true), set_config('app.institution_id', $1, true)",
          [String(s.institutionId)],
        )
        await client.query(text, values)
        return true
      } catch (error) {
        if (!String(error).includes('a write does not go from')) throw error
        return false
      } finally {
        await client.query('rollback')
        client.release()
      }
    })
  for (const from of INSERTION_STATES) {
    const id = await inState(from)
    for (const to of INSERTION_STATES) {
      if (to === from) continue
      const hasWay = events.some((event) => nextState(from, event) === to)
      const ended = (ENDS as readonly string[]).includes(to)
      const text = `update writes set state = $1, ended_at = case when $2 then now() end where id = $3`
      expect(await asApp(text, [to, ended, id]), `${from} → ${to}`).toBe(hasWay)
    }
  }
  const store = (run: (tx: Parameters<Parameters<typeof inTenant>[2]>[0]) => Promise<unknown>) =>
    inTenant(s.t.database, s.institutionId, run)
  const end = { code: null, message: null, retriable: null, differing: [] }
  const pending = await inState('pending')
  await expect(store((tx) => endWrite(tx, pending, { ...end, state: 'complete' }))).rejects.toThrow(/stands/)
  await expect(store((tx) => deferWrite(tx, pending, 'unknown', ahead(1), null, null))).rejects.toThrow(
    /unclear/,
  )
  await store((tx) => beginAttempt(tx, pending))
  await store((tx) => endWrite(tx, pending, { ...end, state: 'complete' }))
  await expect(store((tx) => endWrite(tx, pending, { ...end, state: 'complete' }))).rejects.toThrow(/stands/)
  await expect(store((tx) => beginAttempt(tx, pending))).rejects.toThrow(/begun/)
  const waiting = await inState('needs_decision')
  await expect(store((tx) => beginAttempt(tx, waiting))).rejects.toThrow(/begun/)
})
