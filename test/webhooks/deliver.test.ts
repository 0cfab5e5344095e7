import { describe, expect, it } from 'vitest'
import { inGlobal, inWork } from '../../src/db/database.ts'
import { listAttempts, listDeliveries, replayDeliveries } from '../../src/store/delivery-log.ts'
import {
  deleteEndpoint,
  deleteEndpointUnit,
  findEndpoint,
  hurryLanes,
  rotateSecret,
  updateEndpoint,
} from '../../src/store/webhook-endpoints.ts'
import { nexSignature, standardSignature } from '../../src/webhooks/sign.ts'
import { until } from '../support/until.ts'
import { type Receiver, startReceiver, startTelling, type Telling } from './telling.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE

const marks = (receiver: Receiver, appointmentId?: number) =>
  receiver.received
    .filter((one) => appointmentId === undefined || one.body.data.appointment.id === appointmentId)
    .filter((one) => one.status === 200)
    .map((one) => one.body.data.appointment.note)
const rows = (telling: Telling, state?: string) =>
  telling.tenant((tx) => listDeliveries(tx, { accountId: null, state }, { limit: 1000 }))
const settled = (telling: Telling) =>
  until('every delivery to end', async () => {
    const waiting = await telling.t.look(
      'select institution_id from event_order where position is null union all select institution_id from event_progress where fanned_out < positioned',
    )
    return waiting.length === 0 && (await rows(telling, 'pending')).length === 0
  })

