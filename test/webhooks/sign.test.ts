import { Webhook } from 'standardwebhooks'
import { describe, expect, it } from 'vitest'
import { nexSignature, signatureHeaders } from '../../src/webhooks/sign.ts'

/** NexHealth's published vector. */
const vector = {
  secret: 'fixture_secret_key',
  timestamp: '2026-11-22T16:09:41Z',
  body: '{"institution_id":1201,"subdomain":"willow-creek-dental","webhook_subscription_id":9001,"delivery_errors":[],"resource_type":"Appointment","event_name":"appointment_insertion.complete","event_time":"2026-11-22T16:09:41.120Z","data":{"appointment":{"id":1599000101}}}',
  signature: '7abb3fa6c3efc15030bd81e0e00a6747aa500bfa0be3535732c26b781be3775f',
}
const message = {
  id: 'msg_17',
  body: Buffer.from(vector.body),
  sentAt: Date.parse('2026-11-22T16:09:41.900Z'),
}

describe('signatures', () => {
  it("verify against NexHealth's vector", () => {
    expect(nexSignature(vector.secret, vector.timestamp, Buffer.from(vector.body))).toBe(vector.signature)
    const headers = signatureHeaders({ current: vector.secret, previous: null }, message)
    expect(headers).toMatchObject({ timestamp: vector.timestamp, signature: vector.signature })
  })

  it('are those of Standard Webhooks beside it, keyed with the same bytes, as its own library judges', () => {
    const secret = `whsec_${Buffer.from(vector.secret).toString('base64')}`
    const sentAt = Date.now()
    const headers = signatureHeaders({ current: vector.secret, previous: null }, { ...message, sentAt })
    expect(new Webhook(secret).verify(vector.body, headers)).toMatchObject({ institution_id: 1201 })
    expect(() => new Webhook(secret).verify(vector.body.replace('1201', '1202'), headers)).toThrow(
      /signature/,
    )
    // Also while two secrets sign.
    const rotated = signatureHeaders(
      { current: 'a new one', previous: vector.secret },
      { ...message, sentAt },
    )
    for (const key of ['a new one', vector.secret]) {
      const judge = new Webhook(`whsec_${Buffer.from(key).toString('base64')}`)
      expect(judge.verify(vector.body, rotated)).toMatchObject({ institution_id: 1201 })
    }
  })

  it('are both secrets for a day after a rotation, and the old one alone in signature', () => {
    const rotated = signatureHeaders({ current: 'new', previous: vector.secret }, message)
    expect(rotated.signature).toBe(vector.signature)
    const alone = (secret: string) =>
      signatureHeaders({ current: secret, previous: null }, message)['webhook-signature']
    expect(rotated['webhook-signature']).toBe(`${alone('new')} ${alone(vector.secret)}`)
  })

  it('cover the body byte by byte', () => {
    const other = { ...message, body: Buffer.from(vector.body.replace('1201', '1202')) }
    const one = signatureHeaders({ current: 'key', previous: null }, message)
    const two = signatureHeaders({ current: 'key', previous: null }, other)
    expect(one.signature).not.toBe(two.signature)
    expect(one['webhook-signature']).not.toBe(two['webhook-signature'])
  })
})
