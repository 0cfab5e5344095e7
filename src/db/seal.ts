/**
 * Sealing: AES-256-GCM with a fresh nonce, laid out as version byte, the key's id (4), nonce (12), tag (16), ciphertext.
 * The id says which key opens a value without trying, in SQL too, so that a rotation sees what is left to do.
 */
import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createSecretKey,
  type KeyObject,
  randomBytes,
  randomFillSync,
} from 'node:crypto'

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

/** A new random key whose mark is not that of `other`: values under the two must be told apart. */
export function newKeyBeside(other: Buffer): Buffer {
  for (;;) {
    const key = newKey()
    if (!markOf(key).equals(markOf(other))) return key
  }
}

/** A key as the ciphers want it, and its mark: made of bytes each time, they cost more than what is sealed. */
interface Prepared {
  secret: KeyObject
  mark: Buffer
}

const prepared = new WeakMap<Buffer, Prepared>()

function prepare(key: Buffer): Prepared {
  const known = prepared.get(key)
  if (known) return known
  const id = createHash('sha256').update('slotbridge key').update(key).digest().subarray(0, ID_BYTES)
  const made = { secret: createSecretKey(key), mark: Buffer.concat([Buffer.from([VERSION]), id]) }
  prepared.set(key, made)
  return made
}

/** What every value sealed under this key begins with, and none under another: version and the key's id, 5 bytes. */
export function markOf(key: Buffer): Buffer {
  return prepare(key).mark
}

/** Random bytes drawn ahead; each is given out once. */
const drawn = Buffer.alloc(NONCE_BYTES * 256)
let left = 0

/** To be copied before the next is drawn. */
function drawNonce(): Buffer {
  if (left === 0) {
    randomFillSync(drawn)
    left = drawn.length
  }
  left -= NONCE_BYTES
  return drawn.subarray(left, left + NONCE_BYTES)
}

/** Encrypts bytes under a 32-byte key. */
export function sealBytes(key: Buffer, plain: Buffer): Buffer {
  const { secret, mark } = prepare(key)
  const nonce = drawNonce()
  const cipher = createCipheriv('aes-256-gcm', secret, nonce).setAAD(mark)
  const body = [cipher.update(plain), cipher.final()]
  return Buffer.concat([mark, nonce, cipher.getAuthTag(), ...body])
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
  const decipher = createDecipheriv('aes-256-gcm', prepare(key).secret, rest.subarray(0, NONCE_BYTES))
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
