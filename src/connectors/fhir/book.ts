/**
 * Booking by operation, where the server offers it: the server itself checks the time and takes its Slots. What is sent is
 * the Appointment as proposed, with the Slots wanted in it (medplum.com/docs/scheduling/appointment-book).
 */
import Type from 'typebox'
import { Compile } from 'typebox/compile'
import { type Change, type Insertion, Unavailable } from '../connector.ts'
import { type NotWritten, sendWrite } from './answers.ts'
import type { Feeding } from './changes.ts'
import { look, type Name } from './create.ts'
import type { Request } from './http.ts'
import { type Appointment, nameOf, type Schedule } from './resources.ts'
import { schedulesOf } from './slots.ts'

/** Names the HealthcareService that is booked (medplum.com/docs/scheduling/appointment-book, constraints). */
const SERVICE_EXTENSION = 'https://medplum.com/fhir/service-type-reference'

const Text = Type.Optional(Type.String())
const isOutcome = Compile(
  Type.Object({
    issue: Type.Array(
      Type.Object({ code: Text, diagnostics: Text, details: Type.Optional(Type.Object({ text: Text })) }),
    ),
  }),
)
const Service = Type.Object({
  extension: Type.Optional(
    Type.Array(
      Type.Object({
        url: Text,
        valueReference: Type.Optional(Type.Object({ reference: Text })),
      }),
    ),
  ),
})
const hasServices = Compile(Type.Object({ serviceType: Type.Array(Service) }))

/** `$hold` where the practice keeps an appointment pending until it is confirmed, else `$book`. */
export async function bookByOperation(
  feeding: Feeding,
  request: Insertion,
  name: Name,
  body: Record<string, unknown>,
): Promise<{ kind: 'here'; resource: Appointment } | NotWritten> {
  const { http, settings, features } = feeding
  const schedules = (await schedulesOf(feeding, request)).map(({ schedule }) => schedule)
  if (schedules.length === 0) return invalid('No Schedule is kept for that provider or operatory.')
  const services = settings.service === null ? commonServices(schedules) : [settings.service]
  if (services.length > 1)
    return invalid('The Schedules offer several services: the setting `service` says which is booked.')
  const [service] = services
  const { start, end } = request
  const proposed = {
    ...body,
    status: 'proposed',
    ...(service === undefined ? {} : { serviceType: [serviceType(service)] }),
    contained: schedules.map(({ id }, i) => ({
      resourceType: 'Slot',
      id: `slot-${i + 1}`,
      schedule: { reference: `Schedule/${id}` },
      status: 'busy',
      start,
      end,
    })),
  }
  const { has, parameter } = features.operations
  const operation = settings.confirmation === 'status' && has.has('hold') ? 'hold' : 'book'
  const parameters = {
    resourceType: 'Parameters',
    parameter: [{ name: parameter, resource: proposed }],
  }
  const asked: Request = { method: 'POST', path: `Appointment/$${operation}`, body: parameters }
  const sent = await sendWrite(http, asked, isTaken)
  const mayStand = sent.kind === 'success' || sent.kind === 'conflict' || sent.kind === 'rejected'
  if (!mayStand) return sent
  try {
    // A refusal may come because an earlier copy of ours has the time.
    const id = sent.kind === 'success' ? appointmentIdIn(sent.reply.body) : null
    const now = await look(http, 'Appointment', { id, marker: name.marker })
    if (now.kind === 'here') return now
  } catch (error) {
    if (error instanceof Unavailable) return { kind: 'unknown', message: error.message }
    throw error
  }
  if (sent.kind === 'rejected') return sent
  if (sent.kind === 'conflict') return taken
  return { kind: 'unknown', message: `The FHIR server took the $${operation} and does not show it.` }
}

/** How a change is asked for by operation, in the order to try; empty where it is not. */
export function operationsFor(
  { features, settings }: Feeding,
  before: Appointment,
  change: Change,
): Request[] {
  const { has } = features.operations
  const path = `Appointment/${before.id}`
  const empty = { resourceType: 'Parameters' }
  if (change.kind === 'cancel' && has.has('cancel')) {
    const reference = { name: 'appointment-reference', valueReference: { reference: path } }
    return [
      { method: 'POST', path: 'Appointment/$cancel', body: { ...empty, parameter: [reference] } },
      // As Medplum's was until 2026.
      { method: 'POST', path: `${path}/$cancel`, body: empty },
    ]
  }
  const confirms =
    change.kind === 'confirm' && before.status === 'pending' && settings.confirmation === 'status'
  return confirms && has.has('confirm') ? [{ method: 'POST', path: `${path}/$confirm`, body: empty }] : []
}

const taken: NotWritten = {
  kind: 'rejected',
  code: 'slot_taken',
  message: 'The FHIR server says that the time is not available.',
}

/** Servers answer 400 with a sentence, or a conflict. */
function isTaken(body: unknown): NotWritten | null {
  if (!isOutcome.Check(body)) return null
  const says = (text: string | undefined) =>
    /not available|unavailable|already (booked|taken)/i.test(text ?? '')
  const is = body.issue.some(
    ({ code, diagnostics, details }) => code === 'conflict' || says(details?.text) || says(diagnostics),
  )
  return is ? taken : null
}

/** The id of the Appointment in a bundle, which may be the `return` of Parameters. */
function appointmentIdIn(body: unknown): string | null {
  const { type, id } = nameOf(body)
  if (type === 'Appointment') return id
  const parts = (body ?? {}) as { entry?: unknown; parameter?: unknown }
  for (const list of [parts.entry, parts.parameter]) {
    for (const one of Array.isArray(list) ? list : []) {
      const found = appointmentIdIn((one as { resource?: unknown } | null)?.resource)
      if (found !== null) return found
    }
  }
  return null
}

function serviceType(service: string) {
  const reference = `HealthcareService/${service}`
  return { extension: [{ url: SERVICE_EXTENSION, valueReference: { reference } }] }
}

/** The HealthcareServices that all of these Schedules offer. */
function commonServices(schedules: Schedule[]): string[] {
  const [first = [], ...others] = schedules.map((schedule) =>
    hasServices.Check(schedule)
      ? schedule.serviceType.flatMap(({ extension }) =>
          (extension ?? []).flatMap(({ url, valueReference }) => {
            const id = /^HealthcareService\/([A-Za-z0-9.-]{1,64})$/.exec(valueReference?.reference ?? '')?.[1]
            return url === SERVICE_EXTENSION && id !== undefined ? [id] : []
          }),
        )
      : [],
  )
  return [...new Set(first)].filter((service) => others.every((offered) => offered.includes(service)))
}

function invalid(message: string): NotWritten {
  return { kind: 'rejected', code: 'invalid', message }
}
