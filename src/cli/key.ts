/** `key add|list|limit|revoke`. */
import { inGlobal } from '../db/database.ts'
import { Failure } from '../model/failures.ts'
import { isLimitName, LIMIT_WINDOWS, type Limits, NEXHEALTH_LIMITS } from '../model/rate-limits.ts'
import { SCOPES } from '../model/wire-scopes.ts'
import { createKey, limitKey, listAccounts, listKeys, revokeKey } from '../store/accounts.ts'
import type { Command, Input } from './command.ts'
import { findInstitution, readId, withInstallation } from './open.ts'
import { asJson, showMade, showRows } from './output.ts'

const limitOption = {
  limit: {
    type: 'string',
    value: '<name>=<requests>',
    multiple: true,
    about: `${Object.keys(LIMIT_WINDOWS).join(', ')} (a second the first two, a minute the others), or none`,
  },
} as const

/** NexHealth's limits where nothing is said; null for none. */
function readLimits(given: string[]): Limits | null {
  if (given.length === 0) return NEXHEALTH_LIMITS
  if (given.length === 1 && given[0] === 'none') return null
  const limits: Limits = {}
  for (const text of given) {
    const [name = '', count = ''] = text.split('=')
    if (!isLimitName(name) || !/^[1-9]\d{0,6}$/.test(count))
      throw new Failure(
        'invalid_request',
        `--limit must be none, or a name (${Object.keys(LIMIT_WINDOWS).join(', ')}), = and a number of requests.`,
      )
    limits[name] = Number(count)
  }
  return limits
}

function showLimits(limits: Limits | null): string {
  if (limits === null) return 'none'
  return Object.entries(limits)
    .map(([name, count]) => `${name}=${count}`)
    .join(',')
}

const add: Command = {
  name: 'key add',
  about: 'Make an API key and print it, this once',
  options: {
    name: { type: 'string', about: 'What it is for (default: key)' },
    account: { type: 'string', value: '<name or id>', about: 'Account (not needed where there is one only)' },
    scope: {
      type: 'string',
      value: '<scope>',
      multiple: true,
      about: `One of ${SCOPES.join(', ')} (default: all)`,
    },
    institution: {
      type: 'string',
      value: '<subdomain>',
      multiple: true,
      about: 'Only these institutions of the account (default: all of them)',
    },
    ...limitOption,
    ...asJson,
  },
  details: 'Without --limit a key has the limits that NexHealth documents.',
  run: async (input: Input) =>
    await withInstallation(input, async (installation) => {
      const { values } = input
      const limits = readLimits(values.list('limit'))
      const only = await Promise.all(
        values.list('institution').map((named) => findInstitution(installation, named)),
      )
      const scopes = values.list('scope')
      const made = await inGlobal(installation.database, async (tx) => {
        const accounts = await listAccounts(tx)
        return await createKey(tx, {
          accountId: chooseAccount(accounts, values.text('account')),
          name: values.text('name') ?? 'key',
          scopes: scopes.length > 0 ? scopes : SCOPES,
          institutionIds: only.length > 0 ? only.map(({ id }) => id) : null,
          limits,
        })
      })
      input.terminal.note(`key ${made.id}: it is shown this once and kept only as a hash`)
      showMade(input, made, made.key)
      return 0
    }),
}

function chooseAccount(accounts: { id: number; name: string }[], named: string | undefined): number {
  const fits =
    named === undefined ? accounts : accounts.filter(({ id, name }) => name === named || String(id) === named)
  const [only, ...others] = fits
  if (only && others.length === 0) return only.id
  if (accounts.length === 0)
    throw new Failure('invalid_request', 'There is no account: ./slotbridge institution add makes one.')
  if (named !== undefined) throw new Failure('not_found', `There is no account ${named}.`)
  throw new Failure(
    'invalid_request',
    `Say which with --account: ${accounts.map(({ name }) => name).join(', ')}.`,
  )
}

const list: Command = {
  name: 'key list',
  about: 'List the API keys, revoked ones included',
  options: asJson,
  run: async (input) => {
    const rows = await withInstallation(input, ({ database }) =>
      inGlobal(database, (tx) => listKeys(tx, null)),
    )
    showRows(input, rows, {
      id: ({ id }) => id,
      account: ({ account_id }) => account_id,
      name: ({ name }) => name,
      scopes: ({ scopes }) => scopes.join(','),
      institutions: ({ institution_ids }) => institution_ids?.join(',') ?? 'all',
      limits: ({ limits }) => showLimits(limits),
      made: ({ created_at }) => created_at,
      revoked: ({ revoked_at }) => revoked_at,
    })
    return 0
  },
}

const limit: Command = {
  name: 'key limit',
  about: 'Set how many requests an API key may send; it holds from the next request on',
  positionals: ['<id>'],
  options: limitOption,
  run: async (input) =>
    await withInstallation(input, async ({ database }) => {
      const id = readId(input.positionals[0], 'key')
      const limits = readLimits(input.values.list('limit'))
      if (!(await inGlobal(database, (tx) => limitKey(tx, id, limits))))
        throw new Failure('not_found', `There is no key ${id}.`)
      input.terminal.say(`key ${id}: limits ${showLimits(limits)}`)
      return 0
    }),
}

const revoke: Command = {
  name: 'key revoke',
  about: 'Revoke an API key; its tokens end with the next request',
  positionals: ['<id>'],
  run: async (input) =>
    await withInstallation(input, async ({ database }) => {
      const id = readId(input.positionals[0], 'key')
      if (!(await inGlobal(database, (tx) => revokeKey(tx, id))))
        throw new Failure('not_found', `There is no key ${id}.`)
      input.terminal.say(`key ${id} revoked`)
      return 0
    }),
}

export const keyCommands: Command[] = [add, list, limit, revoke]
