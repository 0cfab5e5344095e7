/** Writes: what we owe a record system, each with its own row, order, attempts and deadline. */
import { type RawBuilder, sql } from 'kysely'
import type { Tenant } from '../db/database.ts'
import type { Alternative, PatientCandidate, WriteState } from '../model/appointment.ts'
import type { Instant } from '../model/time.ts'
import { DEFERRALS, endingOf, statesBefore, type WriteEvent } from '../model/write-states.ts'
import type { Asked, WriteCode, WriteKind } from '../model/writes.ts'
import { noteDecisionNeeded, noteEnded, noteInsertion } from './changes.ts'

export interface Write {
  id: number
  data_source_id: number
  appointment_id: number
  kind: WriteKind
  state: WriteState
  code: WriteCode | null
  asked: Asked
  /** The same fields as they stood in the mirror when this was decided. */
  was: Asked
  /** The mirror's version this was decided on. */
  decided_on: string | null
  attempts: number
  crashes: number
  last_attempt_at: Instant | null
  deadline: Instant
  promised_at: Instant | null
  delayed_at: Instant | null
  /** What the marker of an insertion is made of; null for what was owed before there were seeds. */
  seed: string | null
}

export interface NewWrite {
  /** Drawn before (`nextInsertionIds`); a fresh one unless given. */
  id?: number
  data_source_id: number
  appointment_id: number
  kind: WriteKind
  asked: Asked
  /** The same fields as they stand in the mirror now; empty for an insertion. */
  was: Asked
  decided_on: string | null
  deadline: Instant
  promised_at: Instant | null
}

export interface NewIds {
  /** Of an appointment. */
  id: number
  /** Of the write that inserts it. */
  writeId: number
}

/** Fresh ids of an appointment and of the write that inserts it, so that each can be saved naming the other. */
export async function nextInsertionIds(tx: Tenant): Promise<NewIds> {
  const { rows } = await sql<NewIds>`
    select nextval('appointment_ids') as id, nextval('write_ids') as "writeId"`.execute(tx.db)
  const [ids] = rows
  if (!ids) throw new Error('no ids for an appointment')
  return ids
}

/** Inserts a write and wakes its data source's push; the caller wakes the process after the commit. */
export async function insertWrite(tx: Tenant, write: NewWrite): Promise<number> {
  const { rows } = await sql<{ id: number }>`
    with made as (
      insert into writes (institution_id, id, data_source_id, appointment_id, kind, asked_sealed, fields, decided_on, deadline,
        promised_at, traceparent)
      values (${tx.institutionId}, coalesce(${write.id ?? null}::bigint, nextval('write_ids')), ${write.data_source_id},
        ${write.appointment_id}, ${write.kind}, ${tx.seal({ asked: write.asked, was: write.was })},
        ${Object.keys(write.asked)}, ${write.decided_on}, ${write.deadline}, ${write.promised_at}, ${tx.traceparent})
      returning id, data_source_id),
    woken as (
      insert into wakes (work_id) select w.id from work w, made where w.kind = 'push'
        and w.institution_id = ${tx.institutionId} and w.subject_id = made.data_source_id)
    select id from made`.execute(tx.db)
  const id = rows[0]?.id
  if (id === undefined) throw new Error('a write was not inserted')
  return id
}

const columns = sql`w.id, w.data_source_id, w.appointment_id, w.kind, w.state, w.code, w.asked_sealed, w.decided_on, w.attempts,
  w.crashes, w.last_attempt_at, w.deadline, w.promised_at, w.delayed_at, w.seed`

type WriteRow = Omit<Write, 'asked' | 'was'> & { asked_sealed: Buffer | null }

function unseal(tx: Tenant, { asked_sealed, ...row }: WriteRow): Write {
  const sealed = asked_sealed
    ? (tx.open(asked_sealed) as Pick<Write, 'asked' | 'was'>)
    : { asked: {}, was: {} }
  return { ...row, ...sealed }
}

/** Locks one write. Its appointment is locked first, by `lockAppointments`: always in that order. */
export async function lockWrite(tx: Tenant, id: number): Promise<Write | null> {
  const { rows } = await sql<WriteRow>`
    select ${columns} from writes w where w.institution_id = ${tx.institutionId} and w.id = ${id} for no key update`.execute(
    tx.db,
  )
  return rows[0] ? unseal(tx, rows[0]) : null
}

/** The open writes of an appointment, in the order they will go, locked. */
export async function lockOpenWrites(tx: Tenant, appointmentId: number): Promise<Write[]> {
  const { rows } = await sql<WriteRow>`
    select ${columns} from writes w where w.institution_id = ${tx.institutionId} and w.appointment_id = ${appointmentId}
      and w.ended_at is null order by w.id for no key update`.execute(tx.db)
  return rows.map((row) => unseal(tx, row))
}

/** The appointment that a write is about; null where there is no such write. */
export async function findWriteAppointment(tx: Tenant, id: number): Promise<number | null> {
  const { rows } = await sql<{ appointment_id: number }>`select appointment_id from writes
    where institution_id = ${tx.institutionId} and id = ${id}`.execute(tx.db)
  return rows[0]?.appointment_id ?? null
}

