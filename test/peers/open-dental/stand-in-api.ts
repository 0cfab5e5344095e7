/**
 * A stand-in for the Open Dental API, which cannot run here: written from its documentation (opendental.com/site/
 * apispecification.html), it writes into the same tables under the same rules as far as they are documented: states,
 * strings for booleans, explanations as text, the cap of 60 seconds, the throttle. What the documentation does not say it
 * does not know either.
 */
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Connection, ResultSetHeader, RowDataPacket } from 'mysql2/promise'

export interface Faults {
  /** Where set, only a request whose method and path begin so is meant. */
  only: string
  /** Loses the connection before anything was done, or after it took effect. */
  cut: 'never' | 'before' | 'after'
  /** Answers with this status: before it did anything, or after. */
  status: number | null
  after: boolean
  /** Takes effect so much later; the answer waits with it. */
  lateMs: number
  /** Turns away what comes sooner than this after the last request. */
  throttleMs: number
  /** Books so many minutes beside what was asked. */
  wrongMinutes: number
  /** Procedures are refused. */
  noProcedures: boolean
}

export interface StandIn extends AsyncDisposable {
  url: string
  faults: Faults
  /** Method and path of every request, without what it bore. */
  requests: string[]
  /** Runs beside each write, before it takes effect. */
  beforeWrite: (() => Promise<void>) | null
}

type Body = Record<string, unknown>
type Answer = { status: number; body: unknown }

export const DEVELOPER_KEY = 'developer'
export const CUSTOMER_KEY = 'customer'
export const READ_ONLY_KEY = 'readonly'
const CAP_MS = 60_000
const STATES: Record<string, number> = {
  Scheduled: 1,
  Complete: 2,
  UnschedList: 3,
  ASAP: 4,
  Broken: 5,
  Planned: 6,
}
const NONE: Faults = {
  only: '',
  cut: 'never',
  status: null,
  after: false,
  lateMs: 0,
  throttleMs: 0,
  wrongMinutes: 0,
  noProcedures: false,
}

const refuse = (status: number, body: string): Answer => ({ status, body })

