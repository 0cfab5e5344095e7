/** The writes of an appointment as they are shown: with their attempts, and what was booked over by whose word. */
import type { Static } from 'typebox'
import type { Tenant } from '../db/database.ts'
import type { Write } from '../model/wire-sync.ts'
import { listOverrides } from '../store/overrides.ts'
import { listWrites } from '../store/writes.ts'

/** In the order in which they go. */
export async function showWrites(tx: Tenant, appointmentId: number): Promise<Static<typeof Write>[]> {
  const writes = await listWrites(tx, appointmentId)
  const overrides = await listOverrides(tx, appointmentId)
  return writes.map(({ state, ...write }) => ({
    ...write,
    status: state,
    overrides: overrides.get(write.id) ?? [],
  }))
}