describe('a delivery', () => {
  it("has NexHealth's body and headers, signed both ways, with its length", async () => {
    await using telling = await startTelling()
    await using receiver = await startReceiver()
    const { secret, subscriptions } = await telling.endpoint(receiver.url)
    await telling.change(17, 'moved')
    await settled(telling)
    const [one] = receiver.received
    if (!one) throw new Error('nothing came')
    expect(Object.keys(one.body)).toEqual([
      'institution_id',
      'subdomain',
      'webhook_subscription_id',
      'delivery_errors',
      'resource_type',
      'event_name',
      'event_time',
      'data',
    ])
    expect(one.body).toMatchObject({
      institution_id: telling.institutionId,
      subdomain: 'willow-creek',
      webhook_subscription_id: subscriptions[0],
      delivery_errors: [],
      resource_type: 'Appointment',
      event_name: 'appointment_updated',
      data: { appointment: { id: 17, note: 'moved' } },
    })
    const { headers, raw } = one
    expect(headers['content-type']).toBe('application/json')
    expect(headers['content-length']).toBe(String(raw.length))
    expect(headers.signature).toBe(nexSignature(secret, String(headers.timestamp), raw))
    const [row] = await rows(telling)
    expect(headers['webhook-id']).toBe(`msg_${row?.id}`)
    expect(headers['webhook-signature']).toBe(
      standardSignature(secret, `msg_${row?.id}`, Number(headers['webhook-timestamp']), raw),
    )
    expect(row).toMatchObject({ state: 'delivered', attempts: 1, response_status: 200, error: null })
  })

  it('is made for subscriptions that match, in the version of each', async () => {
    await using telling = await startTelling()
    await using old = await startReceiver()
    await using young = await startReceiver()
    await telling.endpoint(old.url, [['appointment', 'appointment_updated']], 'v2')
    await telling.endpoint(young.url, [
      ['Appointment', 'appointment_updated'],
      ['Appointment', 'appointment_insertion'],
    ])
    await telling.change(1, 'a', 'appointment_updated.failed')
    await telling.change(1, 'b', 'appointment_insertion.delayed')
    await telling.change(1, 'c', 'appointment_insertion.timed_out')
    await telling.change(1, 'd', 'appointment_accepted')
    await settled(telling)
    expect(old.received.map((one) => one.body.event_name)).toEqual(['appointment_updated'])
    expect(young.received.map((one) => one.body.event_name)).toEqual([
      'appointment_updated.failed',
      'appointment_insertion.timed_out',
    ])
  })

  it('is tried again at the times of the schedule until it is dead, and then lets later ones on', async () => {
    await using telling = await startTelling()
    await using receiver = await startReceiver()
    receiver.answer((one) => ({
      status: one.body.data.appointment.note === 'refused' ? 500 : 200,
      body: 'no',
    }))
    const endpoint = await telling.endpoint(receiver.url)
    const begun = Date.now()
    await telling.change(1, 'refused')
    await telling.change(1, 'later')
    await telling.change(2, 'other')
    const refused = () => receiver.received.filter((one) => one.body.data.appointment.note === 'refused')
    const minutes = [0, 0.5, 1.5, 3.5, 10, 30, 120, 300, 600, 1440, 2880]
    for (const [at, minute] of minutes.entries()) {
      // Just before its time, counted from the first attempt, nothing comes; what is due then has come before anything else could.
      if (at > 0) await telling.move((minute - 0.1) * MINUTE - (Date.now() - begun))
      await telling.change(2, `before ${at}`)
      await until('another to get through', async () => marks(receiver, 2).includes(`before ${at}`))
      expect(refused().length).toBe(at === 0 ? refused().length : at)
      await telling.move(minute * MINUTE + 10_000)
      await until(`attempt ${at + 1}`, async () => refused().length === at + 1)
      // Written down before the time moves on: a lease that ends meanwhile would have it tried by somebody else.
      await until(`the end of attempt ${at + 1}`, async () => {
        const ended = await telling.t.look('select from delivery_attempts where response_status = 500')
        return ended.length === at + 1
      })
    }
    await settled(telling)
    expect(marks(receiver, 1)).toEqual(['later'])
    const [dead] = await rows(telling, 'dead')
    expect(dead).toMatchObject({ attempts: 11, response_status: 500 })
    const attempts = await telling.tenant((tx) => listAttempts(tx, dead?.id ?? 0))
    expect(attempts.map((one) => [one.number, one.response_status, one.answer])).toEqual(
      minutes.map((_, at) => [at + 1, 500, 'no']),
    )
    // The same id over all attempts.
    expect(new Set(refused().map((one) => one.headers['webhook-id'])).size).toBe(1)
    // Others got through all the time: the endpoint is not paused.
    const row = await inGlobal(telling.t.database, (tx) => findEndpoint(tx, telling.accountId, endpoint.id))
    expect(row).toMatchObject({ active: true, paused_at: null })
  })

  it('comes in order for each appointment while a failing one holds up its own only', async () => {
    await using telling = await startTelling()
    await using receiver = await startReceiver()
    await telling.endpoint(receiver.url)
    let down = true
    receiver.answer((one) => ({ status: down && one.body.data.appointment.id === 1 ? 503 : 200 }))
    for (let n = 0; n < 10; n += 1) {
      await telling.change(1, n)
      await telling.change(2, n)
    }
    await until('the other one to be told', async () => marks(receiver, 2).length === 10)
    expect(marks(receiver, 2)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
    expect(marks(receiver, 1)).toEqual([])
    expect(
      new Set(
        receiver.received.filter((one) => one.status === 503).map((one) => one.body.data.appointment.note),
      ),
    ).toEqual(new Set([0]))
    down = false
    await telling.move(MINUTE)
    await settled(telling)
    expect(marks(receiver, 1)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
  })

  it('holds no connection of the pool while a receiver takes its time', async () => {
    await using telling = await startTelling({ timeoutMs: 60_000 })
    await using receiver = await startReceiver()
    await telling.endpoint(receiver.url)
    receiver.answer(() => 'never')
    for (let id = 1; id <= 15; id += 1) await telling.change(id, 'waiting')
    await until('all to be on their way', async () => receiver.received.length === 15)
    // The loop has transactions of its own, each for a moment; one held for a receiver would last as long as that is silent.
    await until('nobody to be in a transaction', async () => {
      const busy = await telling.t.look(
        "select from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid() and state like 'idle in transaction%'",
      )
      return busy.length === 0
    })
    expect(receiver.received.length).toBe(15)
  })

  it('is no success when it is redirected, and the redirect is not followed', async () => {
    await using telling = await startTelling()
    await using receiver = await startReceiver()
    await using elsewhere = await startReceiver()
    await telling.endpoint(receiver.url)
    receiver.answer(() => ({ status: 307, headers: { location: elsewhere.url } }))
    await telling.change(1, 'once')
    await until('an attempt', async () => (await rows(telling))[0]?.attempts === 1)
    expect((await rows(telling))[0]).toMatchObject({ state: 'pending', response_status: 307 })
    expect(elsewhere.received).toEqual([])
  })

  it('counts by the status whatever the answer says, and keeps a kilobyte of it, sealed', async () => {
    await using telling = await startTelling()
    await using receiver = await startReceiver()
    await telling.endpoint(receiver.url)
    receiver.answer(() => ({ status: 200, body: '\u0000garbage<'.repeat(100_000) }))
    await telling.change(1, 'once')
    await settled(telling)
    const [row] = await rows(telling, 'delivered')
    const [attempt] = await telling.tenant((tx) => listAttempts(tx, row?.id ?? 0))
    expect(attempt?.answer?.length).toBe(1024)
    const [kept] = await telling.t.look('select answer_sealed from delivery_attempts')
    expect(kept.answer_sealed.includes('garbage')).toBe(false)
  })

  it('says why there was no answer', async () => {
    await using telling = await startTelling({ timeoutMs: 3_000 })
    await using silent = await startReceiver()
    silent.answer(() => 'never')
    const gone = await startReceiver()
    await gone[Symbol.asyncDispose]()
    await telling.endpoint(silent.url)
    await telling.endpoint(gone.url)
    await telling.endpoint('https://no-such-host.invalid/hook')
    await telling.change(1, 'once')
    await until('an attempt each', async () => {
      const all = await rows(telling)
      return all.length === 3 && all.every((row) => row.attempts > 0)
    })
    const errors = (await rows(telling)).map((row) => row.error)
    expect(errors.sort()).toEqual(['refused', 'timeout', 'unknown_host'])
  })

  it('is withdrawn when the account may no longer see the institution, or the subscription ended', async () => {
    await using telling = await startTelling()
    await using receiver = await startReceiver()
    const { subscriptions } = await telling.endpoint(receiver.url, [
      ['Appointment', 'appointment_updated'],
      ['Appointment', 'appointment_created'],
    ])
    receiver.answer(() => ({ status: 500 }))
    await telling.change(1, 'seen')
    await telling.change(2, 'seen', 'appointment_created')
    await until('both to be tried', async () => receiver.received.length === 2)
    await telling.t.look('delete from webhook_subscriptions where id = $1', [subscriptions[1]])
    receiver.answer(() => ({ status: 200 }))
    await telling.t.look('delete from account_institutions')
    await telling.move(MINUTE)
    await settled(telling)
    expect((await rows(telling)).map((row) => row.state)).toEqual(['withdrawn', 'withdrawn'])
    await telling.change(1, 'unseen')
    await telling.t.look('select 1')
    await until('its position', async () => {
      const waiting = await telling.t.look(
        'select from event_progress where fanned_out = (select max(position) from event_order)',
      )
      return waiting.length === 1
    })
    expect((await rows(telling)).length).toBe(2)
    expect(receiver.received.length).toBe(2)
  })

  it('can be replayed under its old id, before what came after it', async () => {
    await using telling = await startTelling()
    await using receiver = await startReceiver()
    await telling.endpoint(receiver.url)
    for (const mark of ['first', 'second', 'third']) await telling.change(1, mark)
    await settled(telling)
    const all = (await rows(telling)).reverse()
    const again = await telling.tenant((tx) =>
      replayDeliveries(
        tx,
        { accountId: telling.accountId, ids: [all[2]?.id ?? 0, all[0]?.id ?? 0], states: ['delivered'] },
        10,
      ),
    )
    expect(again.ids).toEqual([all[0]?.id, all[2]?.id])
    telling.wake()
    await settled(telling)
    expect(marks(receiver, 1)).toEqual(['first', 'second', 'third', 'first', 'third'])
    expect(receiver.received[3]?.headers['webhook-id']).toBe(receiver.received[0]?.headers['webhook-id'])
    const strangers = await telling.tenant((tx) =>
      replayDeliveries(tx, { accountId: telling.accountId + 1, states: ['delivered'] }, 10),
    )
    expect(strangers.ids).toEqual([])
  })
})

describe('an endpoint', () => {
  it('is paused after 48 hours without any success, keeps its backlog, and catches up in order', async () => {
    await using telling = await startTelling()
    await using receiver = await startReceiver()
    const { id } = await telling.endpoint(receiver.url)
    const find = () => inGlobal(telling.t.database, (tx) => findEndpoint(tx, telling.accountId, id))
    receiver.answer(() => ({ status: 500 }))
    await telling.change(1, 'a')
    await until('the first attempt', async () => (await rows(telling))[0]?.attempts === 1)
    await telling.move(47 * HOUR)
    await until('another attempt', async () => receiver.received.length === 2)
    await until('its settlement', async () => (await rows(telling))[0]?.attempts === 2)
    expect((await find())?.active).toBe(true)
    await telling.move(49 * HOUR)
    await until('the pause', async () => (await find())?.active === false)
    expect(await find()).toMatchObject({ active: false, paused_at: expect.any(String) })
    const tried = receiver.received.length
    for (const mark of ['b', 'c']) await telling.change(1, mark)
    await telling.change(2, 'd')
    await telling.move(60 * HOUR)
    await until('the backlog', async () => (await rows(telling, 'pending')).length === 4)
    expect(receiver.received.length).toBe(tried)
    receiver.answer(() => ({ status: 200 }))
    expect(await inGlobal(telling.t.database, (tx) => updateEndpoint(tx, id, { active: true }))).toBe(true)
    await inWork(telling.t.database, (tx) => hurryLanes(tx, id))
    telling.wake()
    await settled(telling)
    expect(marks(receiver, 1)).toEqual(['a', 'b', 'c'])
    expect(marks(receiver, 2)).toEqual(['d'])
    expect(await find()).toMatchObject({ active: true, paused_at: null, failing_since: null })
  })

  it('is not slowed by one that never answers', async () => {
    await using telling = await startTelling({ timeoutMs: 3_000 })
    await using silent = await startReceiver()
    await using living = await startReceiver()
    silent.answer(() => 'never')
    await telling.endpoint(silent.url)
    await telling.endpoint(living.url)
    for (let n = 0; n < 30; n += 1) await telling.change(n, n)
    await until('the living to be told', async () => living.received.length === 30)
    // None that was sent to the silent one has been given up yet, or it would have an attempt.
    expect((await rows(telling, 'delivered')).length).toBeLessThanOrEqual(30)
    expect(silent.received.length).toBeLessThanOrEqual(30)
  })

  it('can be taken away while it is told', async () => {
    await using telling = await startTelling()
    await using receiver = await startReceiver()
    const { database } = telling.t
    for (let round = 1; round <= 25; round += 1) {
      const { id } = await telling.endpoint(receiver.url)
      const remove = async () => {
        await inGlobal(database, (tx) => deleteEndpoint(tx, id))
        await inWork(database, (tx) => deleteEndpointUnit(tx, id))
      }
      // Taken away just when what was answered is settled.
      let removed: Promise<void> | undefined
      receiver.answer(() => {
        removed ??= remove()
        return { status: 200 }
      })
      for (let n = 0; n < 10; n += 1) await telling.change(n, round)
      await until('the first', async () => removed !== undefined)
      await removed
    }
    expect(telling.errors).toEqual([])
    expect(await telling.t.look("select id from work where kind = 'deliver'")).toEqual([])
  })

  it('signs with both secrets for a day after a rotation', async () => {
    await using telling = await startTelling()
    await using receiver = await startReceiver()
    const { id, secret } = await telling.endpoint(receiver.url)
    const young = await inGlobal(telling.t.database, (tx) => rotateSecret(tx, id, false))
    await telling.change(1, 'rotated')
    await settled(telling)
    await telling.move(25 * HOUR)
    await telling.change(1, 'a day later')
    await until('the second', async () => receiver.received.length === 2)
    const signers = receiver.received.map(({ headers, raw }) => [
      [secret, young].filter(
        (key) => nexSignature(key, String(headers.timestamp), raw) === headers.signature,
      ),
      [secret, young].filter((key) =>
        String(headers['webhook-signature'])
          .split(' ')
          .includes(
            standardSignature(key, String(headers['webhook-id']), Number(headers['webhook-timestamp']), raw),
          ),
      ),
    ])
    expect(signers).toEqual([
      [[secret], [secret, young]],
      [[young], [young]],
    ])
  })
})
