/** Judges a crash run: for each accepted request, how often it is in effect by the practice's own journal, and what we say of it. */
import type { JournalEntry, Look } from '../support/truth.ts'
import type { Act, PlannedAppointment } from './crash-plan.ts'

export interface CrashCounts {
  accepted: number
  /** Once in effect, and said to be complete; or stopped before it was sent, because that was asked for. */
  as_asked: number
  /** Once in effect, and said to be otherwise than asked. */
  incomplete: number
  /** Not in effect, and said so. */
  refused: number
  /** Neither in effect nor said to have failed. */
  lost: number
  twice: number
  /** In effect, and said to have failed. */
  misreported: number
  /** Left for a person to decide. */
  undecided: number
}

export interface Judgement extends CrashCounts {
  /** A sentence for each request that is lost, twice or misreported, and for each that was refused. */
  findings: string[]
}

interface WriteRow {
  appointment_id: number
  kind: string
  state: string
  code: string | null
  message: string | null
}

type Verdict = keyof Omit<CrashCounts, 'accepted'>

export async function judge(
  look: Look,
  journal: JournalEntry[],
  asked: { id: number; planned: PlannedAppointment }[],
): Promise<Judgement> {
  const rows = await look('select id, foreign_id, marker from appointments where id = any($1)', [
    asked.map(({ id }) => id),
  ])
  const writes = (await look(
    'select appointment_id, kind, state, code, message from writes order by id',
  )) as unknown as WriteRow[]
  const counts: CrashCounts = {
    accepted: 0,
    as_asked: 0,
    incomplete: 0,
    refused: 0,
    lost: 0,
    twice: 0,
    misreported: 0,
    undecided: 0,
  }
  const findings: string[] = []
  for (const { id, planned } of asked) {
    const row = rows.find((one) => Number(one.id) === id)
    const own = writes.filter((write) => Number(write.appointment_id) === id)
    const story = storyOf(journal, row?.marker, row?.foreign_id)
    for (const act of planned.acts) {
      const times = timesInEffect(story, act)
      const verdict = weigh(act, times, own)
      counts.accepted += 1
      counts[verdict] += 1
      if (verdict === 'as_asked') continue
      const said = own
        .map(({ kind, state, code }) => `${kind} ${state}${code ? ` (${code})` : ''}`)
        .join(', ')
      findings.push(
        `${verdict}: ${act.kind} of appointment ${id}, ${times} times in effect; ${said || 'no write'}`,
      )
    }
    const entered = journal.filter(
      ({ noun, act, after }) =>
        planned.newName !== null &&
        noun === 'person' &&
        act === 'enter' &&
        after?.first_name === planned.newName,
    )
    if (entered.length > 1) {
      counts.twice += 1
      findings.push(`twice: the new patient of appointment ${id} was entered ${entered.length} times`)
    }
  }
  const strangers = unaskedFor(journal, rows)
  counts.twice += strangers.length
  return { ...counts, findings: [...findings, ...strangers] }
}

/** Visits of a program that stand there under a reference which no appointment bears: second copies, forgotten by us. */
function unaskedFor(journal: JournalEntry[], rows: { marker?: unknown }[]): string[] {
  const known = new Set(rows.map(({ marker }) => marker))
  const last = new Map(journal.filter(({ noun }) => noun === 'visit').map(({ id, after }) => [id, after]))
  return journal
    .filter(({ noun, by, act, after }) => {
      return noun === 'visit' && by === 'interface' && act === 'book' && !known.has(after?.external_reference)
    })
    .filter(({ id }) => last.get(id)?.cancelled_at === null)
    .map(({ id }) => `twice: visit ${id} stands there under a reference that no appointment bears`)
}

interface Story {
  /** Our bookings under the marker: the row's id, and whether it stands or is the one that we show. */
  copies: { id: string; counts: boolean }[]
  /** What we did to the row that we show, oldest first. */
  ours: JournalEntry[]
}

function storyOf(journal: JournalEntry[], marker: unknown, foreignId: unknown): Story {
  const visits = journal.filter(({ noun, by }) => noun === 'visit' && by === 'interface')
  const made = visits.filter(({ act, after }) => act === 'book' && after?.external_reference === marker)
  const stands = (id: string): boolean =>
    visits.filter((entry) => entry.id === id).at(-1)?.after?.cancelled_at === null
  return {
    // A second copy that we cancelled again is repaired; the row that we show counts also when it was cancelled as asked.
    copies: made.map(({ id }) => ({ id, counts: stands(id) || id === foreignId })),
    ours: visits.filter(({ id }) => id === foreignId),
  }
}

/** How often the practice did what was asked. */
function timesInEffect({ copies, ours }: Story, act: Act): number {
  const turned = (has: (row: JournalEntry['after']) => boolean): number =>
    ours.filter(({ before, after }) => has(after) && !has(before)).length
  switch (act.kind) {
    case 'book':
      return copies.filter(({ counts }) => counts).length
    case 'reschedule':
      return turned((row) => row?.begins === act.start)
    case 'confirm':
      return turned((row) => row !== null && row.confirmed_at !== null)
    case 'note':
      return turned((row) => row?.remark === act.note)
    case 'cancel':
      return turned((row) => row !== null && row.cancelled_at !== null)
  }
}

/** `timed_out` and `failed` say that it is not in effect. */
const SAID_NOT = ['failed', 'timed_out']

function weigh(act: Act, times: number, own: WriteRow[]): Verdict {
  if (times > 1) return 'twice'
  const insertion = own.find(({ kind }) => kind === 'insert')
  const stopped = insertion?.code === 'cancelled_first'
  const kind = act.kind === 'book' ? 'insert' : act.kind
  const mine = own.filter((write) => write.kind === kind)
  // What was asked before the booking was sent went into the booking itself.
  const said = mine.length > 0 || insertion === undefined ? mine : [insertion]
  if (times === 1) {
    if (said.some(({ state }) => state === 'complete')) return 'as_asked'
    return said.every(({ state }) => SAID_NOT.includes(state)) ? 'misreported' : 'incomplete'
  }
  if (stopped) return 'as_asked'
  // What waits behind a booking that a person must decide waits with it.
  if ([insertion, ...said].some((write) => write?.state === 'needs_decision')) return 'undecided'
  return said.length > 0 && said.every(({ state }) => SAID_NOT.includes(state)) ? 'refused' : 'lost'
}
