/** Workers killed and connections cut at random moments: judged from HAPI's own rows and histories. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { type Api, serveApi } from '../support/api.ts'
import { type Link, startLink, until } from '../support/bridge.ts'
import { hapiBase, practice, quietTimes } from './hapi/connected.ts'
import { isWrite, startCuttingGate } from './hapi/cutting-gate.ts'
import { type Bundle, call } from './hapi/fhir-rest.ts'
import { numbers } from './hapi/made-up.ts'

const BOOKINGS = 48
const SEED = Number(process.env.SEED ?? Date.now() % 1_000_000)

it(`writes each of ${BOOKINGS} bookings once though workers are killed and connections cut (seed ${SEED})`, async () => {
  await using gate = await startCuttingGate(hapiBase)
  await using link = await startLink({
    connector: 'fhir',
    configuration: { base_url: gate.base },
    pollSeconds: 3600,
  })
  await using api = await serveApi(link)
  await link.stopWorker()
  const random = numbers(SEED)
  // One write in four is lost on the way there, one in four on the way back.
  gate.decide = (method, path) => {
    const chance = isWrite(method, path) ? random() : 1
    return chance < 0.25 ? 'before' : chance < 0.5 ? 'after' : 'never'
  }
  const bodies = await wantedBookings(link, api)
  let worker = startWorkerProcess(link)
  let kills = 0
  try {
    const booking = (async () => {
      const ids: number[] = []
      for (const appt of bodies) {
        const path = `/appointments?location_id=${link.locationId}`
        const { body } = await api.ask('POST', path, { appt })
        ids.push(body.data.appt.id)
      }
      return ids
    })()
    const ended = async () =>
      Number((await link.t.look('select count(*)::int as n from writes where ended_at is not null'))[0].n)
    for (let done = 0; done < BOOKINGS; ) {
      const lives = 6 + Math.floor(random() * 10)
      await until('the next writes', [], async () =>
        (await ended()) >= Math.min(done + lives, BOOKINGS) ? true : null,
      )
      await new Promise((resolve) => setTimeout(resolve, random() * 60))
      await kill(worker)
      kills += 1
      worker = startWorkerProcess(link)
      done = await ended()
    }
    await expectOnceOrNot(link, await booking)
    expect(kills).toBeGreaterThan(2)
    expect(gate.cuts).toBeGreaterThan(BOOKINGS / 4)
  } finally {
    await kill(worker)
  }
}, 300_000)

/** Half of them for patients whom HAPI does not know yet. */
async function wantedBookings(link: Link, api: Api): Promise<Record<string, unknown>[]> {
  const idOf = async (table: string, foreignId: string | undefined) =>
    Number((await link.t.look(`select id from ${table} where foreign_id = $1`, [foreignId]))[0].id)
  const nextTime = quietTimes('crashes')
  const provider_id = await idOf('providers', practice.practitioners[0])
  const operatory_id = await idOf('operatories', practice.rooms[0])
  const known = await idOf('patients', practice.patients[3])
  const bodies: Record<string, unknown>[] = []
  for (let i = 0; i < BOOKINGS; i++) {
    const { start, end } = nextTime()
    const patient_id = i % 2 === 0 ? await newPatient(link, api, provider_id, i) : known
    bodies.push({ patient_id, provider_id, operatory_id, start_time: start, end_time: end })
  }
  return bodies
}

async function newPatient(link: Link, api: Api, provider_id: number, i: number): Promise<number> {
  const { body } = await api.ask('POST', `/patients?location_id=${link.locationId}`, {
    provider: { provider_id },
    patient: {
      first_name: `Hester${i}`,
      last_name: 'Cutwater',
      email: `hester${i}@example.com`,
      bio: { date_of_birth: '1981-02-03', phone_number: `61755502${10 + i}`, gender: 'Female' },
    },
  })
  return body.data.user.id
}

function startWorkerProcess({ t }: Link): ChildProcess {
  const program = fileURLToPath(new URL('../support/worker-process.ts', import.meta.url))
  const key = t.database.masterKey.toString('base64')
  return spawn(process.execPath, [program, t.url, t.directUrl, key], { stdio: ['pipe', 'ignore', 'inherit'] })
}

async function kill(child: ChildProcess): Promise<void> {
  child.kill('SIGKILL')
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
}

/** Every accepted booking has an outcome; one that is complete stands in HAPI once and was never rewritten, any other not at all. */
async function expectOnceOrNot(link: Link, ids: number[]): Promise<void> {
  const rows = await link.t.look(
    `select a.id, a.marker, a.foreign_id, w.state, p.marker as patient_marker from appointments a
     join writes w on w.appointment_id = a.id left join patients p on p.id = a.patient_id where a.id = any($1)`,
    [ids],
  )
  expect(rows.length).toBe(BOOKINGS)
  const bearing = async (type: string, marker: string) => {
    const path = `${type}?identifier=urn:slotbridge:marker%7C${marker}&_count=50`
    return (await call<Bundle>(hapiBase, 'GET', path, undefined, { 'cache-control': 'no-cache' })).entry ?? []
  }
  for (const row of rows) {
    const there = await bearing('Appointment', row.marker)
    expect(row.state).toBe('complete')
    expect(there.map(({ resource }) => resource?.id)).toEqual([row.foreign_id])
    expect(there[0]?.resource).toMatchObject({ status: 'booked', meta: { versionId: '1' } })
    if (row.patient_marker !== null) expect((await bearing('Patient', row.patient_marker)).length).toBe(1)
  }
}
