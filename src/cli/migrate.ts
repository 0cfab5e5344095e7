/** `migrate`: brings the schema of the database at DATABASE_URL up to date. */
import { migrateInstallation } from '../installation.ts'
import type { Command } from './command.ts'

export const migrate: Command = {
  name: 'migrate',
  about: 'Bring the schema of the database at DATABASE_URL up to date',
  details: [
    'Logs in by DATABASE_DIRECT_URL, which must not go through a transaction pooler, as a login that may create roles and',
    'owns the database; where it may not, the error holds what an administrator runs once. Grants what the login in',
    'DATABASE_URL needs. Safe to run twice, and from several machines at once. The embedded database needs none of this.',
  ].join('\n'),
  async run({ config, terminal }) {
    const applied = await migrateInstallation(config)
    for (const name of applied) terminal.say(`applied ${name}`)
    if (applied.length === 0) terminal.say('nothing to apply')
    return 0
  },
}
