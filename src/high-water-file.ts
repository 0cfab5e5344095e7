/**
 * The high-water file: outside the database, so that it does not go back with it. It promises that no id above its own was
 * handed out, for each installation that runs in its folder.
 */
import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs'
import { hostname } from 'node:os'
import { dirname } from 'node:path'
import { Failure } from './model/failures.ts'

export interface HighWater {
  epoch: number
  /** The database's last beat that was seen. A database behind it went back. */
  beat: number
  /** No id above was handed out, by sequence. */
  ids: Record<string, number>
}

const isNumber = (value: unknown): value is number => Number.isSafeInteger(value)

function isHighWater(value: unknown): value is HighWater {
  if (typeof value !== 'object' || value === null) return false
  const { epoch, beat, ids } = value as Partial<HighWater>
  return isNumber(epoch) && isNumber(beat) && typeof ids === 'object' && Object.values(ids).every(isNumber)
}

/**
 * By installation; nothing where there is no file yet.
 * @throws Failure where the file is something else: what it promised must not be forgotten silently
 */
export function readHighWater(file: string): Record<string, HighWater> {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return {}
    throw error
  }
  const unreadable = `${file} is no high-water file: bring it back, or take it away if its ids are known otherwise.`
  try {
    const all = JSON.parse(text) as Record<string, unknown>
    const entries = Object.entries(all).map(([id, value]) => {
      if (!isHighWater(value)) throw new Failure('invalid_request', unreadable)
      return [id, value] as const
    })
    return Object.fromEntries(entries)
  } catch {
    throw new Failure('invalid_request', unreadable)
  }
}

/** Replaces one installation's entry, whole or not at all; with `isDurable` it also survives a power cut. */
export function writeHighWater(file: string, id: string, entry: HighWater, isDurable: boolean): void {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
  const text = `${JSON.stringify({ ...readHighWater(file), [id]: entry }, null, 2)}\n`
  // Containers that share the folder have a pid 1 each.
  const fresh = `${file}.${hostname()}.${process.pid}`
  const descriptor = openSync(fresh, 'w', 0o600)
  try {
    writeSync(descriptor, text)
    if (isDurable) fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
  renameSync(fresh, file)
}
