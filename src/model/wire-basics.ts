/** The pieces that wire schemas are made of, and the envelope that every answer travels in. */
import { type Static, type TSchema, Type } from 'typebox'

/** Marks a field that tells something about a patient: redaction and the leak test start from this mark. */
export const PATIENT_DATA = { 'x-patient-data': true } as const

/** Marks a field that holds a patient's id: the audit names whom a request touched by it. */
export const PATIENT_ID = { 'x-patient-id': true } as const

export const idMax = Number.MAX_SAFE_INTEGER
/** One of our ids. */
export const Id = Type.Integer({ minimum: 1, maximum: idMax })
/** The id of a patient. */
export const PatientId = Type.Integer({ minimum: 1, maximum: idMax, ...PATIENT_ID })
/** ISO 8601 in UTC with milliseconds. */
export const InstantText = Type.String({ format: 'date-time' })
/** A datetime as a client sends it; read by `readTime` (decision 15). */
export const GivenDatetime = Type.String({ minLength: 1, maxLength: 64 })
/** PostgreSQL knows no year 0. */
export const Day = Type.String({ format: 'date', pattern: '^(?!0000)', maxLength: 32 })

/** How many may share a time at a location. */
export const POLICIES = ['strict', 'limit', 'open'] as const

/** The schema's value or null. Written as a type list, which OpenAPI 3.1 and the serialiser both read. */
export function nullable<S extends TSchema>(schema: S) {
  const { type } = schema as unknown as { type: string }
  return Type.Unsafe<Static<S> | null>({ ...schema, type: [type, 'null'] })
}

/** A string that is one of these. */
export function oneOf<const T extends readonly string[]>(values: T, options: object = {}) {
  return Type.Unsafe<T[number]>({ type: 'string', enum: [...values], ...options })
}

export const NullableText = nullable(Type.String())
export const NullableInstant = nullable(InstantText)
export const NullableId = nullable(Id)
export const NullablePatientId = nullable(PatientId)

/** Where a v3 list stands; cursors are opaque. */
export const PageInfo = Type.Object(
  {
    has_previous_page: Type.Boolean(),
    has_next_page: Type.Boolean(),
    start_cursor: NullableText,
    end_cursor: NullableText,
  },
  { title: 'PageInfo' },
)
export type PageInfo = Static<typeof PageInfo>

/** Warnings travel in `description` (decision 4); `/authenticates` alone says a word there. */
const Description = Type.Unsafe<string | string[] | null>({
  type: ['array', 'string', 'null'],
  items: { type: 'string' },
})

/** The answer of a success. `error` is never a warning (decision 19). */
export function envelopeOf(data: TSchema, paging: 'none' | 'pages' | 'cursors') {
  const error = Type.Unsafe<string[] | null>({ type: ['array', 'null'], items: { type: 'string' } })
  const head = { code: Type.Literal(true), description: Description, error, data }
  if (paging === 'cursors') return Type.Object({ ...head, page_info: PageInfo })
  return Type.Object({ ...head, count: nullable(Type.Integer()) })
}

/** Ours: a free time in place of one that is taken. */
export const Alternative = Type.Object(
  { start_time: InstantText, end_time: InstantText, operatory_id: NullableId, provider_id: Id },
  { title: 'Alternative' },
)

/** The answer of a refusal: one sentence for each thing that was wrong; `data` only where a time was taken. */
export const ErrorEnvelope = Type.Object(
  {
    code: Type.Literal(false),
    description: NullableText,
    data: nullable(Type.Object({ alternatives: Type.Optional(Type.Array(Alternative)) })),
    error: Type.Array(Type.String()),
  },
  { title: 'Error' },
)
