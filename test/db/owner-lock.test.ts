import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, existsSync, mkdtempSync, rmSync, statSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { holdDataDir } from '../../src/db/owner-lock.ts'

const moduleUrl = new URL('../../src/db/owner-lock.ts', import.meta.url).href
let folder: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'slotbridge-lock-'))
})
afterEach(() => {
  chmodSync(folder, 0o700)
  rmSync(folder, { recursive: true })
})

/** A program of its own that holds the directory until it is killed. */
async function holdElsewhere(dataDir: string) {
  const code = `const { holdDataDir } = await import(${JSON.stringify(moduleUrl)})
    holdDataDir(process.argv[1]); console.log('held'); setInterval(() => {}, 1000)`
  const child = spawn(process.execPath, ['--no-warnings', '--input-type=module', '-e', code, dataDir], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  await once(child.stdout, 'data')
  return child
}

describe('the owner lock', () => {
  it('makes a missing data directory, closed to other users', () => {
    using lock = holdDataDir(join(folder, 'a', 'b'))
    expect(statSync(lock.dataDir).mode & 0o066).toBe(0)
    expect(statSync(join(lock.dataDir, 'owner.lock')).mode & 0o777).toBe(0o600)
  })

  it('refuses a second owner in the same process, by whatever path', () => {
    using lock = holdDataDir(folder)
    symlinkSync(folder, `${folder}-link`)
    try {
      expect(() => holdDataDir(`${folder}-link`)).toThrow(lock.dataDir)
      expect(() => holdDataDir(folder)).toThrow(`process ${process.pid}`)
    } finally {
      rmSync(`${folder}-link`)
    }
  })

  it('refuses a second process, and names the directory, the pid and what to do', async () => {
    const child = await holdElsewhere(folder)
    try {
      expect(() => holdDataDir(folder)).toThrow(
        `The data directory ${folder} is in use by process ${child.pid}: stop that one first, or choose another directory`,
      )
    } finally {
      child.kill('SIGKILL')
      await once(child, 'exit')
    }
  })

  it('is free again after its owner was killed', async () => {
    const child = await holdElsewhere(folder)
    child.kill('SIGKILL')
    await once(child, 'exit')
    expect(existsSync(join(folder, 'owner.json'))).toBe(true) // the dead one's note does not count
    holdDataDir(folder).release()
  })

  it('is free again after release, which may be called twice', () => {
    const lock = holdDataDir(folder)
    lock.release()
    lock.release()
    holdDataDir(folder).release()
    expect(existsSync(join(folder, 'owner.json'))).toBe(false)
  })
})
