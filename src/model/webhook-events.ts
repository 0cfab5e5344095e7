/**
 * What can be subscribed to: NexHealth's resource types and base names, and which of our events each of them gets.
 * A name of theirs that we never tell is known and gets nothing, so that a client's set-up goes through.
 */
import { EVENT_NAMES, type EventName } from './events.ts'

/** By resource type: the names that can be subscribed to. Names of ours come last. */
const catalogue: Record<string, readonly string[]> = {
  Appointment: [
    'appointment_insertion',
    'appointment_created',
    'appointment_updated',
    'appointment_requested',
    'appointment_accepted',
    'conflict_detected',
  ],
  Patient: ['patient_created', 'patient_updated', 'patient_merged'],
  SyncStatus: ['sync_status_read_change', 'sync_status_write_change'],
  DataSource: ['data_source_loaded'],
  PatientInsuranceCoverage: ['patient_insurance_created', 'patient_insurance_updated'],
  Procedure: changesOf('procedure'),
  ProcedureCode: [...changesOf('procedure_code'), 'procedure_code_deleted'],
  Document: ['document_insertion'],
  FormResponse: ['form_response_insertion'],
  FormRequest: ['form_request_completed'],
  Message: [...changesOf('message'), ...changesOf('conversation')],
  Payment: [...changesOf('payment'), 'payment_deleted', 'payment_insertion'],
  PaymentType: [...changesOf('payment_type'), 'payment_type_deleted'],
  Charge: [...changesOf('charge'), 'charge_deleted'],
  Claim: [...changesOf('claim'), 'claim_deleted'],
  Adjustment: [...changesOf('adjustment'), 'adjustment_deleted', 'adjustment_insertion'],
  AdjustmentType: [...changesOf('adjustment_type'), 'adjustment_type_deleted'],
  FeeSchedule: [...changesOf('fee_schedule'), 'fee_schedule_deleted'],
  TreatmentPlan: [...changesOf('treatment_plan'), 'treatment_plan_deleted'],
  Onboarding: ['onboarding_created', 'onboarding_updated', 'onboarding_availability_ready'],
  Provider: changesOf('provider'),
  WorkingHour: changesOf('working_hour'),
}

function changesOf(noun: string): string[] {
  return [`${noun}_created`, `${noun}_updated`]
}

/** Outcomes that a base name gets only where the subscription names them in full. */
const ONLY_BY_NAME: ReadonlySet<string> = new Set<EventName>([
  'appointment_insertion.delayed',
  'appointment_insertion.needs_decision',
])

export interface Subscribable {
  /** As NexHealth spells it, whatever case was sent. */
  resourceType: string
  event: string
  /** The names of events that it is told; empty for what we never tell. */
  names: EventName[]
}

/**
 * Reads what a subscription asks for; resource types in any case.
 * @returns sentences where it cannot be subscribed to
 */
export function readSubscribable(resourceType: string, event: string): Subscribable | string[] {
  const found = Object.keys(catalogue).find((name) => name.toLowerCase() === resourceType.toLowerCase())
  if (!found) return [`Parameter resource_type must be one of ${Object.keys(catalogue).join(', ')}`]
  const bases = catalogue[found] ?? []
  const exact = EVENT_NAMES.find((name) => name === event)
  const base = event.split('.')[0] ?? ''
  if (!bases.includes(base) || (base !== event && !exact))
    return [`Parameter event must be one of ${bases.join(', ')} for ${found}`]
  const names = base !== event && exact ? [exact] : EVENT_NAMES.filter((name) => isToldTo(base, name))
  return { resourceType: found, event, names }
}

function isToldTo(base: string, name: EventName): boolean {
  return name === base || (name.startsWith(`${base}.`) && !ONLY_BY_NAME.has(name))
}
