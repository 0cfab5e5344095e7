/** Which chains of the audit a command is about. */
import { inGlobal, inWork } from '../db/database.ts'
import type { Installation } from '../installation.ts'
import { Failure } from '../model/failures.ts'
import { INSTALLATION } from '../store/audit.ts'
import { type Head, listHeads } from '../store/audit-seals.ts'
import { listInstitutions } from '../store/institutions.ts'
import type { Input, Option } from './command.ts'

const INSTITUTIONS_MAX = 10_000

export const ofChain: Record<string, Option> = {
  institution: {
    type: 'string',
    value: '<subdomain>',
    about:
      'One chain, by subdomain or id, also of an institution that is gone; 0 is that of requests without one',
  },
}

export interface Chain {
  id: number
  /** Null where the institution is gone. */
  name: string | null
}

/** The chains that a command is about, in the order of their institutions. */
export async function chainsOf({ values }: Input, { database }: Installation): Promise<Chain[]> {
  const institutions = await inGlobal(database, (tx) =>
    listInstitutions(tx, { accountId: null, institutionIds: null }, { limit: INSTITUTIONS_MAX, offset: 0 }),
  )
  const names = new Map(institutions.map(({ id, subdomain }) => [id, subdomain]))
  names.set(INSTALLATION, 'installation')
  const ids = new Set([
    INSTALLATION,
    ...names.keys(),
    ...(await headsOf(database)).map(({ institution_id }) => institution_id),
  ])
  const all = [...ids].sort((a, b) => a - b).map((id) => ({ id, name: names.get(id) ?? null }))
  const named = values.text('institution')
  if (named === undefined) return all
  const found = all.filter(({ id, name }) => name === named || String(id) === named)
  if (found.length === 0) throw new Failure('not_found', `There is no institution ${named}.`)
  return found
}

export async function headsOf(database: Installation['database']): Promise<Head[]> {
  return await inWork(database, listHeads)
}
