/** All reading of the practice. Whatever keeps a read from being whole throws `Unavailable`. */
import type { AppointmentRecord, ChangeRecord, DirectoryRecord, PatientRecord } from '../../model/records.ts'
import {
  type ConnectorContext,
  CursorLost,
  type FindKey,
  type Page,
  type PatientQuery,
  type Probe,
  Unavailable,
} from '../connector.ts'
import type { PracticeClient, Reply } from './practice-client.ts'
import {
  type Directory,
  isChanges,
  isClosure,
  isDirectory,
  isOneRow,
  isPerson,
  isRows,
  isSchedule,
  isStatus,
  isVisit,
} from './practice-words.ts'
import {
  readClosure,
  readDirectory,
  readGone,
  readPerson,
  readVisit,
  rowMeant,
  toAppointment,
  toBlock,
  toPatient,
} from './read-rows.ts'

const PAGE = 500

/** The reason word of a refusal, or ''. */
export function reasonOf(json: unknown): string {
  const reason = typeof json === 'object' && json !== null ? Reflect.get(json, 'reason') : undefined
  return typeof reason === 'string' ? reason : ''
}

function unavailable(reply: Reply): Unavailable {
  if (reply.kind !== 'answer') return new Unavailable(reply.message)
  if (reply.status === 401) return new Unavailable('The practice refuses the key.')
  const word = reasonOf(reply.json)
  return new Unavailable(
    `The practice answered ${reply.status}${word === '' ? '' : ` ${word}`}.`,
    reply.retryAfterMs,
  )
}

export const UNREADABLE = 'The practice answered something else than it should.'

/** Looks at one row; null where it is not there, or not there any more. */
export async function readOne(client: PracticeClient, path: string): Promise<AppointmentRecord | null> {
  const reply = await client('GET', path)
  if (reply.kind === 'answer' && (reply.status === 404 || reply.status === 410)) return null
  if (reply.kind !== 'answer' || reply.status !== 200) throw unavailable(reply)
  const record = rowIn(reply.json)
  if (record === null) throw new Unavailable(UNREADABLE)
  return record
}

/** The visit or closure in an answer, or null. */
export function rowIn(json: unknown): AppointmentRecord | null {
  if (!isOneRow.Check(json)) return null
  if (isVisit.Check(json.visit)) return toAppointment(json.visit)
  return isClosure.Check(json.closure) ? toBlock(json.closure) : null
}

/** The person in an answer, or null. */
export function personIn(json: unknown): PatientRecord | null {
  return isOneRow.Check(json) && isPerson.Check(json.person) ? toPatient(json.person) : null
}

export class PracticeReader {
  readonly #client: PracticeClient
  readonly #context: ConnectorContext
  #codeNames: ReadonlyMap<string, string> | null = null

  constructor(client: PracticeClient, context: ConnectorContext) {
    this.#client = client
    this.#context = context
  }

