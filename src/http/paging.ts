/**
 * Pages: `page` and `per_page` with a count on v2, cursors with `page_info` on v3 (decisions 3 and 21). What is too large
 * or unknown is clamped or left out with a warning, never refused.
 */
import { Type } from 'typebox'
import { Failure } from '../model/failures.ts'
import { toInstant } from '../model/time.ts'
import type { PageInfo } from '../model/wire-basics.ts'
import type { Page, Placed, Position } from '../store/page.ts'
import type { Answer } from './envelope.ts'
import type { Version } from './versions/choose.ts'

const PER_PAGE_DEFAULT = 5
const PER_PAGE_MAX: Record<Version, number> = { v2: 300, v3: 1000 }
const PAGE_MAX = 1_000_000

export const PageQuery = { page: Type.Optional(Type.Integer()), per_page: Type.Optional(Type.Integer()) }
export const CursorQuery = {
  ...PageQuery,
  start_cursor: Type.Optional(Type.String({ maxLength: 500 })),
  end_cursor: Type.Optional(Type.String({ maxLength: 500 })),
}

export interface PageAsked {
  page?: number | undefined
  per_page?: number | undefined
  start_cursor?: string | undefined
  end_cursor?: string | undefined
}

/** A page to be read, and what its cursors are bound to. */
export interface Reading {
  page: Page
  /** Rows wanted; `page.limit` may be one more, to see whether others follow. */
  size: number
  number: number
  /** The list's order, which cursors carry. */
  sort: string
}

/** Reads a v2 page. */
export function readPage(asked: PageAsked, warnings: string[]): Reading {
  const size = clampSize(asked.per_page, 'v2', warnings)
  const number = clampNumber(asked.page, warnings)
  return { page: { limit: size, offset: (number - 1) * size }, size, number, sort: 'id' }
}

/**
 * Reads the page of a list that NexHealth does not page (institutions, locations, types): without `page` and `per_page` as
 * many rows as a page may hold, for a client of it never asks for a second.
 */
export function readWhole(asked: PageAsked, warnings: string[]): Reading {
  return readPage(isPaged(asked) ? asked : { per_page: PER_PAGE_MAX.v2 }, warnings)
}

/** Says where such a list has more rows than were shown to a client that asked for no page. */
export function tellMore(asked: PageAsked, count: number, warnings: string[]): void {
  const most = PER_PAGE_MAX.v2
  if (!isPaged(asked) && count > most)
    warnings.push(`Only the first ${most} of ${count} are shown; send page=2&per_page=${most} for the next.`)
}

function isPaged({ page, per_page }: PageAsked): boolean {
  return page !== undefined || per_page !== undefined
}

/** Reads a v3 page in the given order. Throws `invalid_request` for a cursor that is not of this list. */
export function readCursors(asked: PageAsked, sort: string, warnings: string[]): Reading {
  const size = clampSize(asked.per_page, 'v3', warnings)
  const number = clampNumber(asked.page, warnings)
  const after = asked.end_cursor ? openCursor(asked.end_cursor, sort, 'end_cursor') : undefined
  const before =
    asked.start_cursor && !after ? openCursor(asked.start_cursor, sort, 'start_cursor') : undefined
  if (asked.end_cursor && asked.start_cursor)
    warnings.push('start_cursor was ignored: end_cursor was given too.')
  const cursor = after ?? before
  const offset = cursor ? 0 : (number - 1) * size
  return { page: { limit: size + 1, offset, after, before }, size, number: cursor ? 1 : number, sort }
}

/** The answer of a v3 list from rows read with one more than wanted. */
export function cursorAnswer<Row>(
  rows: Row[],
  reading: Reading,
  positionOf: (row: Row) => Position,
  show: (row: Row) => unknown,
): Answer {
  const backward = reading.page.before !== undefined
  const more = rows.length > reading.size
  const kept = more ? (backward ? rows.slice(1) : rows.slice(0, reading.size)) : rows
  const ends = [kept[0], kept.at(-1)].map((row) => (row ? sealCursor(positionOf(row), reading.sort) : null))
  const pageInfo: PageInfo = {
    has_previous_page: backward ? more : reading.page.after !== undefined || reading.number > 1,
    has_next_page: backward ? true : more,
    start_cursor: ends[0] ?? null,
    end_cursor: ends[1] ?? null,
  }
  return { data: kept.map(show), pageInfo }
}

