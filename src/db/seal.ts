/**
 * Sealing: AES-256-GCM with a fresh nonce, laid out as version byte, the key's id (4), nonce (12), tag (16), ciphertext.
 * The id says which key opens a value without trying, in SQL too, so that a rotation sees what is left to do.
 */
import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto'

const VERSION = 2
/** The first layout: without a key's id. */
const WITHOUT_ID = 1
const ID_BYTES = 4
const NONCE_BYTES = 12
const TAG_BYTES = 16
export const KEY_BYTES = 32

/** A sealed value that none of the keys at hand opens. */
export class UnknownKey extends Error {
  constructor() {
    super('a sealed value is under another key')
    this.name = 'UnknownKey'
  }
}

/** A new random key. */
export function newKey(): Buffer {
  return randomBytes(KEY_BYTES)
}

/** What every value sealed under this key begins with, and none under another: version and the key's id, 5 bytes. */
export function markOf(key: Buffer): Buffer {
  const id = createHash('sha256').update('slotbridge key').update(key).digest().subarray(0, ID_BYTES)
  return Buffer.concat([Buffer.from([VERSION]), id])
}

/** Encrypts bytes under a 32-byte key. */
export function sealBytes(key: Buffer, plain: Buffer): Buffer {
  const mark = markOf(key)
  const nonce = randomBytes(NONCE_BYTES)
  const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(mark)
  const body = Buffer.concat([cipher.update(plain), cipher.final()])
  return Buffer.concat([mark, nonce, cipher.getAuthTag(), body])
}

/**
 * Decrypts what `sealBytes` made under one of these keys.
 * @throws UnknownKey where none of them opens it, Error where a byte was changed
 */
export function openBytes(keys: readonly Buffer[], sealed: Buffer): Buffer {
  if (sealed[0] === WITHOUT_ID) return openWithoutId(keys, sealed)
  if (sealed[0] !== VERSION) throw new Error('sealed value of an unknown version')
  const mark = sealed.subarray(0, 1 + ID_BYTES)
  const key = keys.find((one) => markOf(one).equals(mark))
  if (!key) throw new UnknownKey()
  return decrypt(key, sealed.subarray(mark.length), mark)
}

function openWithoutId(keys: readonly Buffer[], sealed: Buffer): Buffer {
  for (const key of keys) {
    try {
      return decrypt(key, sealed.subarray(1), null)
    } catch {
      // Another of them may be its key.
    }
  }
  throw new UnknownKey()
}

/** @param rest nonce, tag and ciphertext */
function decrypt(key: Buffer, rest: Buffer, mark: Buffer | null): Buffer {
  const body = NONCE_BYTES + TAG_BYTES
  const decipher = createDecipheriv('aes-256-gcm', key, rest.subarray(0, NONCE_BYTES))
  if (mark) decipher.setAAD(mark)
  decipher.setAuthTag(rest.subarray(NONCE_BYTES, body))
  return Buffer.concat([decipher.update(rest.subarray(body)), decipher.final()])
}

/** Encrypts a JSON value. */
export function sealJson(key: Buffer, value: unknown): Buffer {
  return sealBytes(key, Buffer.from(JSON.stringify(value)))
}

/** Decrypts a JSON value. */
export function openJson(keys: readonly Buffer[], sealed: Buffer): unknown {
  return JSON.parse(openBytes(keys, sealed).toString('utf8'))
}