  async #get(path: string): Promise<unknown> {
    const reply = await this.#client('GET', path)
    if (reply.kind === 'answer' && reply.status === 410) {
      throw new CursorLost(`The practice answered ${reasonOf(reply.json)}.`)
    }
    if (reply.kind !== 'answer' || reply.status !== 200) throw unavailable(reply)
    return reply.json
  }

  async #directory(): Promise<Directory> {
    const json = await this.#get('/directory')
    if (!isDirectory.Check(json)) throw new Unavailable(UNREADABLE)
    this.#codeNames = new Map(json.procedure_codes.map((row) => [row.code, row.name]))
    return json
  }

  /** Codes are named in the directory only; read once, and again with each directory. */
  async #names(): Promise<ReadonlyMap<string, string>> {
    if (this.#codeNames === null) await this.#directory()
    return this.#codeNames ?? new Map()
  }

  async probe(): Promise<Probe> {
    const before = this.#context.now()
    const json = await this.#get('/status')
    const after = this.#context.now()
    if (!isStatus.Check(json)) throw new Unavailable(UNREADABLE)
    return {
      systemName: json.name,
      version: json.version,
      // Its clock was read somewhere between our two looks.
      clockSkewMs: Math.round(Date.parse(json.now) - (before + after) / 2),
      missing: [],
      marks: json.marks,
    }
  }

  async *directory(): AsyncIterable<DirectoryRecord> {
    yield* readDirectory(await this.#directory())
  }

  async *changes(cursor: string | null): AsyncIterable<Page> {
    const names = await this.#names()
    // People come along with every page that names them; within one walk each is passed on once.
    const seen = new Set<string>()
    let at = cursor
    for (;;) {
      const from = at === null ? '' : `&cursor=${encodeURIComponent(at)}`
      const json = await this.#get(`/changes?limit=${PAGE}${from}`)
      if (!isChanges.Check(json)) throw new Unavailable(UNREADABLE)
      const records: ChangeRecord[] = json.people.map(readPerson)
      for (const record of records) if (record.kind === 'patient') seen.add(record.record.foreignId)
      for (const record of json.named.map(readPerson)) {
        if (record.kind === 'patient' && seen.has(record.record.foreignId)) continue
        if (record.kind === 'patient') seen.add(record.record.foreignId)
        records.push(record)
      }
      records.push(...json.visits.flatMap((row) => readVisit(row, names)))
      records.push(...json.closures.map(readClosure))
      records.push(...json.gone.map((mark) => readGone(mark.noun, mark.id)))
      yield { records, cursor: json.cursor, last: !json.more }
      if (!json.more) return
      at = json.cursor
    }
  }

  async *window(from: string, to: string): AsyncIterable<ChangeRecord[]> {
    const names = await this.#names()
    let after: string | null = null
    do {
      const query = new URLSearchParams({ from, to, limit: String(PAGE) })
      if (after !== null) query.set('after', after)
      const json = await this.#get(`/schedule?${query}`)
      if (!isSchedule.Check(json)) throw new Unavailable(UNREADABLE)
      yield [
        ...json.people.map(readPerson),
        ...json.visits.flatMap((row) => readVisit(row, names)),
        ...json.closures.map(readClosure),
      ]
      after = json.next
    } while (after !== null)
  }

  async find(key: FindKey): Promise<AppointmentRecord | null> {
    if ('foreignId' in key) {
      const meant = rowMeant(key.foreignId)
      return meant === null ? null : readOne(this.#client, `/${meant.noun}s/${meant.id}`)
    }
    if ('marker' in key) {
      const marker = encodeURIComponent(key.marker)
      const visit = await readOne(this.#client, `/visits/by-reference/${marker}`)
      return visit ?? readOne(this.#client, `/closures/by-reference/${marker}`)
    }
    const { patient, provider, operatory, start } = key.natural
    if (!/^[1-9]\d{0,14}$/.test(patient)) return null
    const json = await this.#get(`/visits?${new URLSearchParams({ person_id: patient, begins: start })}`)
    const rows = typeof json === 'object' && json !== null ? Reflect.get(json, 'visits') : undefined
    if (!isRows.Check(rows)) throw new Unavailable(UNREADABLE)
    const records = rows.filter((row) => isVisit.Check(row)).map(toAppointment)
    const fits = (one: AppointmentRecord): boolean => one.provider === provider && one.operatory === operatory
    return records.find((one) => fits(one) && !one.cancelled) ?? records.find(fits) ?? null
  }

  async findPatients(query: PatientQuery): Promise<PatientRecord[]> {
    const { lastName, firstName, birthDate } = query
    const asked = { last_name: lastName, first_name: firstName, birth_date: birthDate }
    const reply = await this.#client('POST', '/people/search', asked)
    if (reply.kind !== 'answer' || reply.status !== 200) throw unavailable(reply)
    const rows =
      typeof reply.json === 'object' && reply.json !== null ? Reflect.get(reply.json, 'people') : undefined
    if (!isRows.Check(rows)) throw new Unavailable(UNREADABLE)
    return rows.filter((row) => isPerson.Check(row)).map(toPatient)
  }
}
