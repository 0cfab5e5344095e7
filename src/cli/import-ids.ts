/** `import-ids`: the ids that a client already holds, kept before the first sync, so that nothing it stored must change. */
import { readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { type Database, inGlobal, inTenant, type Tenant } from '../db/database.ts'
import { highWaterFile, promiseAhead } from '../high-water.ts'
import { Failure } from '../model/failures.ts'
import { ruleOf, type StoredNoun, storedNouns } from '../model/stored-ids.ts'
import { listHandedOut, raiseIds } from '../store/high-water.ts'
import {
  countOpen,
  type Hindrance,
  isOnlyImport,
  keepIds,
  listHindrances,
  listLocationIds,
  listOpenTransactions,
  listTypedSources,
  renumberLocation,
  takeType,
} from '../store/stored-ids.ts'
import { type Command, type Input, UsageError } from './command.ts'
import { findInstitution, readId, withInstallation } from './open.ts'
import { readStoredIds, type StoredRow } from './stored-ids-file.ts'

/** Beyond this the rest is counted. */
const SHOWN_MAX = 100
/** How long an open transaction that may have drawn one of these ids is waited for. */
const WAIT_MS = 60_000

export const importIds: Command = {
  name: 'import-ids',
  about: 'Keep the ids that a client already holds, before the first sync',
  positionals: ['<file.csv>'],
  options: {
    subdomain: { type: 'string', value: '<subdomain>', about: 'Institution whose ids these are' },
    location: { type: 'string', value: '<id>', about: 'Location of rows that name none and need one' },
    'ids-above': {
      type: 'string',
      value: '<n>',
      about: 'Hand out ids above this too, where ids of other institutions are still to come',
    },
    'dry-run': { type: 'boolean', about: 'Check everything and keep nothing' },
  },
  details: [
    'Columns: noun, foreign_id_type, foreign_id, name, location_id, id; the first line names those that are there. Nouns:',
    `${storedNouns.join(', ')}.`,
    'What is mirrored later carries these ids, what is made later by that name too; all other ids begin above the highest.',
    'One row that does not fit, and nothing is kept. docs/moving-from-nexhealth.md tells the whole move.',
  ].join('\n'),
  run: async (input) => {
    const subdomain = input.values.text('subdomain')
    if (subdomain === undefined) throw new UsageError('Missing --subdomain.', 'import-ids')
    const typed = input.values.text('location')
    const location = typed === undefined ? null : readId(typed, 'location')
    const { rows, wrong } = readStoredIds(readText(input.positionals[0] ?? ''), location)
    if (wrong.length > 0) throw refusal(wrong)
    if (rows.length === 0) throw new Failure('invalid_request', 'The file holds no ids.')
    await withInstallation(input, async (installation) => {
      const institution = await findInstitution(installation, subdomain)
      await keepAll(input, installation.database, institution.id, rows)
    })
    return 0
  },
}

function readText(file: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(file))
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    throw new Failure('invalid_request', `${file} cannot be read as UTF-8 text: ${why}.`)
  }
}

function refusal(wrong: string[]): Failure {
  const more = wrong.length - SHOWN_MAX
  return new Failure('invalid_request', [
    ...wrong.slice(0, SHOWN_MAX),
    ...(more > 0 ? [`… and ${more} more`] : []),
    'Nothing was kept.',
  ])
}

class DryRun extends Error {}

/** Everything is one transaction; sequences alone stay where they were raised to, which does no harm. */
async function keepAll(
  input: Input,
  database: Database,
  institutionId: number,
  rows: StoredRow[],
): Promise<void> {
  const { terminal, values } = input
  const counts = new Map<StoredNoun, number>()
  const isDry = values.flag('dry-run')
  const above = aboveAll(rows, values.whole('ids-above', 1))
  await inTenant(database, institutionId, async (tx) => {
    if (!(await isOnlyImport(tx))) throw new Failure('invalid_request', 'Another import of ids is running.')
    const open = await placeTypes(tx, rows)
    await checkAll(tx, rows)
    if (!isDry) await leap(tx, database, above, rows)
    for (const [noun, some] of byNoun(rows)) counts.set(noun, await keepIds(tx, noun, some))
    if (isDry) throw new DryRun()
    const file = highWaterFile(input.config)
    if (file !== null) await promiseAhead(database, file)
    for (const type of open) terminal.say(`${type}: the next data source that is added takes it`)
  }).catch((error) => {
    if (!(error instanceof DryRun)) throw error
  })
  for (const [noun, some] of byNoun(rows)) {
    const fresh = counts.get(noun) ?? 0
    const before = some.length > fresh ? `, ${some.length - fresh} were kept before` : ''
    terminal.say(`${noun}: ${fresh} ids${before}; new ones begin above ${above[`${noun}_ids`]}`)
  }
  if (isDry) terminal.say('dry run: everything fits, nothing was kept')
}

