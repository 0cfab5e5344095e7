/** Whether anything of ours was ever put over what stood already, by the practice's own journal. */
import type { JournalEntry } from '../support/truth.ts'

type Row = Record<string, unknown>

interface Standing {
  key: string
  row: Row
}

/** Stands, and takes time: neither cancelled, nor lifted, nor deleted. */
function stands(row: Row | null | undefined): row is Row {
  return row != null && (row.cancelled_at ?? row.lifted_at ?? null) === null
}

/** The practice's own rule: the same chair where both have one, else the same clinician; what has neither takes it all. */
function wantSame(one: Row, other: Row): boolean {
  const takesAll = (row: Row): boolean => row.chair_id === null && row.clinician_id === null
  if (takesAll(one) || takesAll(other)) return true
  if (one.chair_id !== null && other.chair_id !== null) return one.chair_id === other.chair_id
  return one.clinician_id !== null && one.clinician_id === other.clinician_id
}

function overlap(one: Row, other: Row): boolean {
  return (
    String(one.begins) < String(other.finishes) &&
    String(other.begins) < String(one.finishes) &&
    wantSame(one, other)
  )
}

/**
 * A sentence for each row that a program put over one that stood. Where the practice checks no times, a row of ours may
 * stand there for the moment until it is withdrawn: only what is left in the end counts.
 * @param since the last entry that was judged before
 */
export function rowsOverOthers(journal: JournalEntry[], isChecked: boolean, since = 0): string[] {
  const rows = new Map<string, Row>()
  const found: { ours: Standing; other: Standing }[] = []
  for (const { seq, noun, id, by, before, after } of journal) {
    if (noun !== 'visit' && noun !== 'closure') continue
    const key = `${noun} ${id}`
    const took =
      stands(after) && (!stands(before) || before.begins !== after.begins || !wantSame(before, after))
    if (by === 'interface' && took && seq > since)
      for (const [otherKey, other] of rows)
        if (otherKey !== key && overlap(after, other))
          found.push({ ours: { key, row: after }, other: { key: otherKey, row: other } })
    if (stands(after)) rows.set(key, after)
    else rows.delete(key)
  }
  const stillOver = ({ ours, other }: (typeof found)[number]): boolean => {
    const [one, two] = [rows.get(ours.key), rows.get(other.key)]
    return one !== undefined && two !== undefined && overlap(one, two)
  }
  const wrong = isChecked ? found : found.filter(stillOver)
  return wrong.map(({ ours, other }) => `${ours.key} of ours was put over ${other.key}`)
}
