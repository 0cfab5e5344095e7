/**
 * A stand-in of ours for what `@medplum/fhir-router` lacks: `$book`, `$hold`, `$confirm` and `$cancel`, written from
 * Medplum's public documentation (medplum.com/docs/scheduling). One at a time, as its transactions there are serializable.
 * It knows no availability beyond busy Slots: no opening hours, no durations, no buffers.
 */
import { allOk, badRequest, conflict, created, OperationOutcomeError } from '@medplum/core'
import type { FhirResponse, MemoryRepository } from '@medplum/fhir-router'
import type { Appointment, Bundle, Parameters, Reference, Slot } from '@medplum/fhirtypes'

const SERVICE = 'https://medplum.com/fhir/service-type-reference'

/** The documented refusal of a taken time. */
const notAvailable = badRequest('Requested time slot is not available')

/** Answers an operation on Appointment; null where the path is none. */
export function bookingOperations(repo: MemoryRepository) {
  let queue: Promise<unknown> = Promise.resolve()
  return (path: string, body: unknown): Promise<FhirResponse> | null => {
    const operation = operationOf(repo, path, body)
    if (operation === null) return null
    const answer = queue.then(operation).catch((error: unknown): FhirResponse => {
      if (error instanceof OperationOutcomeError) return [error.outcome]
      throw error
    })
    queue = answer.catch(() => undefined)
    return answer
  }
}

function operationOf(
  repo: MemoryRepository,
  path: string,
  body: unknown,
): (() => Promise<FhirResponse>) | null {
  const parameters = body as Parameters | undefined
  const parameter = (name: string) => parameters?.parameter?.find((one) => one.name === name)
  const [type, second, third] = path.split('/')
  if (type !== 'Appointment') return null
  if (second === '$book' || second === '$hold')
    return () => book(repo, parameter('appointment')?.resource as Appointment | undefined, second === '$hold')
  if (second === '$cancel')
    return () => cancel(repo, parameter('appointment-reference')?.valueReference as Reference | undefined)
  if (third === '$confirm') return () => confirm(repo, second ?? '')
  return null
}

async function book(
  repo: MemoryRepository,
  proposed: Appointment | undefined,
  holds: boolean,
): Promise<FhirResponse> {
  const { contained = [], ...rest } = proposed ?? { resourceType: 'Appointment' }
  const wanted = contained.filter((one): one is Slot => one.resourceType === 'Slot')
  if (proposed === undefined || !proposed.start || !proposed.end) return [badRequest('Missing start or end')]
  if (wanted.length === 0 || proposed.slot !== undefined) return [badRequest('Missing contained slots')]
  const named = proposed.serviceType?.some(({ extension }) => extension?.some(({ url }) => url === SERVICE))
  if (!named) return [badRequest('No service type specified')]
  for (const { schedule, start, end } of wanted) {
    if (start !== proposed.start || end !== proposed.end) return [badRequest('Mismatched slot start times')]
    if (await isBusy(repo, schedule.reference ?? '', start, end)) return [notAvailable]
  }
  const status = holds ? 'busy-tentative' : 'busy'
  const slots: Slot[] = []
  for (const { id: _, ...slot } of wanted) slots.push(await repo.createResource<Slot>({ ...slot, status }))
  const appointment = await repo.createResource<Appointment>({
    ...(rest as Appointment),
    status: holds ? 'pending' : 'booked',
    slot: slots.map(({ id }) => ({ reference: `Slot/${id}` })),
  })
  return [created, bundleOf([appointment, ...slots])]
}

async function isBusy(
  repo: MemoryRepository,
  schedule: string,
  start: string,
  end: string,
): Promise<boolean> {
  const slots = await repo.searchResources<Slot>({ resourceType: 'Slot', count: 1000 })
  return slots.some(
    (slot) =>
      slot.schedule.reference === schedule &&
      slot.status.startsWith('busy') &&
      Date.parse(slot.start) < Date.parse(end) &&
      Date.parse(slot.end) > Date.parse(start),
  )
}

async function confirm(repo: MemoryRepository, id: string): Promise<FhirResponse> {
  const appointment = await repo.readResource<Appointment>('Appointment', id)
  if (appointment.status !== 'pending' && appointment.status !== 'proposed')
    return [conflict(`Appointment cannot be confirmed in '${appointment.status}' status`)]
  const slots: Slot[] = []
  for (const slot of await slotsOf(repo, appointment))
    slots.push(await repo.updateResource<Slot>({ ...slot, status: 'busy' }))
  const booked = await repo.updateResource<Appointment>({ ...appointment, status: 'booked' })
  return [allOk, bundleOf([booked, ...slots])]
}

async function cancel(repo: MemoryRepository, reference: Reference | undefined): Promise<FhirResponse> {
  const id = reference?.reference?.split('/')[1]
  if (id === undefined) return [badRequest("Expected required input parameter 'appointment-reference'")]
  const appointment = await repo.readResource<Appointment>('Appointment', id)
  if (appointment.status !== 'booked' && appointment.status !== 'pending')
    return [badRequest(`Appointment cannot be canceled in '${appointment.status}' status`)]
  const { slot: _, ...rest } = appointment
  const cancelled = await repo.updateResource<Appointment>({ ...rest, status: 'cancelled' } as Appointment)
  for (const slot of await slotsOf(repo, appointment)) await repo.deleteResource('Slot', slot.id ?? '')
  const result = { name: 'return', resource: bundleOf([cancelled]) }
  return [allOk, { resourceType: 'Parameters', parameter: [result] }]
}

async function slotsOf(repo: MemoryRepository, { slot = [] }: Appointment): Promise<Slot[]> {
  const ids = slot.map(({ reference }) => reference?.split('/')[1] ?? '')
  return Promise.all(ids.map((id) => repo.readResource<Slot>('Slot', id)))
}

function bundleOf(resources: (Appointment | Slot)[]): Bundle {
  return {
    resourceType: 'Bundle',
    type: 'transaction-response',
    entry: resources.map((resource) => ({ resource })),
  }
}
