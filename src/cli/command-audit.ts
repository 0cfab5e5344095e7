/** The audit of commands: one that shows or changes something of patients leaves a row, which has no key and no method. */
import { randomUUID } from 'node:crypto'
import type { NewAudit } from '../store/audit.ts'

export interface AuditedCommand {
  institutionId: number
  /** `export` where it shows, `request` where it changes. */
  kind: 'export' | 'request'
  /** Its words, such as `data export`. */
  command: string
  /** Null: every patient of the institution. */
  patientIds: number[] | null
}

export function commandRow({ institutionId, kind, command, patientIds }: AuditedCommand): NewAudit {
  return {
    institutionId,
    kind,
    method: null,
    route: command,
    status: null,
    apiKeyId: null,
    requestId: randomUUID(),
    webhookEndpointId: null,
    patientIds: patientIds && [...new Set(patientIds)].sort((a, b) => a - b),
  }
}
