/**
 * What changed on the server. First load: searches in the order of `_lastUpdated`, page by page. After it: the `_history`
 * of each type where the server offers it (which tells deletions too), else the same searches, from an overlap before
 * the server's own clock at the last look: its `_lastUpdated` is set when a transaction begins and seen when it commits.
 */
import { createHash } from 'node:crypto'
import Type, { type Static } from 'typebox'
import { Compile } from 'typebox/compile'
import type { ChangeRecord, ForeignId } from '../../model/records.ts'
import { toInstant } from '../../model/time.ts'
import { type ConnectorContext, type Cursor, CursorLost, type Page, Unavailable } from '../connector.ts'
import type { Features } from './capability.ts'
import type { Settings } from './configuration.ts'
import type { FhirHttp } from './http.ts'
import type { Places } from './places.ts'
import { foreignIdOf, type PageReader } from './read-page.ts'
import { type BundleEntry, nameOf } from './resources.ts'
import { type BundlePage, pagesOf } from './search.ts'
import { parseInstant, versionOfEtag } from './values.ts'

const FEEDS = ['Patient', 'Appointment', 'Slot'] as const
const Feed = Type.Union([Type.Literal('Patient'), Type.Literal('Appointment'), Type.Literal('Slot')])

const Position = Type.Object({
  v: Type.Literal(1),
  /** Which server, as a short hash of its base. */
  of: Type.String(),
  /** The server's clock, epoch milliseconds, up to which everything was read once the load is over. */
  followMs: Type.Union([Type.Number(), Type.Null()]),
  /** Where the first load stands: the type, and the `_lastUpdated` of the last row read, null before the first. */
  load: Type.Union([
    Type.Object({ type: Feed, from: Type.Union([Type.String(), Type.Null()]) }),
    Type.Null(),
  ]),
})
type Position = Static<typeof Position>
/** Forgetting only costs reading some patients again. */
const MOST_REMEMBERED = 200_000
type FeedName = (typeof FEEDS)[number]
const isPosition = Compile(Position)

export interface Feeding {
  http: FhirHttp
  settings: Settings
  features: Features
  reader: PageReader
  places: Places
  context: ConnectorContext
  /** Whether there are Schedules that we may see, as last looked for; null before. */
  schedules: 'some' | 'none' | 'forbidden' | null
}

interface Part {
  records: ChangeRecord[]
  position: Position
}

/** @throws CursorLost where the cursor is not ours or of another server; Unavailable */
export async function* readChanges(feeding: Feeding, cursor: Cursor | null): AsyncGenerator<Page> {
  const position = readCursor(cursor, feeding.settings.baseUrl)
  const parts = position.load === null ? follow(feeding, position) : load(feeding, position)
  let end = position
  for await (const part of parts) {
    end = part.position
    // As soon as it was read; the last page comes after it, with nothing in it but the cursor.
    if (part.records.length > 0) yield { records: part.records, cursor: JSON.stringify(end), last: false }
  }
  yield { records: [], cursor: JSON.stringify(end), last: true }
}

function readCursor(cursor: Cursor | null, baseUrl: string): Position {
  const of = createHash('sha256').update(baseUrl).digest('hex').slice(0, 12)
  if (cursor === null) return { v: 1, of, followMs: null, load: { type: 'Patient', from: null } }
  let position: unknown
  try {
    position = JSON.parse(cursor)
  } catch {
    throw new CursorLost('the cursor is not one of this connector')
  }
  if (!isPosition.Check(position)) throw new CursorLost('the cursor is of another version of this connector')
  if (position.of !== of) throw new CursorLost('the cursor is of another FHIR server')
  return position
}

async function* load(feeding: Feeding, start: Position): AsyncGenerator<Part> {
  const told = new Set<ForeignId>()
  let position = start
  const first = FEEDS.indexOf(start.load?.type ?? 'Patient')
  for (const type of FEEDS.slice(first)) {
    if (!feeding.features.can(type, 'search-type')) continue
    let from = start.load?.type === type ? start.load.from : null
    const order = newestSoFar()
    for await (const page of pagesOf(feeding.http, searchPath(type, from, feeding.settings, true))) {
      position = { ...position, followMs: position.followMs ?? clockOf(page, feeding) }
      from = order(page.entries) ?? from
      position = { ...position, load: { type, from } }
      const records = await feeding.reader.read(resourcesOf(page), told)
      remember(records, told)
      yield { records, position }
    }
  }
  yield { records: [], position: { ...position, load: null } }
}

