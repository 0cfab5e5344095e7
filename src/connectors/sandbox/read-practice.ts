/** All reading of the practice. Whatever keeps a read from being whole throws `Unavailable`. */
import type {
  AppointmentRecord,
  ChangeRecord,
  DirectoryRecord,
  Marker,
  PatientRecord,
} from '../../model/records.ts'
import {
  type AlikeQuery,
  type ConnectorContext,
  CursorLost,
  type FindKey,
  type Page,
  type PatientQuery,
  type Probe,
  Unavailable,
} from '../connector.ts'
import type { PracticeClient, Reply } from './practice-client.ts'
import type { PracticeManner } from './practice-manner.ts'
import {
  type Changes,
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

/** A reply that is no answer to a read, as the port says it. */
export function unavailable(reply: Reply): Unavailable {
  if (reply.kind === 'not_sent') return new Unavailable(reply.message, reply.retryAfterMs)
  if (reply.kind === 'cut') return new Unavailable(reply.message)
  if (reply.status === 401) return new Unavailable('The practice refuses the key.')
  const word = reasonOf(reply.json)
  return new Unavailable(
    `The practice answered ${reply.status}${word === '' ? '' : ` ${word}`}.`,
    reply.retryAfterMs,
  )
}

export const UNREADABLE = 'The practice answered something else than it should.'

/**
 * Looks at one row; null where it is not there, or not there any more.
 * @param isMeant whether the answer is about the row that was asked for: a wire that repeats answers may bring another
 */
export async function readOne(
  client: PracticeClient,
  path: string,
  isMeant: (record: AppointmentRecord) => boolean,
): Promise<AppointmentRecord | null> {
  const reply = await client('GET', path)
  if (reply.kind === 'answer' && (reply.status === 404 || reply.status === 410)) return null
  if (reply.kind !== 'answer' || reply.status !== 200) throw unavailable(reply)
  const record = rowIn(reply.json)
  if (record === null || !isMeant(record)) throw new Unavailable(UNREADABLE)
  return record
}

/** The visit or closure in an answer, or null. */
export function rowIn(json: unknown): AppointmentRecord | null {
  if (!isOneRow.Check(json)) return null
  if (isVisit.Check(json.visit)) return toAppointment(json.visit)
  return isClosure.Check(json.closure) ? toBlock(json.closure) : null
}

/** The rows under one name in an answer. */
function listIn(json: unknown, name: string): unknown[] {
  const rows = typeof json === 'object' && json !== null ? Reflect.get(json, name) : undefined
  if (!isRows.Check(rows)) throw new Unavailable(UNREADABLE)
  return rows
}

/** What was deleted; not what stands in the same page again, under the same id. */
function goneIn(page: Changes): ChangeRecord[] {
  const idsOf = (rows: unknown[], key: string): Set<unknown> =>
    new Set(rows.map((row) => (typeof row === 'object' && row !== null ? Reflect.get(row, key) : null)))
  const standing = {
    person: idsOf(page.people, 'person_id'),
    visit: idsOf(page.visits, 'visit_id'),
    closure: idsOf(page.closures, 'closure_id'),
  }
  return page.gone
    .filter((mark) => !standing[mark.noun].has(mark.id))
    .map((mark) => readGone(mark.noun, mark.id))
}

/** The person in an answer, or null. */
export function personIn(json: unknown): PatientRecord | null {
  return isOneRow.Check(json) && isPerson.Check(json.person) ? toPatient(json.person) : null
}

export class PracticeReader {
  readonly #client: PracticeClient
  readonly #context: ConnectorContext
  readonly #manner: PracticeManner
  #codeNames: ReadonlyMap<string, string> | null = null

  constructor(client: PracticeClient, context: ConnectorContext, manner: PracticeManner) {
    this.#client = client
    this.#manner = manner
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
    this.#manner.note(json)
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
      records.push(...goneIn(json))
      yield { records, cursor: json.cursor, marks: { revision: json.through }, last: !json.more }
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
      if (meant === null) return null
      const path = `/${meant.noun}s/${meant.id}`
      return readOne(this.#client, path, (record) => record.foreignId === key.foreignId)
    }
    if ('marker' in key) {
      const marker = encodeURIComponent(key.marker)
      const isMeant = (record: AppointmentRecord): boolean => record.marker === key.marker
      const visit = await readOne(this.#client, `/visits/by-reference/${marker}`, isMeant)
      return visit ?? readOne(this.#client, `/closures/by-reference/${marker}`, isMeant)
    }
    const { patient, provider, operatory, start } = key.natural
    if (!/^[1-9]\d{0,14}$/.test(patient)) return null
    const json = await this.#get(`/visits?${new URLSearchParams({ person_id: patient, begins: start })}`)
    const records = listIn(json, 'visits')
      .filter((row) => isVisit.Check(row))
      .map(toAppointment)
    const fits = (one: AppointmentRecord): boolean => one.provider === provider && one.operatory === operatory
    return records.find((one) => fits(one) && !one.cancelled) ?? records.find(fits) ?? null
  }

  async copies(marker: Marker): Promise<AppointmentRecord[]> {
    const query = new URLSearchParams({ external_reference: marker })
    const visits = listIn(await this.#get(`/visits?${query}`), 'visits').filter((row) => isVisit.Check(row))
    const closures = listIn(await this.#get(`/closures?${query}`), 'closures').filter((row) =>
      isClosure.Check(row),
    )
    return [...visits.map(toAppointment), ...closures.map(toBlock)]
  }

  async findPatients(query: PatientQuery): Promise<PatientRecord[]> {
    const { lastName, firstName, birthDate } = query
    return await this.#search({ last_name: lastName, first_name: firstName, birth_date: birthDate })
  }

  async findAlike({ birthDate, phones }: AlikeQuery): Promise<PatientRecord[]> {
    const found = birthDate === null ? [] : await this.#search({ birth_date: birthDate })
    for (const phone of phones) found.push(...(await this.#search({ phone })))
    return found
  }

  async #search(asked: Record<string, string>): Promise<PatientRecord[]> {
    const reply = await this.#client('POST', '/people/search', asked)
    if (reply.kind !== 'answer' || reply.status !== 200) throw unavailable(reply)
    return listIn(reply.json, 'people')
      .filter((row) => isPerson.Check(row))
      .map(toPatient)
  }
}
