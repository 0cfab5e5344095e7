/** What can be told. Names are NexHealth's where they have one; the last line of each list is ours. */

export const EVENT_NAMES = [
  'appointment_insertion.complete',
  'appointment_insertion.failed',
  'appointment_insertion.timed_out',
  'appointment_insertion.incomplete',
  'appointment_insertion.delayed',
  'appointment_created',
  'appointment_updated',
  'appointment_updated.failed',
  'appointment_updated.timed_out',
  'appointment_updated.incomplete',
  'patient_created',
  'patient_updated',
  'sync_status_read_change',
  'sync_status_write_change',
  'appointment_accepted',
  'conflict_detected',
  'patient_merged',
  'data_source_loaded',
  'appointment_insertion.needs_decision',
] as const
export type EventName = (typeof EVENT_NAMES)[number]

export type ResourceType = 'Appointment' | 'Patient' | 'SyncStatus' | 'DataSource'
