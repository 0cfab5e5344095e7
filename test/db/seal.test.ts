/** Sealing: what is sealed opens again, under its own key alone, and no two seals share a nonce. */
import { expect, it } from 'vitest'
import { newKey, openJson, sealJson } from '../../src/db/seal.ts'

const NONCE = { from: 5, to: 17 }

it('opens what it sealed, and nothing under another key or with a byte changed', () => {
  const [key, other] = [newKey(), newKey()]
  const sealed = sealJson(key, { name: 'Zoë' })
  expect(openJson([key], sealed)).toEqual({ name: 'Zoë' })
  expect(() => openJson([other], sealed)).toThrow()
  const last = sealed.length - 1
  sealed[last] = (sealed[last] ?? 0) ^ 1
  expect(() => openJson([key], sealed)).toThrow()
})

it('draws a nonce of its own for each seal, also beyond those that were drawn ahead', () => {
  const key = newKey()
  const sealed = Array.from({ length: 1_000 }, (_, number) => sealJson(key, number))
  const nonces = new Set(sealed.map((one) => one.subarray(NONCE.from, NONCE.to).toString('hex')))
  expect(nonces.size).toBe(sealed.length)
  expect(sealed.map((one) => openJson([key], one))).toEqual(sealed.map((_, number) => number))
})
