/** The first command on a fresh machine: `./slotbridge demo`, as a process of its own. */
import { execFile, execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'
import type { DemoFile } from '../../src/cli/demo-file.ts'
import { type } from '../support/command-line.ts'
import { openClient } from '../support/demo-client.ts'
import { demoFolder } from '../support/demo-process.ts'
import { until } from '../support/until.ts'

const DAY_MS = 24 * 3_600_000

/** Processes that name the folder in their command line: servers and practices that were left behind. */
function leftBehind(folder: string): string[] {
  const lines = execFileSync('ps', ['-eo', 'pid=,args='], { encoding: 'utf8' }).split('\n')
  return lines.filter((line) => line.includes(folder) && !line.includes('ps -eo'))
}

/** What may stand in no process list and no log: the demo's own key, and the key of everything. */
function secretsOf(folder: string, demo: DemoFile): string[] {
  return [demo.api_key, readFileSync(join(folder, 'master.key'), 'utf8').trim()]
}

function booking(demo: DemoFile, start: string | undefined) {
  const { patient_id, provider_id, operatory_id, appointment_type_id } = demo
  return { appt: { patient_id, provider_id, operatory_id, appointment_type_id, start_time: start } }
}

it('starts from nothing, books every free start it promised, and leaves nothing running', async () => {
  await using folder = demoFolder()
  const running = folder.start()
  const demo = await running.ready()
  expect(Object.keys(demo)).toEqual(
    'url api_key subdomain institution_id location_id provider_id operatory_id patient_id appointment_type_id sandbox_url free_starts'.split(
      ' ',
    ),
  )
  expect(demo.free_starts).toHaveLength(20)
  expect(new Set(demo.free_starts).size).toBe(20)
  for (const start of demo.free_starts) {
    expect(start).toMatch(/^\d{4}-\d\d-\d\dT\d\d:(00|30):00-0[45]:00$/)
    expect(Date.parse(start)).toBeGreaterThan(Date.now() + DAY_MS)
  }
  const api = await openClient(demo)
  const question = `lids[]=${demo.location_id}&pids[]=${demo.provider_id}&appointment_type_id=${demo.appointment_type_id}`
  const from = demo.free_starts[0]?.slice(0, 10)
  const offered = await api.get(`/appointment_slots?start_date=${from}&days=7&${question}`)
  expect(offered.body.data[0].slots.length).toBeGreaterThan(0)
  const ids: number[] = []
  for (const start of demo.free_starts) {
    const { status, body } = await api.post(
      `/appointments?location_id=${demo.location_id}`,
      booking(demo, start),
    )
    expect({ status, error: body.error }).toEqual({ status: 201, error: null })
    ids.push(body.data.appt.id)
  }
  for (const id of ids) {
    const insertion = await until('the end of the insertion', async () => {
      const { body } = await api.get(`/appointments/${id}`)
      const { insertion: shown } = body.data.appt ?? body.data
      return !['pending', 'sending'].includes(shown.status) && shown
    })
    expect(insertion).toMatchObject({ status: 'complete', code: null })
  }
  await running.saying(`appointment ${ids[19]} is`)
  const seen = [
    ...leftBehind(folder.dataDir),
    ...['slotbridge.log', 'sandbox.log'].map((name) => readFileSync(join(folder.dataDir, name), 'utf8')),
  ]
  expect(seen.length).toBeGreaterThan(3)
  for (const secret of secretsOf(folder.dataDir, demo))
    expect(seen.filter((text) => text.includes(secret))).toEqual([])
  running.signal('SIGINT')
  expect(await running.ended()).toBe(0)
  expect(existsSync(join(folder.dataDir, 'demo.json'))).toBe(false)
  expect(leftBehind(folder.dataDir)).toEqual([])
})

/** What the demo keeps below its folder is its owner's alone, and no key is in the log. */
function expectKept(dataDir: string): void {
  const modes = execFileSync(
    'sh',
    [
      '-c',
      'stat -c "%a %n" demo.json demo.key master.key slotbridge.log || stat -f "%Lp %N" demo.json demo.key master.key slotbridge.log',
    ],
    { cwd: dataDir, encoding: 'utf8' },
  )
  expect(
    modes
      .trim()
      .split('\n')
      .map((line) => line.split(' ')[0]),
  ).toEqual(['600', '600', '600', '600'])
  const log = readFileSync(join(dataDir, 'slotbridge.log'), 'utf8')
  expect(log).not.toContain(readFileSync(join(dataDir, 'demo.key'), 'utf8').trim())
}

it('prints lines that work when they are copied, keeps its keys to their owner, and takes a new one while it is stopped', async () => {
  await using folder = demoFolder()
  const running = folder.start()
  await running.ready()
  const lines = running
    .said()
    .split('\n')
    // The one that listens runs until it is stopped; a test of its own runs it.
    .filter((line) => /^ {2}(TOKEN=|ID=|curl |\.\/slotbridge call)/.test(line))
  expect(lines).toHaveLength(7)
  const house = resolve(import.meta.dirname, '..', '..')
  const { stdout } = await promisify(execFile)('sh', ['-ec', lines.join('\n')], { cwd: house })
  const [first, second] = [...stdout.matchAll(/^booked (\d+)$/gm)].map(([, id]) => id)
  expect(Number(second)).toBeGreaterThan(Number(first))
  expect(stdout.match(/"code": ?true/g)).toHaveLength(4)
  // The second was written before it was cancelled, as the time between two commands allows; the first may not have been.
  for (const id of [first, second]) await running.saying(`accepted    appointment ${id}: cancelled true`)
  expectKept(folder.dataDir)

  const masterKey = () => readFileSync(join(folder.dataDir, 'master.key'), 'utf8').trim()
  const old = masterKey()
  const run = (line: string) => type(`${line} --data-dir ${folder.dataDir}`, {})
  expect(await run('key rotate-master')).toMatchObject({
    code: 1,
    noted: expect.stringContaining('is in use'),
  })
  expect(masterKey()).toBe(old)
  running.signal('SIGINT')
  expect(await running.ended()).toBe(0)
  // As it is left by one that was killed: the key that it had made goes on.
  const begun = randomBytes(32).toString('base64')
  writeFileSync(join(folder.dataDir, 'master.key'), `${begun},${old}\n`)
  expect(await run('key rotate-master')).toMatchObject({
    code: 0,
    said: expect.stringContaining('the keys of 1 institutions'),
  })
  expect(masterKey()).toBe(begun)
  expect(await run('key rotate-master')).toMatchObject({ code: 0 })
  expect(masterKey()).toMatch(/^[A-Za-z0-9+/]{43}=$/)
  expect(masterKey()).not.toBe(begun)
  expect((await run('source list --json')).said).toContain('"connector": "sandbox"')
})

it('refuses a second start on its data directory and says why, and recovers after kill -9', async () => {
  await using folder = demoFolder()
  const first = folder.start()
  const before = await first.ready()
  const second = folder.start()
  expect(await second.ended()).toBe(1)
  expect(second.said()).toContain('is in use by')
  expect(existsSync(join(folder.dataDir, 'demo.json'))).toBe(true)

  const api = await openClient(before)
  const { body } = await api.post(
    `/appointments?location_id=${before.location_id}`,
    booking(before, before.free_starts[0]),
  )
  first.signal('SIGKILL')
  expect(await first.ended()).toBe('SIGKILL')

  const third = folder.start()
  const after = await third.ready()
  expect(after).toMatchObject({
    api_key: before.api_key,
    institution_id: before.institution_id,
    patient_id: before.patient_id,
  })
  const again = await openClient(after)
  const written = await until('the booking in the record system', async () => {
    const { body: shown } = await again.get(`/appointments/${body.data.appt.id}`)
    const appointment = shown.data.appt ?? shown.data
    return appointment.insertion.status === 'complete' && appointment
  })
  expect(written.foreign_id).not.toBeNull()
  expect(after.free_starts).not.toContain(before.free_starts[0])
  third.signal('SIGINT')
  expect(await third.ended()).toBe(0)
  expect(leftBehind(folder.dataDir)).toEqual([])
})

/** Books, while the practice does not answer: what was sent to it may yet be answered. */
async function bookUnanswered(demo: DemoFile, dataDir: string): Promise<number> {
  const [practice = ''] = leftBehind(dataDir).filter((line) => line.includes('sandbox/main'))
  process.kill(Number.parseInt(practice, 10), 'SIGSTOP')
  const api = await openClient(demo)
  const path = `/appointments?location_id=${demo.location_id}`
  const { body } = await api.post(path, booking(demo, demo.free_starts[0]))
  const { id } = body.data.appt
  await until('the write on its way', async () =>
    JSON.stringify((await api.get(`/appointments/${id}/writes`)).body).includes('"sending"'),
  )
  return id
}

async function untilWritten(demo: DemoFile, id: number): Promise<void> {
  const api = await openClient(demo)
  await until('the booking in the record system', async () => {
    const { body } = await api.get(`/appointments/${id}`)
    return (body.data.appt ?? body.data).insertion.status === 'complete'
  })
}

it('carries on where a second Ctrl-C stopped it at once, and where kill -9 did, with a booking on its way', async () => {
  await using folder = demoFolder()
  const running = folder.start()
  const first = await bookUnanswered(await running.ready(), folder.dataDir)
  running.signal('SIGINT')
  await running.saying('Stopping')
  const repeat = setInterval(() => running.signal('SIGINT'), 300)
  const code = await running.ended().finally(() => clearInterval(repeat))
  expect(code).toBe(130)
  expect(existsSync(join(folder.dataDir, 'demo.json'))).toBe(false)
  await until('the end of what it started', async () => leftBehind(folder.dataDir).length === 0)

  const second = folder.start()
  const demo = await second.ready()
  await untilWritten(demo, first)
  const id = await bookUnanswered(demo, folder.dataDir)
  second.signal('SIGKILL')
  await second.ended()
  for (const line of leftBehind(folder.dataDir).filter((one) => one.includes('sandbox/main')))
    process.kill(Number.parseInt(line, 10), 'SIGKILL')
  const third = folder.start()
  await untilWritten(await third.ready(), id)
  third.signal('SIGINT')
  expect(await third.ended()).toBe(0)
  expect(leftBehind(folder.dataDir)).toEqual([])
})