/** Replaces what a write asks for: only before anything of it was sent. */
export async function updateAsked(tx: Tenant, id: number, asked: Asked, deadline: Instant): Promise<void> {
  // The deadline may come sooner than the turn that is planned.
  await sql`
    with changed as (
      update writes set asked_sealed = ${tx.seal({ asked, was: {} })}, fields = ${Object.keys(asked)}, deadline = ${deadline},
        next_attempt_at = case state when 'needs_decision' then ${deadline}::timestamptz else next_attempt_at end
      where institution_id = ${tx.institutionId} and id = ${id} returning data_source_id)
    insert into wakes (work_id) select w.id from work w, changed where w.kind = 'push'
      and w.institution_id = ${tx.institutionId} and w.subject_id = changed.data_source_id`.execute(tx.db)
}

/** The table of `src/model/write-states.ts` has no way from where the write is, or it is not there: a fault of ours. */
function impossible(id: number, event: WriteEvent): Error {
  return new Error(`write ${id} is in no state in which it can be ${event}`)
}

/** Begins an attempt: the write is `sending` from the commit of this on. Answers the attempt's id. */
export async function beginAttempt(tx: Tenant, id: number): Promise<number> {
  const { rows } = await sql<{ id: number }>`
    with begun as (
      update writes set state = 'sending', attempts = attempts + 1, last_attempt_at = app_now()
      where institution_id = ${tx.institutionId} and id = ${id} and state = any(${statesBefore('begun')}) returning id)
    insert into write_attempts (institution_id, write_id) select ${tx.institutionId}::bigint, id from begun returning id`.execute(
    tx.db,
  )
  const attempt = rows[0]?.id
  if (attempt === undefined) throw impossible(id, 'begun')
  return attempt
}

export interface AttemptEnd {
  outcome: 'written' | 'found' | 'rejected' | 'unavailable' | 'unknown'
  code: string | null
  /** One sentence without patient data. */
  message: string | null
}

export async function endAttempt(tx: Tenant, attemptId: number, end: AttemptEnd): Promise<void> {
  await sql`update write_attempts set ended_at = app_now(), outcome = ${end.outcome}, code = ${end.code},
    message = ${end.message} where institution_id = ${tx.institutionId} and id = ${attemptId}`.execute(tx.db)
}

/** Notes a look: what was found of an earlier attempt. Counts as no attempt of its own. */
export async function recordLook(tx: Tenant, writeId: number, end: AttemptEnd): Promise<void> {
  await sql`insert into write_attempts (institution_id, write_id, ended_at, outcome, code, message)
    values (${tx.institutionId}, ${writeId}, app_now(), ${end.outcome}, ${end.code}, ${end.message})`.execute(
    tx.db,
  )
}

/** Attempts that a crash left open are closed as unknown when their write is looked at again. */
export async function closeOpenAttempts(tx: Tenant, writeId: number): Promise<void> {
  await sql`update write_attempts set ended_at = app_now(), outcome = 'unknown', code = 'interrupted',
    message = 'The worker stopped before it knew the outcome.'
    where institution_id = ${tx.institutionId} and write_id = ${writeId} and ended_at is null`.execute(tx.db)
}

/** Sets a write's next try. `state` is `pending` where it is certainly not in effect, else `unknown`. */
export async function deferWrite(
  tx: Tenant,
  id: number,
  state: 'pending' | 'unknown' | 'needs_decision',
  nextAttemptAt: Instant,
  code: WriteCode | null,
  message: string | null,
): Promise<void> {
  const event = DEFERRALS[state]
  const { rows } =
    await sql`update writes set state = ${state}, next_attempt_at = ${nextAttemptAt}, code = ${code}, message = ${message}
    where institution_id = ${tx.institutionId} and id = ${id} and state = any(${statesBefore(event)}) returning id`.execute(
      tx.db,
    )
  if (rows.length === 0) throw impossible(id, event)
}

/** Has a write that was not sent, and is certainly not in effect, wait for a person to say who its patient is. */
export async function holdForDecision(
  tx: Tenant,
  id: number,
  candidates: PatientCandidate[],
  message: string,
): Promise<void> {
  const { rows } = await sql<{ appointment_id: number }>`
    update writes set state = 'needs_decision', code = 'patient_ambiguous', message = ${message}, attempts = 0,
      next_attempt_at = deadline, candidates = ${JSON.stringify(candidates)}
    where institution_id = ${tx.institutionId} and id = ${id} and state = any(${statesBefore('person_needed')})
    returning appointment_id`.execute(tx.db)
  const [held] = rows
  if (!held) throw impossible(id, 'person_needed')
  noteDecisionNeeded(tx, held.appointment_id)
}

/** Lets every write that waited to be told who this patient is go at once, and wakes their pushes. Answers their appointments. */
export async function releaseDecided(tx: Tenant, patientId: number): Promise<number[]> {
  return await release(tx, sql`a.patient_id = ${patientId}`)
}