function byNoun(rows: StoredRow[]): Map<StoredNoun, StoredRow[]> {
  return Map.groupBy(rows, ({ noun }) => noun)
}

/** By sequence: the highest id that is held of each noun, and what was asked for besides. */
function aboveAll(rows: StoredRow[], asked: number | undefined): Record<string, number> {
  const highest: Partial<Record<StoredNoun, number>> = {}
  for (const { noun, id } of rows) highest[noun] = Math.max(highest[noun] ?? 0, id)
  const entries = storedNouns.flatMap((noun) => {
    const least = Math.max(highest[noun] ?? 0, Math.min(asked ?? 0, ruleOf(noun).idMax))
    return least > 0 ? [[`${noun}_ids`, least] as const] : []
  })
  return Object.fromEntries(entries)
}

/**
 * The institution's only data source takes the file's only type, where nothing was read from it yet.
 * @returns types that are for a data source to come
 */
async function placeTypes(tx: Tenant, rows: StoredRow[]): Promise<string[]> {
  const sources = await listTypedSources(tx)
  const types = new Set(rows.flatMap(({ foreignIdType }) => foreignIdType ?? []))
  for (const { foreign_id_type: borne } of sources) types.delete(borne)
  const [type, ...others] = types
  const [source, ...more] = sources
  if (type === undefined || source === undefined) return [...types]
  if (others.length > 0 || more.length > 0) return [...types]
  if (!source.isNew)
    throw refusal([
      `Data source ${source.id} was read already, as ${source.foreign_id_type}: ids of ${type} are another data source's. Its own go by its own type.`,
    ])
  await takeType(tx, source.id, type)
  return []
}

/** @throws Failure naming each row that cannot be kept with its line */
async function checkAll(tx: Tenant, rows: StoredRow[]): Promise<void> {
  const known = new Set(await listLocationIds(tx))
  for (const { noun, id } of rows) if (noun === 'location') known.add(id)
  const wrong: [number, string][] = []
  for (const { line, locationId } of rows)
    if (locationId !== null && !known.has(locationId))
      wrong.push([line, `there is no location ${locationId}`])
  for (const [noun, some] of byNoun(rows)) {
    const lines = new Map(some.map((row) => [row.id, row]))
    for (const [id, hindrances] of Map.groupBy(await listHindrances(tx, noun, some), ({ id }) => id)) {
      const [first] = hindrances
      const row = lines.get(id)
      if (!row || !first || (await isRenumbered(tx, hindrances))) continue
      wrong.push([row.line, sentenceOf(first, row)])
    }
  }
  if (wrong.length === 0) return
  wrong.sort(([a], [b]) => a - b)
  throw refusal(wrong.map(([line, why]) => `line ${line}: ${why}`))
}

/** A location must be entered before its data source can be read: as long as nothing refers to it, it takes its id. */
async function isRenumbered(tx: Tenant, hindrances: Hindrance[]): Promise<boolean> {
  const [one, ...others] = hindrances
  if (one?.noun !== 'location' || one.why !== 'here_as' || others.length > 0) return false
  return await renumberLocation(tx, Number(one.other), one.id)
}

function sentenceOf({ noun, id, why, other }: Hindrance, { knownAs }: StoredRow): string {
  switch (why) {
    case 'here_as':
      return `${noun} ${knownAs} is here already, as ${other}`
    case 'holds':
      return `id ${id} is that of ${noun} ${other} already`
    case 'kept_as':
      return `the id ${other} is kept for ${noun} ${knownAs} already`
    case 'kept_for':
      return `id ${id} is kept for ${noun} ${other} already`
    case 'elsewhere':
      return `${noun} id ${id} is another institution's already`
  }
}

/**
 * Lets sequences leap over the ids. Where one lies below what was handed out, a transaction that is still open may have drawn
 * it: such are waited for, and everything is checked again.
 */
async function leap(
  tx: Tenant,
  database: Database,
  above: Record<string, number>,
  rows: StoredRow[],
): Promise<void> {
  const handedOut = await inGlobal(database, listHandedOut)
  await inGlobal(database, (global) => raiseIds(global, above))
  if (rows.every(({ noun, id }) => id > (handedOut[`${noun}_ids`] ?? 0))) return
  const open = await listOpenTransactions(tx)
  const limit = Date.now() + WAIT_MS
  while ((await countOpen(tx, open)) > 0) {
    if (Date.now() > limit)
      throw new Failure(
        'unavailable',
        'Transactions have been open for a minute that may have drawn one of these ids: try again.',
      )
    await delay(50)
  }
  await checkAll(tx, rows)
}
