/** How a command reaches the installation: the running program's database, or its own for as long as it takes. */
import { inGlobal, inTenant, type Tenant } from '../db/database.ts'
import { type Installation, openInstallation } from '../installation.ts'
import { Failure } from '../model/failures.ts'
import { type InstitutionRow, listInstitutions } from '../store/institutions.ts'
import type { Input, Option } from './command.ts'

/** Which institution a command is about. */
export const ofInstitution: Record<string, Option> = {
  institution: {
    type: 'string',
    value: '<subdomain>',
    about: 'Institution, by subdomain or id (not needed where there is one only)',
  },
}

/** A terminal command asks for little at once. */
const POOL_MAX = 4
/** Far beyond what a person can read. */
const INSTITUTIONS_MAX = 10_000

/** Runs `run` on the installation and closes it again. */
export async function withInstallation<T>(
  input: Input,
  run: (installation: Installation) => Promise<T>,
): Promise<T> {
  const log = { info: input.terminal.note, warn: input.terminal.note }
  const config = { ...input.config, databasePoolMax: POOL_MAX }
  await using installation = await openInstallation({ config, log, beside: true })
  return await run(installation)
}

/** Runs `run` in a tenant transaction of the institution that `--institution` names. */
export async function withInstitution<T>(
  input: Input,
  run: (tx: Tenant, institution: InstitutionRow, installation: Installation) => Promise<T>,
): Promise<T> {
  return await withInstallation(input, async (installation) => {
    const institution = await findInstitution(installation, input.values.text('institution'))
    return await inTenant(installation.database, institution.id, (tx) => run(tx, institution, installation))
  })
}

export async function listEveryInstitution({ database }: Installation): Promise<InstitutionRow[]> {
  return await inGlobal(database, (tx) =>
    listInstitutions(tx, { accountId: null, institutionIds: null }, { limit: INSTITUTIONS_MAX, offset: 0 }),
  )
}

/** @throws Failure where there is no such institution, or none was named and there is not exactly one */
export async function findInstitution(
  installation: Installation,
  named: string | undefined,
): Promise<InstitutionRow> {
  const all = await listEveryInstitution(installation)
  if (named === undefined) {
    const [only, ...others] = all
    if (only && others.length === 0) return only
    throw new Failure(
      'invalid_request',
      only
        ? `Say which with --institution: ${all.map(({ subdomain }) => subdomain).join(', ')}.`
        : 'There is no institution: make one with ./slotbridge institution add.',
    )
  }
  const found = all.find(({ id, subdomain }) => subdomain === named || String(id) === named)
  if (!found) throw new Failure('not_found', `There is no institution ${named}.`)
  return found
}

/** The id that was typed as a positional argument. */
export function readId(text: string | undefined, noun: string): number {
  const id = Number(text)
  if (!Number.isSafeInteger(id) || id < 1) throw new Failure('invalid_request', `${text} is no ${noun} id.`)
  return id
}
