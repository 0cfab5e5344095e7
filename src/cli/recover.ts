/** `recover`: after the database went back to a backup, so that nothing is written twice and no id is issued again. */
import { type Database, inGlobal, inTenant, inWork } from '../db/database.ts'
import { highWaterFile } from '../high-water.ts'
import { type HighWater, readHighWater, writeHighWater } from '../high-water-file.ts'
import { type Installation, openInstallation } from '../installation.ts'
import { Failure } from '../model/failures.ts'
import { beginEpoch, type HandedOut, listHandedOut, raiseIds, readLife } from '../store/high-water.ts'
import { listInstitutionIds } from '../store/institutions.ts'
import {
  countConnected,
  doubtWrites,
  type FoundBooking,
  listFound,
  raiseFences,
  rereadSources,
} from '../store/recovery.ts'
import { type Command, type Input, UsageError } from './command.ts'
import { asJson, showRows } from './output.ts'

const ID_MAX = 2_147_483_647
const FOUND_MAX = 10_000
const POOL_MAX = 4

export const recover: Command = {
  name: 'recover',
  about: 'Go on after the database was restored from a backup',
  options: {
    restored: { type: 'boolean', about: 'The database is back at an earlier time: make it safe to serve' },
    found: {
      type: 'boolean',
      about: 'List the bookings that were found again, made in the time that is lost',
    },
    'high-water': {
      type: 'string',
      value: '<file>',
      multiple: true,
      about: 'A high-water file; each machine that ran serve has one (default: the one of this machine)',
    },
    'ids-above': {
      type: 'string',
      value: '<n>',
      about: 'Hand out ids above this, where no high-water file is left',
    },
    ...asJson,
  },
  details: [
    'Stop every process first. Sequences leap over all that may have been handed out, every owed write is looked for in its',
    'record system before it is sent, cursors of events from before are refused, and everything is read again. After the',
    'next pulls, `recover --found` lists the bookings of the lost time. docs/operations/recovery.md tells the whole drill.',
  ].join('\n'),
  run: async (input) => {
    const { values } = input
    if (values.flag('restored') === values.flag('found'))
      throw new UsageError('Say --restored or --found.', 'recover')
    const log = { info: input.terminal.note, warn: input.terminal.note }
    const config = { ...input.config, databasePoolMax: POOL_MAX }
    // Not beside a running program: with the embedded database that one must be stopped, too.
    const options = { config, log, beside: values.flag('found') }
    await using installation = await openInstallation(options)
    return values.flag('found') ? await showFound(input, installation) : await restore(input, installation)
  },
}

/** Everything is safe to be done again; the epoch comes last, since it lets `serve` start. */
async function restore(input: Input, { database }: Installation): Promise<number> {
  const { terminal } = input
  const connected = await inGlobal(database, (tx) => countConnected(database, tx))
  if (connected > 0)
    throw new Failure(
      'invalid_request',
      `${connected} connections of Slotbridge are open to this database: stop every process (and what a pooler keeps open) first.`,
    )
  const files = filesOf(input)
  const life = await inGlobal(database, readLife)
  const known = files.flatMap((file) => (life.id === null ? [] : (readHighWater(file)[life.id] ?? [])))
  const handedOut = await inGlobal(database, listHandedOut)
  const ids = above(handedOut, known, input.values.whole('ids-above', 1, ID_MAX), files)
  const seen = Math.max(life.epoch, ...known.map(({ epoch }) => epoch))
  const { writes, sources, epoch } = await beginAnew(database, ids, seen)
  const [file] = files
  if (life.id !== null && file !== undefined)
    writeHighWater(file, life.id, { epoch, beat: life.beat, ids }, true)
  terminal.say(
    `ids go on above ${Math.max(0, ...Object.values(ids))} at most; none from before is issued again`,
  )
  terminal.say(`${writes} owed writes will be looked for before they are sent`)
  terminal.say(`${sources} data sources will be read from the start`)
  terminal.say(
    'start ./slotbridge serve; after the next pulls ./slotbridge recover --found lists what was booked meanwhile',
  )
  return 0
}

/**
 * Another life of the database: ids go on above those given, nobody holds a unit, everything owed is looked for, everything
 * read again. The epoch comes last: where these are several transactions, it lets `serve` start.
 */
export async function beginAnew(
  database: Database,
  ids: HandedOut,
  aboveEpoch: number,
): Promise<{ writes: number; sources: number; epoch: number }> {
  await inGlobal(database, (tx) => raiseIds(tx, ids))
  await inWork(database, raiseFences)
  let writes = 0
  let sources = 0
  for (const id of await inGlobal(database, listInstitutionIds))
    await inTenant(database, id, async (tx) => {
      writes += await doubtWrites(tx)
      sources += await rereadSources(tx)
    })
  return { writes, sources, epoch: await inGlobal(database, (tx) => beginEpoch(tx, aboveEpoch)) }
}

/** The high-water files that are named, or the one of this machine. */
export function filesOf({ config, values }: Input): string[] {
  const named = values.list('high-water')
  if (named.length > 0) return named
  return [highWaterFile(config) ?? []].flat()
}

/** For each sequence the greatest of what is known. @throws Failure where nothing is */
function above(
  handedOut: HandedOut,
  known: HighWater[],
  byHand: number | undefined,
  files: string[],
): HandedOut {
  if (known.length === 0 && byHand === undefined)
    throw new Failure(
      'invalid_request',
      `No high-water file of this installation is here (${files.join(', ') || 'none is kept'}): name one with --high-water, or say with --ids-above which ids were handed out for certain.`,
    )
  return Object.fromEntries(
    Object.entries(handedOut).map(([name, last]) => [
      name,
      Math.max(last, byHand ?? 0, ...known.map(({ ids }) => ids[name] ?? 0)),
    ]),
  )
}

async function showFound(input: Input, { database }: Installation): Promise<number> {
  const rows: FoundBooking[] = []
  for (const id of await inGlobal(database, listInstitutionIds))
    rows.push(...(await inTenant(database, id, (tx) => listFound(tx, FOUND_MAX))))
  showRows(input, rows, {
    appointment: ({ id }) => id,
    institution: ({ institution_id }) => institution_id,
    location: ({ location_id }) => location_id,
    'foreign id': ({ foreign_id }) => foreign_id,
    start: ({ start_time }) => start_time,
    cancelled: ({ cancelled }) => cancelled,
  })
  return 0
}
