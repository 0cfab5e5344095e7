/** `source key`: a key pair for record systems that ask for signed assertions (SMART Backend Services). */
import { readFileSync, writeFileSync } from 'node:fs'
import { calculateJwkThumbprint, exportJWK, generateKeyPair, type JWK } from 'jose'
import { publicPartOf } from '../connectors/fhir/published-keys.ts'
import { Failure } from '../model/failures.ts'
import type { Command } from './command.ts'

const ALGORITHMS = ['ES384', 'RS384']

export const sourceKey: Command = {
  name: 'source key',
  about: 'Make a key pair for signing in to a record system, and print what may be published of it',
  options: {
    file: { type: 'string', value: '<file>', about: 'Where the private key goes, or is; never overwritten' },
    algorithm: { type: 'string', value: '<name>', about: 'ES384 (default) or RS384' },
    show: { type: 'boolean', about: 'Make none: print the public part of the one in the file' },
  },
  details: `Prints a JWK Set. Then: ./slotbridge source set <id> --set auth.method=private_key_jwt --set auth.client_id=…
--set-file auth.key=<file>. Register the set with the record system, or the address at which it is served from then on:
https://<your host>/data_sources/<id>/jwks.json`,
  run: async ({ values, terminal }) => {
    const file = values.required('file')
    const algorithm = values.text('algorithm') ?? 'ES384'
    if (!ALGORITHMS.includes(algorithm))
      throw new Failure('invalid_request', `--algorithm must be ${ALGORITHMS.join(' or ')}.`)
    const key = values.flag('show') ? readKey(file) : await makeKey(file, algorithm)
    terminal.say(JSON.stringify({ keys: publicPartOf(key) }, null, 2))
    return 0
  },
}

async function makeKey(file: string, alg: string): Promise<JWK> {
  const { privateKey } = await generateKeyPair(alg, { extractable: true, modulusLength: 3072 })
  const jwk = await exportJWK(privateKey)
  const key: JWK = { ...jwk, kid: await calculateJwkThumbprint(jwk), alg, use: 'sig' }
  try {
    // Ours alone, and never over another: a key that is registered somewhere would be lost.
    writeFileSync(file, `${JSON.stringify(key)}\n`, { mode: 0o600, flag: 'wx' })
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code
    throw new Failure('invalid_request', `${file} cannot be written (${code}).`)
  }
  return key
}

function readKey(file: string): JWK {
  try {
    const key: unknown = JSON.parse(readFileSync(file, 'utf8'))
    if (typeof key === 'object' && key !== null && 'kty' in key) return key as JWK
  } catch {
    // What was in it is a secret: not even the parser's words are shown.
  }
  throw new Failure('invalid_request', `${file} holds no JSON Web Key.`)
}