async function* follow(feeding: Feeding, start: Position): AsyncGenerator<Part> {
  const told = new Set<ForeignId>()
  const since = toInstant((start.followMs ?? 0) - feeding.settings.overlapMs)
  let followMs: number | null = null
  for (const type of FEEDS) {
    const byHistory = feeding.features.can(type, 'history-type')
    if (!byHistory && !feeding.features.can(type, 'search-type')) continue
    const newest = new Map<string, number>()
    const path = byHistory
      ? `${type}/_history?_since=${since}&_count=${feeding.settings.pageSize}`
      : searchPath(type, since, feeding.settings, false)
    for await (const page of pagesOf(feeding.http, path)) {
      followMs ??= clockOf(page, feeding)
      const entries = byHistory ? page.entries.filter((entry) => isNewest(entry, newest)) : page.entries
      const gone = entries.flatMap((entry) => goneOf(entry, type))
      const records = await feeding.reader.read(resourcesOf({ ...page, entries }), told)
      remember(records, told)
      yield { records: [...records, ...gone], position: start }
    }
  }
  // Backwards too, where the server's clock was set back: else what it stamps from then on would lie before every look.
  yield { records: [], position: { ...start, followMs: followMs ?? start.followMs } }
}

/** The patients told in this run: the appointments after them need not bring them again. */
function remember(records: ChangeRecord[], told: Set<ForeignId>): void {
  if (told.size > MOST_REMEMBERED) told.clear()
  for (const record of records) if (record.kind === 'patient') told.add(record.record.foreignId)
}

function searchPath(type: FeedName, from: string | null, settings: Settings, loading: boolean): string {
  const since = from === null ? '' : `&_lastUpdated=ge${from}`
  const wanted = type === 'Slot' && loading ? '&status=busy-unavailable' : ''
  return `${type}?_sort=_lastUpdated&_count=${settings.pageSize}${since}${wanted}`
}

/** The `_lastUpdated` to go on from after a page; null for ever once the server's pages are not in that order. */
function newestSoFar(): (entries: BundleEntry[]) => string | null {
  let newest = ''
  let inOrder = true
  return (entries) => {
    for (const { resource } of entries) {
      const updated = updatedAt(resource)
      if (updated === null || updated < newest) inOrder = false
      else newest = updated
    }
    return inOrder && newest !== '' ? newest : null
  }
}

function updatedAt(resource: unknown): string | null {
  const meta = (resource as { meta?: { lastUpdated?: unknown } } | null | undefined)?.meta
  return typeof meta?.lastUpdated === 'string' ? parseInstant(meta.lastUpdated) : null
}

function clockOf(page: BundlePage, { context }: Feeding): number {
  return page.serverMs ?? context.now()
}

function resourcesOf(page: BundlePage): unknown[] {
  return page.entries.flatMap(({ resource }) => (resource === undefined ? [] : [resource]))
}

/** Histories come newest first and hold every version: the first of a resource is the one that counts. */
function isNewest(entry: BundleEntry, newest: Map<string, number>): boolean {
  const id = deletedId(entry) ?? nameOf(entry.resource).id
  if (id === null) return true
  const meta = (entry.resource as { meta?: { versionId?: unknown } } | undefined)?.meta
  const version = Number(meta?.versionId ?? versionOfEtag(entry.response?.etag))
  const known = newest.get(id)
  // Versions that are not numbers cannot be compared: then the order is trusted.
  if (known !== undefined && !(version > known)) return false
  newest.set(id, version)
  return true
}

function deletedId(entry: BundleEntry): string | null {
  if (entry.request?.method !== 'DELETE') return null
  return (
    /[A-Z][A-Za-z]{1,63}\/([A-Za-z0-9.-]{1,64})(?:\/_history\/[^/]*)?$/.exec(
      entry.request.url ?? entry.fullUrl ?? '',
    )?.[1] ?? null
  )
}

function goneOf(entry: BundleEntry, type: FeedName): ChangeRecord[] {
  if (entry.request?.method !== 'DELETE') return []
  const id = deletedId(entry)
  if (id === null) throw new Unavailable(`the history of ${type} tells a deletion without an id`)
  return [
    { kind: 'gone', noun: type === 'Patient' ? 'patient' : 'appointment', foreignId: foreignIdOf(type, id) },
  ]
}
