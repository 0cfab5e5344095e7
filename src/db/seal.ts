/** Sealing: AES-256-GCM with a fresh nonce, laid out as version byte, nonce (12), tag (16), ciphertext. */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'

const VERSION = 1
const NONCE_BYTES = 12
const TAG_BYTES = 16
export const KEY_BYTES = 32

/** A new random key. */
export function newKey(): Buffer {
  return randomBytes(KEY_BYTES)
}

/** Encrypts bytes under a 32-byte key. */
export function sealBytes(key: Buffer, plain: Buffer): Buffer {
  const nonce = randomBytes(NONCE_BYTES)
  const cipher = createCipheriv('aes-256-gcm', key, nonce)
  const body = Buffer.concat([cipher.update(plain), cipher.final()])
  return Buffer.concat([Buffer.from([VERSION]), nonce, cipher.getAuthTag(), body])
}

/** Decrypts what `sealBytes` made. Throws where the key is another or a byte was changed. */
export function openBytes(key: Buffer, sealed: Buffer): Buffer {
  if (sealed[0] !== VERSION) throw new Error('sealed value of an unknown version')
  const body = 1 + NONCE_BYTES + TAG_BYTES
  const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(1, 1 + NONCE_BYTES))
  decipher.setAuthTag(sealed.subarray(1 + NONCE_BYTES, body))
  return Buffer.concat([decipher.update(sealed.subarray(body)), decipher.final()])
}

/** Encrypts a JSON value. */
export function sealJson(key: Buffer, value: unknown): Buffer {
  return sealBytes(key, Buffer.from(JSON.stringify(value)))
}

/** Decrypts a JSON value. */
export function openJson(key: Buffer, sealed: Buffer): unknown {
  return JSON.parse(openBytes(key, sealed).toString('utf8'))
}
