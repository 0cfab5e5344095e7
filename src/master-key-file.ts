/** The master keys of an embedded installation: `<data-dir>/master.key` (0600), the first seals, earlier ones after commas. */
import {
  chmodSync,
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { parseMasterKeys } from './config.ts'
import type { MasterKeys } from './db/data-keys.ts'
import { newKey } from './db/seal.ts'
import { Failure } from './model/failures.ts'

/**
 * The keys in the file, made where there is no cluster yet. A cluster whose key is gone is refused: under a new key nothing
 * sealed in it could be read.
 */
export function keepMasterKeys(dataDir: string): MasterKeys {
  const file = fileOf(dataDir)
  if (existsSync(file)) {
    const keys = parseMasterKeys(readFileSync(file, 'utf8').trim())
    if (typeof keys === 'string') throw new Failure('invalid_request', `${file} must hold ${keys}.`)
    chmodSync(file, 0o600)
    return keys
  }
  if (existsSync(join(dataDir, 'pg18')))
    throw new Failure(
      'invalid_request',
      `${file} is gone: bring it back, or set SLOTBRIDGE_MASTER_KEY to what it held.`,
    )
  const keys: MasterKeys = [newKey()]
  write(file, keys)
  return keys
}

/** Puts these keys in the place of those that the file holds: all of them or none, whenever it ends. */
export function replaceMasterKeys(dataDir: string, keys: MasterKeys): void {
  const file = fileOf(dataDir)
  const beside = `${file}.new`
  rmSync(beside, { force: true })
  write(beside, keys)
  renameSync(beside, file)
  sync(dataDir)
}

function fileOf(dataDir: string): string {
  return join(dataDir, 'master.key')
}

function write(file: string, keys: MasterKeys): void {
  const descriptor = openSync(file, 'wx', 0o600)
  try {
    writeSync(descriptor, `${keys.map((key) => key.toString('base64')).join(',')}\n`)
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}

/** A name that was moved is on disk with its folder. */
function sync(folder: string): void {
  const descriptor = openSync(folder, 'r')
  try {
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}