export async function startStandIn(database: Connection): Promise<StandIn> {
  const api: StandIn = {
    url: '',
    faults: { ...NONE },
    requests: [],
    beforeWrite: null,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
      await database.end()
    },
  }
  let last = 0
  const server = createServer((request, response) => {
    const path = (request.url ?? '').replace(/^\/api\/v1\//, '')
    const name = `${request.method} ${path}`
    api.requests.push(name)
    const sooner = performance.now() - last < api.faults.throttleMs
    last = performance.now()
    answer(api, database, request, path, sooner)
      .then((reply) => reply && send(response, reply))
      .catch(() => response.destroy())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  api.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/api/v1`
  return api
}

/** No faults any more. */
export function healed(api: StandIn): void {
  Object.assign(api.faults, NONE)
  api.beforeWrite = null
}

function send(response: ServerResponse, { status, body }: Answer): void {
  response.writeHead(status, { 'content-type': 'application/json' })
  response.end(JSON.stringify(body))
}

async function answer(
  api: StandIn,
  database: Connection,
  request: IncomingMessage,
  path: string,
  sooner: boolean,
): Promise<Answer | null> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  const key = request.headers.authorization?.replace(/^ODFHIR /, '')
  const mayWrite = key === `${DEVELOPER_KEY}/${CUSTOMER_KEY}`
  if (!mayWrite && key !== `${DEVELOPER_KEY}/${READ_ONLY_KEY}`) return refuse(401, 'The key is not valid.')
  if (sooner) return refuse(429, 'Too many requests.')
  if (request.method === 'GET') return { status: 200, body: [] }
  if (!mayWrite) return refuse(403, 'The key has no permission for this method.')
  const { only, cut, status, after, lateMs } = api.faults
  const meant = `${request.method} ${path}`.startsWith(only)
  if (meant && cut === 'before') request.socket.destroy()
  if (meant && cut === 'before') return null
  if (meant && status !== null && !after) return refuse(status, 'It did not work.')
  if (meant && lateMs > 0) await sleep(lateMs)
  await api.beforeWrite?.()
  const text = Buffer.concat(chunks).toString('utf8')
  const reply = await act(api, database, `${request.method}`, path, text === '' ? {} : JSON.parse(text))
  if (meant && cut === 'after') request.socket.destroy()
  if (meant && cut === 'after') return null
  if (meant && status !== null) return refuse(status, 'It did not work.')
  return meant && lateMs > CAP_MS ? refuse(504, 'It took too long.') : reply
}

async function act(
  api: StandIn,
  database: Connection,
  method: string,
  path: string,
  body: Body,
): Promise<Answer> {
  const [, resource = '', id = '', act = ''] = /^(\w+)(?:\/(\d+))?(?:\/(\w+))?$/.exec(path) ?? []
  if (method === 'POST' && resource === 'patients') return await postPatient(database, body)
  if (method === 'POST' && resource === 'appointments')
    return await postAppointment(database, body, api.faults.wrongMinutes)
  if (method === 'POST' && resource === 'procedurelogs')
    return api.faults.noProcedures
      ? refuse(400, 'ProcStatus is invalid.')
      : await postProcedure(database, body)
  if (method !== 'PUT' || resource !== 'appointments') return refuse(404, 'Resource not found.')
  const [rows] = await database.query<RowDataPacket[]>('select * from appointment where AptNum = ?', [id])
  const row = rows[0]
  if (!row) return refuse(404, 'Appointment not found.')
  if (act === 'Confirm') return await update(database, row, confirming(row, String(body.defNum)))
  if (act === 'Break') {
    if (row.AptStatus !== STATES.Scheduled) return refuse(400, 'AptStatus must be Scheduled.')
    if (body.sendToUnscheduledList !== 'false' && body.sendToUnscheduledList !== 'true')
      return refuse(400, 'sendToUnscheduledList must be true or false.')
    return await update(database, row, { AptStatus: STATES.Broken }, 3)
  }
  return await putAppointment(database, row, body)
}

/** The state that means arrival notes its time, as the program does. */
function confirming(row: RowDataPacket, defNum: string): Body {
  const arriving = defNum === '22' && String(row.DateTimeArrived).endsWith('00:00:00')
  return {
    Confirmed: defNum,
    ...(arriving ? { DateTimeArrived: `${String(row.AptDateTime).slice(0, 10)} 09:00:00` } : {}),
  }
}

async function update(database: Connection, row: RowDataPacket, fields: Body, action = 1): Promise<Answer> {
  if (Object.keys(fields).length > 0)
    await database.query('update appointment set ? where AptNum = ?', [fields, row.AptNum])
  await note(database, row.AptNum, action)
  return { status: 200, body: '' }
}

async function note(database: Connection, aptNum: number, action: number): Promise<void> {
  await database.query(
    `insert into histappointment (HistDateTStamp, HistApptAction, ApptSource, AptNum, PatNum, AptStatus)
      select now(), ?, 1, AptNum, PatNum, AptStatus from appointment where AptNum = ?`,
    [action, aptNum],
  )
}

async function putAppointment(database: Connection, row: RowDataPacket, body: Body): Promise<Answer> {
  const fields: Body = {}
  for (const name of ['Pattern', 'Confirmed', 'Op', 'Note', 'ProvNum', 'ProvHyg', 'AptDateTime', 'ClinicNum'])
    if (body[name] !== undefined) fields[name] = body[name]
  if (body.Confirmed !== undefined) Object.assign(fields, confirming(row, String(body.Confirmed)))
  if (body.DateTimeArrived !== undefined)
    fields.DateTimeArrived = `${String(row.AptDateTime).slice(0, 10)} ${body.DateTimeArrived}`
  return await update(database, row, fields)
}

async function postPatient(database: Connection, body: Body): Promise<Answer> {
  if (typeof body.LName !== 'string' || typeof body.FName !== 'string')
    return refuse(400, 'LName and FName are required.')
  const genders: Record<string, number> = { Male: 0, Female: 1, Unknown: 2 }
  const gender = genders[String(body.Gender ?? 'Unknown')]
  if (gender === undefined) return refuse(400, 'Gender is invalid.')
  const fields = { ...body, Gender: gender, SecDateEntry: new Date().toISOString().slice(0, 10) }
  const [made] = await database.query<ResultSetHeader>('insert into patient set ?', [fields])
  await database.query('update patient set Guarantor = PatNum where PatNum = ?', [made.insertId])
  return { status: 201, body: { ...body, PatNum: made.insertId } }
}

async function postAppointment(database: Connection, body: Body, wrongMinutes: number): Promise<Answer> {
  const known = async (table: string, key: string, value: unknown) => {
    const [rows] = await database.query<RowDataPacket[]>(`select 1 from ${table} where ${key} = ?`, [value])
    return rows.length > 0
  }
  if (!(await known('patient', 'PatNum', body.PatNum))) return refuse(404, 'PatNum not found.')
  if (!(await known('operatory', 'OperatoryNum', body.Op))) return refuse(404, 'Op not found.')
  if (!/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/.test(String(body.AptDateTime)))
    return refuse(400, 'AptDateTime is invalid.')
  if (!/^[X/]{1,255}$/.test(String(body.Pattern ?? '/XX/'))) return refuse(400, 'Pattern is invalid.')
  const status = STATES[String(body.AptStatus ?? 'Scheduled')]
  if (status === undefined) return refuse(400, 'AptStatus is invalid.')
  if (![undefined, 'true', 'false'].includes(body.IsHygiene as string))
    return refuse(400, 'IsHygiene is invalid.')
  const { AptNum: _, ...given } = body
  const [made] = await database.query<ResultSetHeader>('insert into appointment set ?', [
    {
      Pattern: '/XX/',
      Confirmed: 19,
      ...given,
      AptStatus: status,
      IsHygiene: body.IsHygiene === 'true' ? 1 : 0,
    },
  ])
  await database.query(
    'update appointment set SecDateTEntry = now(), AptDateTime = AptDateTime + interval ? minute where AptNum = ?',
    [wrongMinutes, made.insertId],
  )
  await note(database, made.insertId, 0)
  return { status: 201, body: { ...given, AptNum: made.insertId } }
}

async function postProcedure(database: Connection, body: Body): Promise<Answer> {
  const [codes] = await database.query<RowDataPacket[]>(
    'select CodeNum from procedurecode where ProcCode = ?',
    [body.procCode],
  )
  const code = codes[0]
  if (!code) return refuse(400, 'procCode is invalid.')
  if (body.ProcStatus !== 'TP') return refuse(400, 'ProcStatus is invalid.')
  const { procCode: _, ProcStatus: __, ...given } = body
  const [made] = await database.query<ResultSetHeader>('insert into procedurelog set ?', [
    { ...given, CodeNum: code.CodeNum, ProcStatus: 1 },
  ])
  await database.query('update appointment set ProcDescript = ? where AptNum = ?', [
    body.procCode,
    body.AptNum,
  ])
  return { status: 201, body: { ...body, ProcNum: made.insertId } }
}
