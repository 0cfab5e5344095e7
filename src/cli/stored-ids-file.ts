/** The CSV file of ids that a client holds: read whole, and every row that does not fit named with its line. */
import {
  FOREIGN_ID_TYPE,
  FOREIGN_ID_TYPE_RULE,
  readHourName,
  ruleOf,
  type StoredId,
  type StoredNoun,
  storedNouns,
} from '../model/stored-ids.ts'

/** One row, with the line of the file on which it begins. */
export interface StoredRow extends StoredId {
  line: number
}

export interface StoredFile {
  rows: StoredRow[]
  /** What is wrong, as sentences that begin with the line. */
  wrong: string[]
}

const COLUMNS = ['noun', 'foreign_id_type', 'foreign_id', 'name', 'location_id', 'id'] as const
type Column = (typeof COLUMNS)[number]
type Cells = Record<Column, string>

const TEXT_MAX = 1000

/** @param defaultLocation for rows that name no location where one is needed */
export function readStoredIds(text: string, defaultLocation: number | null): StoredFile {
  const [head, ...lines] = splitCsv(text)
  const wrong: string[] = []
  const names = (head?.cells ?? []).map((name) => name.trim().toLowerCase())
  const unknown = names.filter((name) => !(COLUMNS as readonly string[]).includes(name))
  if (unknown.length > 0)
    wrong.push(`line 1: there is no column ${unknown.join(', ')}: ${COLUMNS.join(', ')}`)
  for (const name of ['noun', 'id'])
    if (!names.includes(name)) wrong.push(`line 1: the column ${name} is missing`)
  if (new Set(names).size < names.length) wrong.push('line 1: a column comes twice')
  if (wrong.length > 0) return { rows: [], wrong }
  const rows = lines.flatMap(({ line, cells, broken }) => {
    if (cells.length === 1 && cells[0]?.trim() === '') return []
    if (broken || cells.length !== names.length) {
      wrong.push(
        `line ${line}: ${broken ?? `${cells.length} columns, where the first line has ${names.length}`}`,
      )
      return []
    }
    const row = readRow(cellsOf(names, cells), defaultLocation)
    if (typeof row !== 'string') return [{ ...row, line }]
    wrong.push(`line ${line}: ${row}`)
    return []
  })
  wrong.push(...listTwins(rows))
  return { rows, wrong }
}

function cellsOf(names: string[], cells: string[]): Cells {
  const empty = Object.fromEntries(COLUMNS.map((name) => [name, ''])) as Cells
  return { ...empty, ...Object.fromEntries(names.map((name, at) => [name, cells[at]?.trim() ?? ''])) }
}

/** What a row says; or why it does not fit. */
function readRow(cells: Cells, defaultLocation: number | null): StoredId | string {
  const noun = storedNouns.find((one) => one === cells.noun.toLowerCase())
  if (!noun) return `there is no noun ${cells.noun || '(empty)'}: ${storedNouns.join(', ')}`
  const rule = ruleOf(noun)
  const id = wholeNumber(cells.id)
  if (id === null) return `id ${cells.id || '(empty)'} is no whole number from 1`
  if (id > rule.idMax)
    return `id ${cells.id} of a ${noun} is above ${rule.idMax}: no ids would be left for more`
  const isForeign = cells.foreign_id !== '' && rule.by !== 'name'
  if (!isForeign && rule.by === 'foreign_id') return `a ${noun} is known by its foreign_id`
  const knownAs = isForeign ? cells.foreign_id : knownName(noun, cells.name)
  if (knownAs === null)
    return noun === 'working_hour' && cells.name
      ? `name ${cells.name} is no working hour, such as 17 4 Monday,Tuesday 09:00-17:00`
      : `a ${noun} is known by its ${rule.by === 'name' ? 'name' : 'foreign_id or its name'}`
  if (knownAs.length > TEXT_MAX) return `more than ${TEXT_MAX} characters`
  if (isForeign && !FOREIGN_ID_TYPE.test(cells.foreign_id_type))
    return `foreign_id_type ${FOREIGN_ID_TYPE_RULE}`
  const said = cells.location_id === '' ? null : wholeNumber(cells.location_id)
  if (cells.location_id !== '' && said === null)
    return `location_id ${cells.location_id} is no whole number from 1`
  const isPlaced = rule.location === 'needed' || (noun === 'working_hour' && !isForeign)
  const locationId =
    rule.location === 'none' || (noun === 'working_hour' && isForeign)
      ? null
      : (said ?? (isPlaced ? defaultLocation : null))
  if (isPlaced && locationId === null) return `a ${noun} says its location_id, or the command --location`
  return { noun, id, knownAs, locationId, foreignIdType: isForeign ? cells.foreign_id_type : null }
}

function knownName(noun: StoredNoun, name: string): string | null {
  if (noun === 'working_hour') return readHourName(name)
  return name === '' ? null : name
}

function wholeNumber(text: string): number | null {
  const number = Number(text)
  return /^\d{1,16}$/.test(text) && number >= 1 && Number.isSafeInteger(number) ? number : null
}

/** Rows of which each says what another one says otherwise: one id for two things, or two ids for one. */
function listTwins(rows: StoredRow[]): string[] {
  const wrong: string[] = []
  const ids = new Map<string, StoredRow>()
  const things = new Map<string, StoredRow>()
  for (const row of rows) {
    const { noun, id, line, knownAs, foreignIdType, locationId } = row
    const thing = JSON.stringify([noun, foreignIdType, locationId, knownAs])
    const [sameId, sameThing] = [ids.get(`${noun} ${id}`), things.get(thing)]
    if (sameId) wrong.push(`line ${line}: id ${id} is that of another ${noun} in line ${sameId.line}`)
    else if (sameThing)
      wrong.push(`line ${line}: ${noun} ${knownAs} has the id ${sameThing.id} in line ${sameThing.line}`)
    ids.set(`${noun} ${id}`, sameId ?? row)
    things.set(thing, sameThing ?? row)
  }
  return wrong
}

interface Line {
  line: number
  cells: string[]
  broken: string | null
}

/** Splits CSV (RFC 4180): commas, quotes doubled within quotes, line ends within quotes. */
function splitCsv(text: string): Line[] {
  const lines: Line[] = []
  const field = /("(?:[^"]|"")*"|[^",\r\n]*)(,|\r?\n|$)/y
  let [at, line, from] = [text.startsWith('\uFEFF') ? 1 : 0, 1, 1]
  let cells: string[] = []
  while (at < text.length || cells.length > 0) {
    field.lastIndex = at
    const found = field.exec(text)
    if (!found) {
      // What follows a stray quote cannot be told from what it quotes: the line is given up.
      const end = text.indexOf('\n', at)
      lines.push({ line: from, cells, broken: 'a quote is out of place' })
      cells = []
      at = end < 0 ? text.length : end + 1
      line += 1
      from = line
      continue
    }
    const [whole, cell = '', stop] = found
    at += whole.length
    line += whole.split('\n').length - 1
    cells.push(cell.startsWith('"') ? cell.slice(1, -1).replaceAll('""', '"') : cell)
    if (stop === ',') continue
    lines.push({ line: from, cells, broken: null })
    cells = []
    from = line
  }
  return lines
}
