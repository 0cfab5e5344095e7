/** `key rotate-master`: everything that the master key seals and wraps goes under a new one. */
import type { Config } from '../config.ts'
import { holdDataDir, type OwnerLock } from '../db/owner-lock.ts'
import { newKeyBeside } from '../db/seal.ts'
import { openInstallation } from '../installation.ts'
import { keepMasterKeys, replaceMasterKeys } from '../master-key-file.ts'
import { Failure } from '../model/failures.ts'
import { type Rotated, rotateMasterKey } from '../rotate-keys.ts'
import type { Command, Input } from './command.ts'

const POOL_MAX = 4

export const rotateMaster: Command = {
  name: 'key rotate-master',
  about: 'Put everything under a new master key',
  details: [
    'With SLOTBRIDGE_MASTER_KEY: set it to the new key, a comma and the old one, here and for every process that serves, and',
    'run this; then leave the old one out. Without it, and the embedded database: stop the program and run this, which makes',
    'the new key and keeps it in the data directory. Ended before it is done, it goes on when it is started again.',
    'docs/operations/secrets.md has it step by step.',
  ].join('\n'),
  run: async (input) => {
    const isGiven = input.config.masterKey !== null || input.config.databaseUrl !== null
    const { institutions, values } = isGiven ? await rotateGiven(input) : await rotateKept(input)
    input.terminal.say(`the keys of ${institutions} institutions and ${values} secrets are under the new key`)
    input.terminal.say(
      isGiven
        ? 'nothing is under the earlier key: leave it out of SLOTBRIDGE_MASTER_KEY'
        : 'the earlier key is gone from master.key; backups from before need it',
    )
    return 0
  },
}

/** The setting lists both: other processes run meanwhile. */
async function rotateGiven(input: Input): Promise<Rotated> {
  const { config } = input
  if (config.masterKey !== null && config.olderMasterKeys.length === 0)
    throw new Failure(
      'invalid_request',
      'SLOTBRIDGE_MASTER_KEY names one key: set it to the new one (openssl rand -base64 32), a comma and the old one.',
    )
  return await rotate(input, config)
}

/** The key file lists both while this runs, so that it can be ended at any moment. */
async function rotateKept(input: Input): Promise<Rotated> {
  // Nobody else runs on it: they would know the old key alone.
  using owner = holdDataDir(input.config.dataDir)
  const [first, ...others] = keepMasterKeys(owner.dataDir)
  const fresh = others.length > 0 ? first : newKeyBeside(first)
  if (others.length === 0) replaceMasterKeys(owner.dataDir, [fresh, first])
  const done = await rotate(input, input.config, owner)
  replaceMasterKeys(owner.dataDir, [fresh])
  return done
}

async function rotate({ terminal }: Input, config: Config, owner?: OwnerLock): Promise<Rotated> {
  const log = { info: terminal.note, warn: terminal.note }
  const options = {
    config: { ...config, databasePoolMax: POOL_MAX },
    log,
    ...(owner ? { owner } : { beside: true }),
  }
  await using installation = await openInstallation(options)
  return await rotateMasterKey(installation.database)
}
