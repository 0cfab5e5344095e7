/** `institution add|list|set`. */
import { inGlobal } from '../db/database.ts'
import type { Installation } from '../installation.ts'
import { Failure } from '../model/failures.ts'
import { createAccount, listAccounts } from '../store/accounts.ts'
import {
  createInstitution,
  type InstitutionChange,
  listInstitutions,
  updateInstitution,
} from '../store/institutions.ts'
import type { Command, Input, Option, Values } from './command.ts'
import { findInstitution, withInstallation } from './open.ts'
import { asJson, showMade, showRows } from './output.ts'

const settings: Record<string, Option> = {
  phone: { type: 'string', value: '<number>', about: 'Phone number' },
  country: { type: 'string', value: '<code>', about: 'Country, two letters (default US)' },
  'appointment-types-location-scoped': {
    type: 'string',
    value: 'on|off',
    about: 'Appointment types belong to a location (default off)',
  },
  'sync-notifications': {
    type: 'string',
    value: 'on|off',
    about: 'is_sync_notifications on the wire (default off)',
  },
  'notify-insert-fails': {
    type: 'string',
    value: 'on|off',
    about: 'notify_insert_fails on the wire (default off)',
  },
}

function readChange(values: Values): InstitutionChange {
  const country = values.text('country')
  if (country !== undefined && !/^[A-Z]{2}$/.test(country))
    throw new Failure('invalid_request', '--country must be two capital letters.')
  return {
    name: values.text('name'),
    phone_number: values.text('phone'),
    country_code: country,
    appointment_types_location_scoped: values.onOff('appointment-types-location-scoped'),
    is_sync_notifications: values.onOff('sync-notifications'),
    notify_insert_fails: values.onOff('notify-insert-fails'),
  }
}

const add: Command = {
  name: 'institution add',
  about: 'Make an institution, and an account that may see it',
  positionals: ['<subdomain>'],
  options: {
    name: { type: 'string', about: 'Name (default: the subdomain)' },
    account: {
      type: 'string',
      value: '<name or id>',
      about: 'Account that may see it; made where there is none of that name (default: default)',
    },
    ...settings,
    ...asJson,
  },
  async run(input) {
    const { values, positionals } = input
    const subdomain = positionals[0] ?? ''
    return await withInstallation(input, async (installation) => {
      const accountId = await keepAccount(installation, values.text('account') ?? 'default')
      const name = values.text('name') ?? subdomain
      const id = await createInstitution(installation.database, {
        ...readChange(values),
        accountId,
        subdomain,
        name,
      })
      showMade(
        input,
        { id, subdomain, account_id: accountId },
        `institution ${id} (${subdomain}) of account ${accountId}`,
      )
      return 0
    })
  },
}

/** The account of that name or id; made where the name is new. */
async function keepAccount({ database }: Installation, named: string): Promise<number> {
  return await inGlobal(database, async (tx) => {
    const known = (await listAccounts(tx)).find(({ id, name }) => name === named || String(id) === named)
    if (known) return known.id
    if (/^\d+$/.test(named)) throw new Failure('not_found', `There is no account ${named}.`)
    return await createAccount(tx, named)
  })
}

const list: Command = {
  name: 'institution list',
  about: 'List the institutions',
  options: asJson,
  async run(input) {
    const rows = await withInstallation(input, ({ database }) =>
      inGlobal(database, (tx) =>
        listInstitutions(tx, { accountId: null, institutionIds: null }, { limit: 10_000, offset: 0 }),
      ),
    )
    showRows(input, rows, {
      id: ({ id }) => id,
      subdomain: ({ subdomain }) => subdomain,
      name: ({ name }) => name,
      country: ({ country_code }) => country_code,
      made: ({ created_at }) => created_at,
    })
    return 0
  },
}

const set: Command = {
  name: 'institution set',
  about: 'Change settings of an institution',
  positionals: ['<subdomain>'],
  options: { name: { type: 'string', about: 'Name' }, ...settings },
  run: async (input: Input) =>
    await withInstallation(input, async (installation) => {
      const { id, subdomain } = await findInstitution(installation, input.positionals[0])
      const change = readChange(input.values)
      if (Object.values(change).every((value) => value === undefined))
        throw new Failure(
          'invalid_request',
          'Say what to change: ./slotbridge institution set --help lists it.',
        )
      await inGlobal(installation.database, (tx) => updateInstitution(tx, id, change))
      input.terminal.say(`institution ${id} (${subdomain}) changed`)
      return 0
    }),
}

export const institutionCommands: Command[] = [add, list, set]
