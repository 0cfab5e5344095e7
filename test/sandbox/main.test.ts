import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { booking, callPractice } from './practice-under-test.ts'

const PROGRAM = new URL('../../src/sandbox/main.ts', import.meta.url).pathname
let folder: string
const children: ChildProcess[] = []

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'practice-main-'))
})
/** Holds the pid of a practice that this process did not start itself. */
const pidFile = (): string => join(folder, 'pid')

afterEach(async () => {
  const stray = await readFile(pidFile(), 'utf8').catch(() => '')
  if (stray !== '') endStray(Number(stray))
  for (const child of children.splice(0)) if (child.exitCode === null) child.kill('SIGKILL')
  await rm(folder, { recursive: true })
})

function endStray(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It ended, as it should.
  }
}

async function start(
  stdin: 'ignore' | 'pipe',
  ...more: string[]
): Promise<{ child: ChildProcess; url: string }> {
  const args = [PROGRAM, '--file', join(folder, 'practice.db'), '--port', '0', ...more]
  const child = spawn(process.execPath, args, { stdio: [stdin, 'pipe', 'inherit'] })
  children.push(child)
  return { child, url: `http://127.0.0.1:${await readPort(child)}` }
}

async function readPort(child: ChildProcess): Promise<number> {
  const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream })
  const [line] = (await once(lines, 'line')) as [string]
  return JSON.parse(line).port
}

async function isUp(url: string): Promise<boolean> {
  return callPractice(url, 'GET', '/status').then(
    () => true,
    () => false,
  )
}

it('keeps every answered visit through a kill -9', async () => {
  const first = await start('ignore')
  const made = await callPractice(first.url, 'POST', '/visits', booking(1))
  expect(made.status).toBe(201)
  first.child.kill('SIGKILL')
  await once(first.child, 'exit')
  const second = await start('ignore')
  const found = await callPractice(second.url, 'GET', `/visits/${made.json.visit.visit_id}`)
  expect(found.json).toEqual(made.json)
})

it('ends by itself when the program that started it is killed', async () => {
  const starter = join(folder, 'starter.mjs')
  const args = JSON.stringify([PROGRAM, '--file', join(folder, 'practice.db')])
  await writeFile(
    starter,
    `import { spawn } from 'node:child_process'
     import { writeFileSync } from 'node:fs'
     const practice = spawn(process.execPath, ${args}, { stdio: ['pipe', 'inherit', 'inherit'] })
     writeFileSync(${JSON.stringify(pidFile())}, String(practice.pid))`,
  )
  const parent = spawn(process.execPath, [starter], { stdio: ['ignore', 'pipe', 'inherit'] })
  children.push(parent)
  const url = `http://127.0.0.1:${await readPort(parent)}`
  expect(await isUp(url)).toBe(true)
  parent.kill('SIGKILL')
  // Its output, which the practice inherited, ends only when the practice has ended too.
  parent.stdout?.resume()
  await once(parent, 'close')
  expect(await isUp(url)).toBe(false)
})

it('leaves an interrupt to the program that started it, and ends when told to terminate', async () => {
  const { child, url } = await start('pipe')
  child.kill('SIGINT')
  for (let look = 0; look < 20; look += 1) expect(await isUp(url)).toBe(true)
  child.kill('SIGTERM')
  const [code] = await once(child, 'exit')
  expect(code).toBe(0)
})

it('ends on an interrupt when it stands alone', async () => {
  const { child } = await start('ignore', '--desk-seconds', '0.05')
  child.kill('SIGINT')
  const [code] = await once(child, 'exit')
  expect(code).toBe(0)
})

it('says which argument is wrong', async () => {
  const child = spawn(process.execPath, [PROGRAM, '--file', join(folder, 'x.db'), '--port', 'many'], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  children.push(child)
  let said = ''
  child.stderr?.on('data', (chunk) => {
    said += chunk
  })
  const [code] = await once(child, 'close')
  expect(code).toBe(1)
  expect(said).toContain('--port must be a number')
})
