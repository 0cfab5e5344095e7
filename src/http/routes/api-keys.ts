/** The account's API keys, for an admin key of it. A narrowed key sees and makes only keys no wider than itself. */
import { Type } from 'typebox'
import { inGlobal } from '../../db/database.ts'
import { Failure } from '../../model/failures.ts'
import { ApiKey, KeyCreation } from '../../model/wire-setup.ts'
import type { Caller } from '../../store/access.ts'
import { createKey, findKey, type ApiKey as KeyRow, listKeys, revokeKey } from '../../store/accounts.ts'
import { IdParams } from '../inputs.ts'
import { accountRoute } from '../route.ts'

const common = { face: 'ours', by: 'account', scope: 'admin' } as const

function isWithin(caller: Caller, institutionIds: number[] | null): boolean {
  const { institutionIds: mine } = caller
  if (mine === null) return true
  return institutionIds?.every((id) => mine.includes(id)) ?? false
}

/** A key may not make another that can do what it cannot, wherever. */
function refuseWider(caller: Caller, institutionIds: number[] | null): void {
  if (!isWithin(caller, institutionIds))
    throw new Failure(
      'forbidden',
      'The API key is narrowed to some institutions; institution_ids must be among them',
    )
}

function mayTouch(caller: Caller, key: KeyRow | null): key is KeyRow {
  return key !== null && key.account_id === caller.accountId && isWithin(caller, key.institution_ids)
}

export const apiKeyRoutes = [
  accountRoute({
    ...common,
    method: 'GET',
    path: '/api_keys',
    summary: "The account's keys, revoked ones included",
    data: Type.Array(ApiKey),
    async handle({ caller, context }) {
      const rows = await inGlobal(context.database, (tx) => listKeys(tx, caller.accountId))
      const data = rows.filter((row) => mayTouch(caller, row))
      return { data, count: data.length }
    },
  }),
  accountRoute({
    ...common,
    method: 'POST',
    path: '/api_keys',
    summary: 'Makes a key and answers it, this once',
    body: KeyCreation,
    data: ApiKey,
    shownOnce: ['key'],
    status: 201,
    async handle({ body, caller, context }) {
      const { name, scopes, institution_ids } = body.api_key
      const institutionIds = institution_ids ?? caller.institutionIds
      refuseWider(caller, institutionIds)
      const data = await inGlobal(context.database, async (tx) => {
        const { accountId, limits } = caller
        // It may send no more than the key that made it.
        const { id, key } = await createKey(tx, { accountId, name, scopes, institutionIds, limits })
        return { ...(await findKey(tx, id)), key }
      })
      return { data, status: 201 }
    },
  }),
  accountRoute({
    ...common,
    method: 'DELETE',
    path: '/api_keys/{id}',
    summary: 'Revokes a key; its tokens end with it',
    params: IdParams,
    data: ApiKey,
    async handle({ params, caller, context }) {
      const data = await inGlobal(context.database, async (tx) => {
        if (!mayTouch(caller, await findKey(tx, params.id)))
          throw new Failure('not_found', 'API key not found')
        await revokeKey(tx, params.id)
        return await findKey(tx, params.id)
      })
      return { data }
    },
  }),
]
