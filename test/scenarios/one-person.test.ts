/** However many ask at once, wherever they ask: a new person becomes one patient, here and at the practice. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { freeStarts, somePlace } from '../support/booking.ts'
import { type Bridge, startBridge } from '../support/bridge.ts'

const REQUESTS = 200
const BOOKINGS = 8

/** A server as a process of its own; ends with the scope. */
async function serve(bridge: Bridge) {
  const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url))
  const key = bridge.t.database.masterKey.toString('base64')
  const child = spawn(process.execPath, [main, 'serve', '--role', 'api', '--port', '0'], {
    env: { PATH: process.env.PATH, DATABASE_URL: bridge.t.url, SLOTBRIDGE_MASTER_KEY: key },
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  const url = await new Promise<string>((resolve, reject) => {
    createInterface({ input: child.stdout }).on('line', (line) => {
      const said = JSON.parse(line) as { msg?: string; url?: string }
      if (said.msg === 'ready') resolve(said.url ?? '')
    })
    child.once('exit', (code) => reject(new Error(`the server ended with ${code}`)))
  })
  const exchanged = await fetch(`${url}/authenticates`, {
    method: 'POST',
    headers: { authorization: bridge.apiKey },
  })
  const { data } = (await exchanged.json()) as { data: { token: string } }
  return {
    /** What a busy server turns away is asked again, as its answer says. */
    async post(path: string, body: object) {
      const place = `subdomain=${bridge.subdomain}&location_id=${bridge.locationId}`
      const ask = () =>
        fetch(`${url}${path}?${place}`, {
          method: 'POST',
          headers: { authorization: `Bearer ${data.token}`, 'content-type': 'application/json' },
          body: JSON.stringify(body),
        })
      let answer = await ask()
      for (; answer.status === 503; answer = await ask()) {
        await answer.arrayBuffer()
        await sleep(Number(answer.headers.get('retry-after')) * 1_000)
      }
      // biome-ignore lint/suspicious/noExplicitAny: a test looks into whatever came back
      return { status: answer.status, body: (await answer.json()) as any }
    },
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL')
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
    },
  }
}

/** The same person, as different people type. */
const names = [
  ['Zoë', "O'Brien-Smith"],
  ['ZOE', 'O’Brien Smith'],
  [' zoe ', 'OBrien–Smith'],
  ['Zoe', "O'BRIEN SMITH Jr."],
]
const phones = ['5035550142', '(503) 555-0142', '+1 503 555 0142', '1-503-555-0142']

it(`makes one patient of ${REQUESTS} requests at once for one new person over two servers`, async () => {
  await using bridge = await startBridge()
  const { providerId, operatoryId } = await somePlace(bridge)
  const starts = await freeStarts(bridge, { providerId, operatoryId }, BOOKINGS)
  await using one = await serve(bridge)
  await using other = await serve(bridge)
  const servers = [one, other]
  const answers = await Promise.all(
    Array.from({ length: REQUESTS }, async (_, n) => {
      const [first_name = '', last_name = ''] = names[n % names.length] ?? []
      const bio = { date_of_birth: '1988-02-29', phone_number: phones[(n >> 2) % phones.length] }
      return await servers[n % 2]?.post('/patients', {
        provider: { provider_id: providerId },
        patient: { first_name, last_name, email: `zoe${n}@example.com`, bio },
        return_existing_if_match: n % 3 > 0,
      })
    }),
  )
  const count = (status: number) => answers.filter((answer) => answer?.status === status).length
  const ids = new Set(answers.flatMap((answer) => answer?.body.data?.user?.id ?? []))
  const kept = await bridge.t.look(`select id from patients where name_key like '% obrien smith%'`)
  console.info(
    `${REQUESTS} requests at once: ${count(201)} created, ${count(200)} answered it, ${count(400)} refused; ${kept.length} patient`,
  )
  expect(count(201) + count(200) + count(400)).toBe(REQUESTS)
  expect([count(201), ids.size, kept.length]).toEqual([1, 1, 1])
  const refused = answers.filter((answer) => answer?.status === 400).map((answer) => answer?.body.error)
  expect(new Set(refused.flat())).toEqual(new Set(['Patient already exists']))

  // Booked at once from both servers, for the person and for a child of theirs whom nobody knows either.
  const [patientId] = ids
  const child = { first_name: 'Ole', last_name: 'Smith', bio: { date_of_birth: '2015-05-05' } }
  const booked = await Promise.all(
    starts.map((start_time, n) => {
      const place = { patient_id: patientId, provider_id: providerId, operatory_id: operatoryId, start_time }
      const appt = n % 2 === 0 ? place : { ...place, is_guardian: true, patient: child }
      return servers[(n >> 1) % 2]?.post('/appointments', { appt })
    }),
  )
  expect(booked.map((answer) => answer?.status)).toEqual(starts.map(() => 201))
  for (const answer of booked)
    expect((await bridge.settled(answer?.body.data.appt.id)).insertion).toMatchObject({ status: 'complete' })
  // Two people: the one, and the child.
  const { body } = await bridge.practice('POST', '/people/search', { phone: '5035550142' })
  expect(body.people).toHaveLength(2)
}, 180_000)
