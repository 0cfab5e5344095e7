/**
 * The FHIR R4 resources (hl7.org/fhir/R4) as far as we read them. Anything more that a server sends is kept where we
 * write a resource back, and passed over where we read it. A resource that does not fit its schema is set aside.
 */
import Type, { type Static, type TSchema } from 'typebox'
import { Compile, type Validator } from 'typebox/compile'

const Text = Type.Optional(Type.String())
const List = <T extends TSchema>(type: T) => Type.Optional(Type.Array(type))

const Coding = Type.Object({ system: Text, code: Text, display: Text })
const CodeableConcept = Type.Object({ coding: List(Coding), text: Text })
const Identifier = Type.Object({ system: Text, value: Text, type: Type.Optional(CodeableConcept) })
const Period = Type.Object({ start: Text, end: Text })
const Extension = Type.Object({ url: Text, valueCode: Text, valueDateTime: Text, valueInstant: Text })
export type Extension = Static<typeof Extension>
const Reference = Type.Object({ reference: Text, type: Text, display: Text })
const HumanName = Type.Object({
  use: Text,
  text: Text,
  family: Text,
  given: List(Type.String()),
  prefix: List(Type.String()),
  suffix: List(Type.String()),
  period: Type.Optional(Period),
})
const ContactPoint = Type.Object({
  system: Text,
  value: Text,
  use: Text,
  rank: Type.Optional(Type.Number()),
  period: Type.Optional(Period),
})
const Address = Type.Object({
  use: Text,
  line: List(Type.String()),
  city: Text,
  state: Text,
  postalCode: Text,
  period: Type.Optional(Period),
})

const every = {
  id: Type.String({ minLength: 1 }),
  meta: Type.Optional(Type.Object({ versionId: Text, lastUpdated: Text, source: Text })),
  identifier: List(Identifier),
  extension: List(Extension),
}

const Participant = Type.Object({
  actor: Type.Optional(Reference),
  type: List(CodeableConcept),
  status: Text,
})
export type Participant = Static<typeof Participant>

const Appointment = Type.Object({
  resourceType: Type.Literal('Appointment'),
  ...every,
  status: Type.String(),
  start: Text,
  end: Text,
  minutesDuration: Type.Optional(Type.Number()),
  created: Text,
  comment: Text,
  participant: List(Participant),
  slot: List(Reference),
})
export type Appointment = Static<typeof Appointment>

const Slot = Type.Object({
  resourceType: Type.Literal('Slot'),
  ...every,
  schedule: Reference,
  status: Type.String(),
  start: Type.String(),
  end: Type.String(),
  comment: Text,
})
export type Slot = Static<typeof Slot>

const Schedule = Type.Object({
  resourceType: Type.Literal('Schedule'),
  ...every,
  active: Type.Optional(Type.Boolean()),
  actor: List(Reference),
})
export type Schedule = Static<typeof Schedule>

const Patient = Type.Object({
  resourceType: Type.Literal('Patient'),
  ...every,
  active: Type.Optional(Type.Boolean()),
  name: List(HumanName),
  telecom: List(ContactPoint),
  gender: Text,
  birthDate: Text,
  address: List(Address),
  deceasedBoolean: Type.Optional(Type.Boolean()),
  deceasedDateTime: Text,
  communication: List(
    Type.Object({ language: Type.Optional(CodeableConcept), preferred: Type.Optional(Type.Boolean()) }),
  ),
  generalPractitioner: List(Reference),
  link: List(Type.Object({ other: Reference, type: Text })),
})
export type Patient = Static<typeof Patient>

const Practitioner = Type.Object({
  resourceType: Type.Literal('Practitioner'),
  ...every,
  active: Type.Optional(Type.Boolean()),
  name: List(HumanName),
})
export type Practitioner = Static<typeof Practitioner>

const PractitionerRole = Type.Object({
  resourceType: Type.Literal('PractitionerRole'),
  ...every,
  active: Type.Optional(Type.Boolean()),
  practitioner: Type.Optional(Reference),
  location: List(Reference),
})
export type PractitionerRole = Static<typeof PractitionerRole>

const Location = Type.Object({
  resourceType: Type.Literal('Location'),
  ...every,
  name: Text,
  status: Text,
  mode: Text,
  physicalType: Type.Optional(CodeableConcept),
  partOf: Type.Optional(Reference),
})
export type Location = Static<typeof Location>

const HealthcareService = Type.Object({
  resourceType: Type.Literal('HealthcareService'),
  ...every,
  location: List(Reference),
})
export type HealthcareService = Static<typeof HealthcareService>

const BundleEntry = Type.Object({
  fullUrl: Text,
  resource: Type.Optional(Type.Unknown()),
  request: Type.Optional(
    Type.Object({ method: Text, url: Text, ifMatch: Text, ifNoneMatch: Text, ifNoneExist: Text }),
  ),
  response: Type.Optional(Type.Object({ etag: Text })),
})
const Bundle = Type.Object({
  resourceType: Type.Literal('Bundle'),
  meta: Type.Optional(Type.Object({ lastUpdated: Text })),
  link: List(Type.Object({ relation: Text, url: Text })),
  entry: List(BundleEntry),
})
export type Bundle = Static<typeof Bundle>
export type BundleEntry = Static<typeof BundleEntry>

export type HumanName = Static<typeof HumanName>
export type Reference = Static<typeof Reference>

interface Types {
  Appointment: Appointment
  Slot: Slot
  Schedule: Schedule
  Patient: Patient
  Practitioner: Practitioner
  PractitionerRole: PractitionerRole
  Location: Location
  HealthcareService: HealthcareService
  Bundle: Bundle
}
export type TypeName = keyof Types

const schemas = {
  Appointment,
  Slot,
  Schedule,
  Patient,
  Practitioner,
  PractitionerRole,
  Location,
  HealthcareService,
  Bundle,
}
const checks: Record<string, Validator> = Object.fromEntries(
  Object.entries(schemas).map(([name, schema]) => [name, Compile(schema)]),
)

/** The value as a resource of that type, or a sentence that says what does not fit (places, never values). */
export function readResource<T extends TypeName>(type: T, value: unknown): Types[T] | { misfit: string } {
  const check = checks[type]
  if (check?.Check(value)) return value as Types[T]
  const [first] = check?.Errors(value) ?? []
  return { misfit: `${type}${first?.instancePath ?? ''} ${first?.message ?? 'cannot be read'}` }
}

/** The type a value says it is, and its id, as far as it says so. */
export function nameOf(value: unknown): { type: string | null; id: string | null } {
  const { resourceType, id } = (typeof value === 'object' && value !== null ? value : {}) as Record<
    string,
    unknown
  >
  return {
    type: typeof resourceType === 'string' ? resourceType : null,
    id: typeof id === 'string' && id !== '' ? id : null,
  }
}