/** The same for the writes that have one of these patients for a candidate: what is known of them has changed. */
export async function reconsiderWrites(tx: Tenant, candidateIds: number[]): Promise<number[]> {
  if (candidateIds.length === 0) return []
  return await release(
    tx,
    sql`exists (select from jsonb_array_elements(w.candidates) c
      where (c ->> 'patient_id')::bigint = any(${candidateIds}::bigint[]))`,
  )
}

async function release(tx: Tenant, which: RawBuilder<unknown>): Promise<number[]> {
  const { rows } = await sql<{ appointment_id: number }>`
    with freed as (
      update writes w set state = 'pending', code = null, message = null, candidates = null, next_attempt_at = app_now()
      from appointments a where w.institution_id = ${tx.institutionId} and w.state = 'needs_decision'
        and w.code = 'patient_ambiguous' and a.institution_id = w.institution_id and a.id = w.appointment_id and ${which}
      returning w.appointment_id, w.data_source_id),
    woken as (
      insert into wakes (work_id) select distinct k.id from work k join freed on freed.data_source_id = k.subject_id
      where k.kind = 'push' and k.institution_id = ${tx.institutionId})
    select appointment_id from freed order by 1`.execute(tx.db)
  const ids = rows.map((row) => row.appointment_id)
  for (const id of ids) noteInsertion(tx, id, { status: 'needs_decision', code: 'patient_ambiguous' })
  return ids
}

/** One more crash was found behind a write. */
export async function countCrash(tx: Tenant, id: number): Promise<void> {
  await sql`update writes set crashes = crashes + 1 where institution_id = ${tx.institutionId} and id = ${id}`.execute(
    tx.db,
  )
}

export interface WriteEnd {
  state: 'complete' | 'failed' | 'timed_out' | 'incomplete'
  code: WriteCode | null
  message: string | null
  retriable: boolean | null
  differing: string[]
}

/** Ends a write, once, and notes it. Throws where it has ended, or cannot end so from where it is. */
export async function endWrite(tx: Tenant, id: number, end: WriteEnd): Promise<void> {
  const event = endingOf(end.state, end.code)
  const { rows } = await sql<{ appointment_id: number; kind: WriteKind }>`
    update writes set state = ${end.state}, code = ${end.code}, message = ${end.message},
      retriable = ${end.retriable}, differing = ${end.differing}, ended_at = app_now()
    where institution_id = ${tx.institutionId} and id = ${id} and state = any(${statesBefore(event)})
    returning appointment_id, kind`.execute(tx.db)
  const [ended] = rows
  if (!ended) throw impossible(id, event)
  noteEnded(tx, ended.appointment_id, { kind: ended.kind, state: end.state, code: end.code })
}

/** Names free times in place of the one that an insertion did not get. */
export async function saveAlternatives(tx: Tenant, id: number, alternatives: Alternative[]): Promise<void> {
  await sql`update writes set alternatives = ${JSON.stringify(alternatives)}::jsonb
    where institution_id = ${tx.institutionId} and id = ${id}`.execute(tx.db)
}

/** A write as people read it: no values, only the names of what was asked. */
export interface ShownWrite {
  id: number
  appointment_id: number
  data_source_id: number
  kind: WriteKind
  state: WriteState
  fields: string[]
  differing: string[]
  code: string | null
  message: string | null
  retriable: boolean | null
  /** Of a write that waits for a person; else null. */
  candidates: PatientCandidate[] | null
  /** Free times near one that was taken; empty otherwise. */
  alternatives: Alternative[]
  created_at: Instant
  next_attempt_at: Instant | null
  deadline: Instant
  ended_at: Instant | null
  attempts: {
    id: number
    started_at: Instant
    ended_at: Instant | null
    outcome: string | null
    code: string | null
    message: string | null
  }[]
}

const shownWrites = sql`
  select w.id, w.appointment_id, w.data_source_id, w.kind, w.state, w.fields, w.differing, w.code, w.message, w.retriable,
    case w.state when 'needs_decision' then w.candidates end as candidates, w.alternatives, w.created_at, case when w.ended_at is null then w.next_attempt_at end as next_attempt_at, w.deadline, w.ended_at,
    coalesce((select jsonb_agg(jsonb_build_object('id', t.id,
        'started_at', to_char(t.started_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
        'ended_at', to_char(t.ended_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
        'outcome', t.outcome, 'code', t.code, 'message', t.message) order by t.id)
      from write_attempts t where t.institution_id = w.institution_id and t.write_id = w.id), '[]') as attempts
  from writes w`

/** The writes of one appointment with their attempts, in order. */
export async function listWrites(tx: Tenant, appointmentId: number): Promise<ShownWrite[]> {
  const { rows } = await sql<ShownWrite>`${shownWrites} where w.institution_id = ${tx.institutionId}
    and w.appointment_id = ${appointmentId} order by w.id`.execute(tx.db)
  return rows
}

/** What is still owed to any data source of the institution, oldest first. */
export async function listOwed(tx: Tenant, limit: number): Promise<ShownWrite[]> {
  const { rows } = await sql<ShownWrite>`${shownWrites} where w.institution_id = ${tx.institutionId}
    and w.ended_at is null order by w.id limit ${limit}`.execute(tx.db)
  return rows
}
