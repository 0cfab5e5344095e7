/** The events of a data source turning green or red. */
import type { Tenant } from '../db/database.ts'
import { recordEvent } from '../store/events.ts'
import { listSourceStatus } from '../store/sync-status.ts'

/** Tells that a direction of a data source turned. The body is the sync object as `/sync_status` shows it. */
export async function tellStatus(tx: Tenant, sourceId: number, direction: 'read' | 'write'): Promise<void> {
  const [status] = (await listSourceStatus(tx)).filter((one) => one.id === sourceId)
  await recordEvent(tx, {
    name: direction === 'read' ? 'sync_status_read_change' : 'sync_status_write_change',
    resourceType: 'SyncStatus',
    subjectId: sourceId,
    body: { sync_status: status ?? null },
  })
}
