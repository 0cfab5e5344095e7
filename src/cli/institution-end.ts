/** `institution rotate-key|delete`: a new key for what an institution has sealed, and the end of it. */
import { inGlobal, inWork } from '../db/database.ts'
import { deleteInstitution } from '../delete-institution.ts'
import { Failure } from '../model/failures.ts'
import { rotateDataKey } from '../rotate-keys.ts'
import { appendAudit } from '../store/audit.ts'
import { findErasable } from '../store/erase.ts'
import { type Command, UsageError } from './command.ts'
import { commandRow } from './command-audit.ts'
import { findInstitution, listEveryInstitution, withInstallation } from './open.ts'

const rotate: Command = {
  name: 'institution rotate-key',
  about: 'Give institutions a new key, and seal anew what is under the one before',
  positionals: ['[<subdomain>…]'],
  options: { all: { type: 'boolean', about: 'Every institution, one after another' } },
  details: [
    'Nothing needs to stop: both keys open until everything is under the new one, and then the old one is forgotten. Ended',
    'before that, it goes on when it is started again. docs/operations/secrets.md tells more.',
  ].join('\n'),
  run: async (input) => {
    const { values, positionals } = input
    if (values.flag('all') === positionals.length > 0)
      throw new UsageError('Say which institutions, or --all.', 'institution rotate-key')
    return await withInstallation(input, async (installation) => {
      const chosen = values.flag('all')
        ? await listEveryInstitution(installation)
        : await Promise.all(positionals.map((named) => findInstitution(installation, named)))
      for (const { id, subdomain } of chosen) {
        const count = await rotateDataKey(installation.database, id)
        input.terminal.say(`institution ${id} (${subdomain}): ${count} values are under a new key`)
      }
      return 0
    })
  },
}

const remove: Command = {
  name: 'institution delete',
  about: 'Delete an institution with everything of it; nothing brings it back',
  positionals: ['<subdomain>'],
  options: {
    confirm: {
      type: 'string',
      value: '<subdomain>',
      about: 'The subdomain once more, so that it is no slip',
    },
  },
  details: [
    'Its key goes first: from then on it is not served, nothing of it is read, written or told, and its sealed copies cannot be',
    'opened. Its rows follow in batches; ended before that, it goes on when it is started again. The practice keeps its own',
    'data: nothing is changed in its record system. docs/operations/secrets.md tells what stays.',
  ].join('\n'),
  run: async (input) =>
    await withInstallation(input, async ({ database }) => {
      const named = input.positionals[0] ?? ''
      const found = await inGlobal(database, (tx) => findErasable(tx, named))
      if (!found) throw new Failure('not_found', `There is no institution ${named}.`)
      const { id, subdomain, is_begun } = found
      if (input.values.text('confirm') !== subdomain)
        throw new Failure('invalid_request', `Say --confirm ${subdomain} to delete it with everything of it.`)
      if (is_begun) input.terminal.note('it was begun before, and goes on')
      const row = {
        institutionId: id,
        kind: 'request',
        command: 'institution delete',
        patientIds: null,
      } as const
      await inWork(database, (tx) => appendAudit(tx, [commandRow(row)]))
      const erased = await deleteInstitution(database, found)
      const rows = Object.values(erased).reduce((sum, count) => sum + count, 0)
      input.terminal.say(`institution ${id} (${subdomain}) deleted: its key, and ${rows} rows`)
      return 0
    }),
}

export const institutionEndCommands: Command[] = [rotate, remove]
