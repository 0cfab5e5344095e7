/** Reachable, which version, whose clock, and what is missing for what the configuration asks. */
import type { Probe } from '../connector.ts'
import type { Api } from './api.ts'
import type { Row } from './database.ts'
import type { Facts } from './facts.ts'
import { readMarks } from './marks.ts'
import type { Practice } from './practice.ts'
import { undecidedBlockouts } from './read-schedule.ts'
import { openWallClock } from './wall-clock.ts'

/** Clocks further apart than this are worth a word. */
const SKEW_MS = 120_000

/** @throws Unavailable where the database is not reached */
export async function probe(practice: Practice, api: Api | null): Promise<Probe> {
  const { context } = practice
  const before = context.now()
  const [clock] = await practice.database.rows(
    `select unix_timestamp() as at, timestampdiff(minute, utc_timestamp(),
      convert_tz(utc_timestamp(), '+00:00', @@global.time_zone)) as minutes, @@global.time_zone as zone, version() as server`,
  )
  const after = context.now()
  // It tells whole seconds: half of one is the best guess at the rest.
  const clockSkewMs = Math.round(Number(clock?.at) * 1000 + 500 - (before + after) / 2)
  await practice.refresh()
  const schema = await practice.schema()
  const facts = schema.missing.length === 0 ? await practice.facts() : null
  return {
    systemName: `Open Dental (${modeOf(api)})`,
    version: `${facts?.preferences.get('DataBaseVersion') ?? 'of an unknown version'} on ${clock?.server}`,
    clockSkewMs,
    missing: [
      ...schema.missing,
      ...zoneTrouble(practice, clock, after),
      ...(Math.abs(clockSkewMs) > SKEW_MS
        ? [`The clock of the database server is off by ${Math.round(clockSkewMs / 1000)} seconds.`]
        : []),
      ...(facts ? setUpTrouble(practice, facts) : []),
      ...(api ? await apiTrouble(api) : []),
    ],
    marks: facts ? await readMarks(practice.database) : {},
  }
}

function modeOf(api: Api | null): string {
  if (api === null) return 'read only: no API configured'
  const { mode, intervalMs } = api.settings
  const name = mode === 'remote' ? 'remote API' : "the practice's own API"
  return intervalMs === 0 ? name : `${name}, a request each ${intervalMs} ms`
}

function zoneTrouble(practice: Practice, clock: Row | undefined, now: number): string[] {
  const { serverZone } = practice.settings
  if (clock?.minutes === null || clock?.minutes === undefined)
    return clock?.zone === serverZone
      ? []
      : [`The database server keeps the zone ${clock?.zone}: set server_zone to it.`]
  const at = new Date(now).toISOString()
  const shown = Date.parse(`${openWallClock(serverZone).show(at).replace(' ', 'T')}Z`)
  const ours = Math.round((shown - now) / 60_000)
  if (ours === Number(clock.minutes)) return []
  return [
    `The database server's own clock is ${clock.minutes} minutes from UTC and ${serverZone} is ${ours}: set server_zone.`,
  ]
}

function setUpTrouble(practice: Practice, facts: Facts): string[] {
  const { settings } = practice
  const found: string[] = []
  if (facts.preferences.get('RandomPrimaryKeys') === '1')
    found.push('The practice gives out random keys (for replication): what is new cannot be told by its key.')
  if (facts.confirmAs === null)
    found.push('No definition for a confirmation is known: set confirm_definition.')
  for (const num of [...facts.confirmed])
    if (!facts.definitions.has(num) && settings.confirmedDefinitions?.includes(num))
      found.push(`There is no definition ${num}, which confirmed_definitions names.`)
  if (settings.confirmDefinition !== null && !facts.definitions.has(settings.confirmDefinition))
    found.push(`There is no definition ${settings.confirmDefinition}, which confirm_definition names.`)
  const undecided = undecidedBlockouts(facts, settings).map(({ defNum, name }) => `${defNum} (${name})`)
  if (undecided.length > 0)
    found.push(
      `Blockouts of the types ${undecided.join(', ')} block until blocking_blockouts or bookable_blockouts names them.`,
    )
  return found
}

/** Asks for something small, and for a change of nothing: the one tells the keys, the other the right to write. */
async function apiTrouble(api: Api): Promise<string[]> {
  const read = await api.ask('GET', 'operatories?Limit=1')
  if (read.kind !== 'answer') return [`${read.message} Nothing can be written until it is.`]
  if (read.status === 401 || read.status === 403)
    return [
      `The Open Dental API refuses the keys (${read.status}): is the customer key enabled at the practice?`,
    ]
  if (read.status !== 200)
    return [`The Open Dental API answers ${read.status}: is its service, or the eConnector, running?`]
  // No appointment has the key 0.
  const write = await api.ask('PUT', 'appointments/0', {})
  if (write.kind === 'answer' && (write.status === 401 || write.status === 403))
    return [
      'The API keys are of the read-only tier: writing takes one that may write appointments and patients.',
    ]
  return []
}
