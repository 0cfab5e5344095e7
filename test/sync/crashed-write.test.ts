import { expect, it } from 'vitest'
import { book, freeStarts, newPatient, somePlace } from '../support/booking.ts'
import { startBridge } from '../support/bridge.ts'

it('looks at its deadline for a write that crashed its worker again and again, and ends it as it stands', async () => {
  await using bridge = await startBridge()
  const place = await somePlace(bridge)
  const [start = ''] = await freeStarts(bridge, place, 1)
  await bridge.stopWorker()
  const { id } = await book(bridge, { ...place, start, patientId: await newPatient(bridge) })
  const set = (fields: string) => bridge.t.look(`update writes set ${fields} where appointment_id = $1`, [id])
  await set("state = 'sending', attempts = 3, crashes = 3")
  await set(
    "state = 'needs_decision', code = 'crashed_repeatedly', deadline = now(), next_attempt_at = now()",
  )
  await bridge.t.look("insert into wakes (work_id) select id from work where kind = 'push'")
  bridge.startWorker()
  expect((await bridge.settled(id)).insertion).toMatchObject({ status: 'timed_out', code: 'deadline_passed' })
})
