/** Ids that a client holds from elsewhere: of which nouns there are such, and what each thing is known by. */
import { WEEKDAYS } from './records.ts'
import type { LocalDate } from './time.ts'

/** Ids that the wire calls int32 end below 2^31; what is left above the greatest is for things to come. */
const INT32_ROOM = 2_147_000_000
/** Below 2^53, with room for things to come. */
const INT64_ROOM = 9_000_000_000_000_000

/** Such as `msg-opendental-DataSource-35`; the wire takes any text. */
export const FOREIGN_ID_TYPE = /^[\x21-\x7e]{1,100}$/
export const FOREIGN_ID_TYPE_RULE = 'must be 1 to 100 characters without spaces'

interface Rule {
  /** The greatest id that leaves room for more. */
  idMax: number
  /** What a row is known by: the record system's id of it, or its name; `either` prefers the foreign id. */
  by: 'foreign_id' | 'name' | 'either'
  /** Whether a row says its location, since what it is known by is unique within one only. */
  location: 'needed' | 'allowed' | 'none'
}

const mirrored = { by: 'foreign_id', location: 'none' } as const

export const STORED_NOUNS = {
  location: { idMax: INT32_ROOM, by: 'either', location: 'none' },
  provider: { idMax: INT32_ROOM, ...mirrored },
  operatory: { idMax: INT64_ROOM, ...mirrored },
  descriptor: { idMax: INT32_ROOM, by: 'foreign_id', location: 'needed' },
  patient: { idMax: INT32_ROOM, ...mirrored },
  appointment: { idMax: INT64_ROOM, ...mirrored },
  procedure: { idMax: INT32_ROOM, ...mirrored },
  appointment_type: { idMax: INT32_ROOM, by: 'name', location: 'allowed' },
  working_hour: { idMax: INT32_ROOM, by: 'either', location: 'allowed' },
  working_hour_label: { idMax: INT32_ROOM, by: 'name', location: 'needed' },
} satisfies Record<string, Rule>

export type StoredNoun = keyof typeof STORED_NOUNS

export const storedNouns = Object.keys(STORED_NOUNS) as StoredNoun[]

export const ruleOf = (noun: StoredNoun): Rule => STORED_NOUNS[noun]

/** One id that a client holds. */
export interface StoredId {
  noun: StoredNoun
  id: number
  /** Null: known by its name. */
  foreignIdType: string | null
  locationId: number | null
  /** The foreign id or the name. */
  knownAs: string
}

/** What a working hour is told from others by. */
export interface NamedHour {
  provider_id: number
  operatory_id: number | null
  begin_time: string
  end_time: string
  days: string[]
  specific_date: LocalDate | null
  custom_recurrence?: { num: number; unit: string; ref: LocalDate } | null
}

const inOrder = (days: string[]) => WEEKDAYS.filter((day) => days.includes(day)).join(',')

/**
 * The name of a working hour, which has none of its own: `17 4 Monday,Tuesday 09:00-17:00`: provider, operatory or `-`, days (or a
 * date, or `2-weeks-2026-11-02`), wall times.
 */
export function nameOfHour(hour: NamedHour): string {
  const { custom_recurrence: again, specific_date: date } = hour
  const when = again ? `${again.num}-${again.unit}s-${again.ref}` : (date ?? inOrder(hour.days))
  return `${hour.provider_id} ${hour.operatory_id ?? '-'} ${when} ${hour.begin_time}-${hour.end_time}`
}

const HOUR_NAME =
  /^([1-9]\d*) ([1-9]\d*|-) ([A-Za-z]+(?:,[A-Za-z]+)*|\d{4}-\d\d-\d\d|\d+-(?:day|week|month)s?-\d{4}-\d\d-\d\d) (\d\d:\d\d-\d\d:\d\d)$/

/** The name as `nameOfHour` writes it; null where it names no working hour. */
export function readHourName(text: string): string | null {
  const [, provider, operatory, when = '', times] = HOUR_NAME.exec(text.trim().replaceAll(/ +/g, ' ')) ?? []
  if (provider === undefined) return null
  const days = when.split(',')
  const isDate = /^\d/.test(when)
  if (!isDate && days.some((day) => !(WEEKDAYS as readonly string[]).includes(day))) return null
  const said = isDate ? when.replace(/-(day|week|month)-/, '-$1s-') : inOrder(days)
  return `${provider} ${operatory} ${said} ${times}`
}
