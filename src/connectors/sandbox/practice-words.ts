/** The practice's own rows as they come over HTTP. Anything more that it sends is passed over. */
import Type, { type Static, type TSchema } from 'typebox'
import { Compile } from 'typebox/compile'

const Maybe = <T extends TSchema>(type: T) => Type.Union([type, Type.Null()])
const Id = Type.String({ pattern: '^[1-9][0-9]{0,14}$' })
const InstantText = Type.String({ pattern: '^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{3}Z$' })
const Text = Maybe(Type.String())
const When = Maybe(InstantText)

export const Person = Type.Object({
  person_id: Id,
  first_name: Type.String(),
  middle_name: Text,
  last_name: Type.String(),
  birth_date: Maybe(Type.String({ pattern: '^\\d{4}-\\d\\d-\\d\\d$' })),
  sex: Maybe(Type.Union([Type.Literal('F'), Type.Literal('M'), Type.Literal('X')])),
  email: Text,
  phone: Text,
  street: Text,
  city: Text,
  state: Text,
  zip: Text,
  chart: Text,
  payer_id: Maybe(Id),
  merged_into: Type.Optional(Maybe(Id)),
  active: Type.Boolean(),
  external_reference: Text,
  version: Type.Integer(),
})
export type Person = Static<typeof Person>

export const Visit = Type.Object({
  visit_id: Id,
  person_id: Id,
  clinician_id: Maybe(Id),
  chair_id: Maybe(Id),
  kind_id: Maybe(Id),
  procedure_codes: Type.Array(Type.String()),
  begins: InstantText,
  finishes: InstantText,
  remark: Text,
  confirmed_at: When,
  arrived_at: When,
  left_at: When,
  missed_at: When,
  cancelled_at: When,
  external_reference: Text,
  version: Type.Integer(),
  entered_at: InstantText,
})
export type Visit = Static<typeof Visit>

export const Closure = Type.Object({
  closure_id: Id,
  chair_id: Maybe(Id),
  clinician_id: Maybe(Id),
  begins: InstantText,
  finishes: InstantText,
  reason: Text,
  lifted_at: When,
  external_reference: Text,
  version: Type.Integer(),
  entered_at: InstantText,
})
export type Closure = Static<typeof Closure>

/** Rows are looked at one by one, so that one that cannot be read does not stop its page. */
const Rows = Type.Array(Type.Unknown())

const Changes = Type.Object({
  people: Rows,
  named: Rows,
  visits: Rows,
  closures: Rows,
  gone: Type.Array(
    Type.Object({
      noun: Type.Union([Type.Literal('person'), Type.Literal('visit'), Type.Literal('closure')]),
      id: Id,
    }),
  ),
  cursor: Type.String({ minLength: 1 }),
  through: Type.Integer(),
  more: Type.Boolean(),
})

export type Changes = Static<typeof Changes>

const Schedule = Type.Object({ people: Rows, visits: Rows, closures: Rows, next: Text })

const Status = Type.Object({
  name: Type.String(),
  version: Type.String(),
  now: InstantText,
  manner: Type.Object({
    references: Type.Union([Type.Literal('unique'), Type.Literal('stored')]),
    times: Type.Union([Type.Literal('checked'), Type.Literal('unchecked')]),
  }),
  marks: Type.Record(Type.String(), Type.Number()),
})
export type Status = Static<typeof Status>

const History = Type.Object({
  entries: Type.Array(Type.Object({ by: Type.String(), after: Type.Unknown() })),
})

const Directory = Type.Object({
  sites: Type.Array(Type.Object({ site_id: Id, name: Type.String(), zone: Type.String() })),
  clinicians: Type.Array(
    Type.Object({
      clinician_id: Id,
      first_name: Type.String(),
      last_name: Type.String(),
      title: Type.String(),
      npi: Text,
      active: Type.Boolean(),
    }),
  ),
  chairs: Type.Array(Type.Object({ chair_id: Id, site_id: Id, name: Type.String(), active: Type.Boolean() })),
  visit_kinds: Type.Array(Type.Object({ kind_id: Id, name: Type.String(), active: Type.Boolean() })),
  procedure_codes: Type.Array(
    Type.Object({ code: Type.String(), name: Type.String(), active: Type.Boolean() }),
  ),
  weekly_hours: Type.Array(
    Type.Object({
      hours_id: Id,
      clinician_id: Id,
      chair_id: Id,
      weekdays: Type.Array(Type.Integer({ minimum: 1, maximum: 7 })),
      opens: Type.String({ pattern: '^\\d\\d:\\d\\d$' }),
      closes: Type.String({ pattern: '^\\d\\d:\\d\\d$' }),
    }),
  ),
})
export type Directory = Static<typeof Directory>

export const isPerson = Compile(Person)
export const isVisit = Compile(Visit)
export const isClosure = Compile(Closure)
export const isChanges = Compile(Changes)
export const isSchedule = Compile(Schedule)
export const isStatus = Compile(Status)
export const isDirectory = Compile(Directory)
export const isHistory = Compile(History)
export const isRows = Compile(Rows)

/** The answer to a booking, a change or a look at one row. */
export const isOneRow = Compile(
  Type.Object({
    visit: Type.Optional(Type.Unknown()),
    person: Type.Optional(Type.Unknown()),
    closure: Type.Optional(Type.Unknown()),
  }),
)
