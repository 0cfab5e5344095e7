/** Parameters that several routes take, and how they are read. */
import { Type } from 'typebox'
import type { Tenant } from '../db/database.ts'
import { Failure } from '../model/failures.ts'
import type { Instant } from '../model/time.ts'
import { GivenDatetime, Id } from '../model/wire-basics.ts'
import { bearsOffset, isZone, readTime } from '../model/wire-time.ts'
import { findLocation, listLocations } from '../store/locations.ts'

const LIST_MAX = 1000

export const Subdomain = { subdomain: Type.Optional(Type.String()) }
export const IdParams = Type.Object({ id: Id })
export const Ids = Type.Array(Id, { maxItems: LIST_MAX })
export const Include = { include: Type.Optional(Type.Array(Type.String(), { maxItems: 50 })) }
export const UpdatedSince = { updated_since: Type.Optional(GivenDatetime) }

/** The includes asked for; those not offered are told. */
export function readIncludes<const T extends string>(
  asked: string[] | undefined,
  offered: readonly T[],
  warnings: string[],
): Set<T> {
  const unknown = (asked ?? []).filter((name) => !(offered as readonly string[]).includes(name))
  if (unknown.length > 0)
    warnings.push(
      `Note that following includes are ignored: ${unknown.map((name) => name.slice(0, 60)).join(', ')}.`,
    )
  return new Set(offered.filter((name) => asked?.includes(name)))
}

/** The zone that times without an offset are read in: `timezone`, else the location's, else the institution's first. */
export async function zoneOf(
  tx: Tenant,
  query: { timezone?: string | undefined; location_id?: number | undefined },
): Promise<string> {
  if (query.timezone !== undefined) {
    if (!isZone(query.timezone))
      throw new Failure('invalid_request', 'Parameter timezone is not an IANA zone')
    return query.timezone
  }
  const location = query.location_id === undefined ? null : await findLocation(tx, query.location_id)
  return location?.tz ?? (await listLocations(tx))[0]?.tz ?? 'UTC'
}

/** Reads datetimes by their parameter's name; every one that is wrong is told at once. */
export function readTimes<const Name extends string>(
  query: { [K in NoInfer<Name>]?: string | undefined },
  edges: Record<Name, 'first' | 'last'>,
  zone: string,
  warnings: string[],
): { [K in Name]?: Instant | undefined } {
  const read: { [K in Name]?: Instant | undefined } = {}
  const faults: string[] = []
  for (const name of Object.keys(edges) as Name[]) {
    const text = query[name]
    if (text === undefined) continue
    try {
      const time = readTime({ name, text, zone, edge: edges[name] })
      read[name] = time.instant
      warnings.push(...time.warnings)
    } catch (error) {
      if (!(error instanceof Failure)) throw error
      faults.push(...error.sentences)
    }
  }
  if (faults.length > 0) throw new Failure('invalid_request', faults)
  return read
}

/** The zone that these times are read in: asked for only where one of them has no offset. */
export async function zoneFor(
  times: (string | undefined)[],
  tx: Tenant,
  query: Parameters<typeof zoneOf>[1],
): Promise<string> {
  const isNeeded =
    query.timezone !== undefined || times.some((text) => text !== undefined && !bearsOffset(text))
  return isNeeded ? await zoneOf(tx, query) : 'UTC'
}

/** `updated_since` alone. */
export async function readUpdatedSince(
  tx: Tenant,
  query: { updated_since?: string | undefined; location_id?: number | undefined },
  warnings: string[],
): Promise<Instant | undefined> {
  if (query.updated_since === undefined) return undefined
  return readTimes(query, { updated_since: 'first' }, await zoneOf(tx, query), warnings).updated_since
}

/** Throws `not_found` where a location id in the query is none of the institution's. */
export async function refuseForeignLocation(tx: Tenant, locationId: number | undefined): Promise<void> {
  if (locationId !== undefined && !(await findLocation(tx, locationId)))
    throw new Failure('not_found', 'Location not found')
}
