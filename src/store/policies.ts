/** The overbooking policy of a location, as it is kept and as it is applied. */
import { sql } from 'kysely'
import type { Tenant } from '../db/database.ts'
import type { Policy } from '../scheduling/sharing.ts'

/** The columns of `locations`. */
export interface PolicyColumns {
  overbooking: 'strict' | 'limit' | 'open'
  /** At most so many at one instant, under `limit`. */
  operatory_limit: number
  provider_limit: number
}

export function policyOf({ overbooking, operatory_limit, provider_limit }: PolicyColumns): Policy {
  if (overbooking !== 'limit') return { kind: overbooking }
  return { kind: 'limit', operatory: operatory_limit, provider: provider_limit }
}

/** The policy of a location. Throws where there is no such location. */
export async function getPolicy(tx: Tenant, locationId: number): Promise<Policy> {
  const { rows } = await sql<PolicyColumns>`select overbooking, operatory_limit, provider_limit from locations
    where institution_id = ${tx.institutionId} and id = ${locationId}`.execute(tx.db)
  if (!rows[0]) throw new Error(`location ${locationId} is not there`)
  return policyOf(rows[0])
}
