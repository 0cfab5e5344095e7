/** The connector, open on a practice that really runs. */

import type { Change, Insertion, Outcome, RecordSystem } from '../../../src/connectors/connector.ts'
import { sandboxConnector } from '../../../src/connectors/sandbox/sandbox-connector.ts'
import type { AppointmentRecord, ChangeRecord } from '../../../src/model/records.ts'
import { SANDBOX_KEY } from '../../../src/sandbox/key.ts'

export async function openConnector(url: string, more: Record<string, unknown> = {}): Promise<RecordSystem> {
  return sandboxConnector.open({ url, key: SANDBOX_KEY, ...more }, { now: () => Date.now() })
}

/** An insertion far beyond the seeded days: half an hour from `hour` (UTC) on a Tuesday in June. */
export function insertion(system: RecordSystem, hour: number, more: Partial<Insertion> = {}): Insertion {
  const at = (minutes: number): string => new Date(Date.UTC(2027, 5, 1, hour, minutes)).toISOString()
  return {
    marker: system.reserve(),
    patient: { foreignId: '1' },
    provider: '1',
    operatory: '1',
    location: null,
    start: at(0),
    end: at(30),
    unavailable: false,
    note: null,
    descriptors: [],
    overbook: false,
    ...more,
  }
}

export function written(outcome: Outcome): AppointmentRecord {
  if (outcome.kind !== 'written') throw new Error(`not written: ${JSON.stringify(outcome)}`)
  return outcome.record
}

/** Inserts an appointment and answers it as written. */
export async function inserted(system: RecordSystem, hour: number, more: Partial<Insertion> = {}) {
  return written(await system.insert(insertion(system, hour, more)))
}

type Asked = Change extends infer One
  ? One extends Change
    ? Omit<One, 'foreignId' | 'version'>
    : never
  : never

export function change(record: AppointmentRecord, asked: Asked, version = record.version): Change {
  return { foreignId: record.foreignId, version, ...asked } as Change
}

export async function collect<T>(source: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = []
  for await (const one of source) list.push(one)
  return list
}

/** Appointments in the order in which they came. */
export function appointments(records: ChangeRecord[]): AppointmentRecord[] {
  return records.flatMap((one) => (one.kind === 'appointment' ? [one.record] : []))
}