/** Reads a v3 page of a ranked list, which has no key to go on from: its cursors count rows. */
export function readRanks(asked: PageAsked, warnings: string[]): Reading {
  const reading = readCursors(asked, RANKED, warnings)
  const { after, before } = reading.page
  if (after) return { ...reading, page: { limit: reading.size + 1, offset: after[1] }, number: 2 }
  if (!before) return reading
  const offset = Math.max(0, before[1] - 1 - reading.size)
  // Up to the row before the cursor, and one more, which tells that there is a next page.
  const size = before[1] - 1 - offset
  return { ...reading, size, page: { limit: size + 1, offset }, number: offset > 0 ? 2 : 1 }
}

/** The answer of a ranked list. */
export function ranksAnswer<Row>(rows: Row[], reading: Reading, show: (row: Row) => unknown): Answer {
  const places = new Map(rows.map((row, at) => [row, reading.page.offset + at + 1]))
  return cursorAnswer(rows, reading, (row) => ['0', places.get(row) ?? 0], show)
}

const RANKED = 'rank'

/** The position of a row that the store placed. */
export function placeOf(row: Placed<unknown>): Position {
  return [row.sort_key, row.id]
}

/**
 * The order asked for, where the list offers it; else its first, with a warning. A comma list counts by its first name.
 */
export function readSort<const T extends string>(
  asked: string | undefined,
  offered: readonly [T, ...T[]],
  warnings: string[],
): T {
  if (asked === undefined) return offered[0]
  const [first = '', ...rest] = asked.split(',').map((name) => name.trim())
  const found = offered.find((name) => name === first)
  if (!found || rest.length > 0)
    warnings.push(
      `sort=${asked.slice(0, 60)} is not offered in full; the list is sorted by ${found ?? offered[0]}.`,
    )
  return found ?? offered[0]
}

function clampSize(asked: number | undefined, version: Version, warnings: string[]): number {
  if (asked === undefined) return PER_PAGE_DEFAULT
  const size = Math.min(Math.max(asked, 1), PER_PAGE_MAX[version])
  if (size !== asked) warnings.push(`per_page must be from 1 to ${PER_PAGE_MAX[version]}; ${size} was taken.`)
  return size
}

function clampNumber(asked: number | undefined, warnings: string[]): number {
  if (asked === undefined) return 1
  const number = Math.min(Math.max(asked, 1), PAGE_MAX)
  if (number !== asked) warnings.push(`page must be from 1 to ${PAGE_MAX}; ${number} was taken.`)
  return number
}

/** A position as an opaque cursor, bound to the order of its list. */
export function sealCursor(position: Position, sort: string): string {
  return Buffer.from(JSON.stringify([sort, ...position])).toString('base64url')
}

/** Reads a cursor. Throws `invalid_request` naming the parameter where it is not one of a list in this order. */
export function openCursor(cursor: string, sort: string, parameter: string): Position {
  try {
    const [order, key, id] = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8')) as unknown[]
    const isPlaced = typeof key === 'string' && Number.isSafeInteger(id) && (id as number) >= 0
    const isKey = /_(at|time)$/.test(sort) ? isInstant : isCount
    if (order === sort && isPlaced && isKey(key)) return [key, id as number]
  } catch {
    // Falls through to the refusal: whatever it was, it is no cursor.
  }
  throw new Failure('invalid_request', `Parameter ${parameter} is not a cursor of this list in this order`)
}

function isCount(key: string): boolean {
  return /^\d{1,15}$/.test(key)
}

/** An instant as PostgreSQL or we write it, of a day that there is. */
function isInstant(key: string): boolean {
  const [, day, time] = /^(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:\.\d{1,6})?(?:Z|\+00)?$/.exec(key) ?? []
  const ms = Date.parse(`${day}T${time}Z`)
  return !Number.isNaN(ms) && !key.startsWith('0000') && toInstant(ms).startsWith(`${day}T${time}`)
}

/** The order that a cursor is bound to; null where it is no cursor. */
export function orderOfCursor(cursor: string): string | null {
  try {
    const [order] = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8')) as unknown[]
    return typeof order === 'string' ? order : null
  } catch {
    return null
  }
}
