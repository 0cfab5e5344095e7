/** Reading the directory: complete each time, merged in one transaction. */
import type { ZoneOf } from '../connectors/connector.ts'
import type { DirectoryRecord } from '../model/records.ts'
import { now, savePullProgress } from '../store/data-sources.ts'
import {
  adoptSoleLocation,
  type DirectoryMaps,
  loadDirectory,
  saveDescriptors,
  saveOperatories,
  saveProviders,
  saveWorkingHours,
} from '../store/directory-mirror.ts'
import type { Pull } from './at-work.ts'

/** Most things a directory may hold; beyond it the configuration is certainly wrong. */
const DIRECTORY_MAX = 100_000

/** Reads and merges the directory; answers the maps as they are then. */
export async function readDirectory({ hold, system, source, maps }: Pull): Promise<DirectoryMaps> {
  const records: DirectoryRecord[] = []
  const readAt = await hold.inTenant(now)
  const zoneOf: ZoneOf = (foreignId) => {
    const id = (foreignId === null ? undefined : maps.locations.get(foreignId)) ?? maps.soleLocation
    return id === null ? null : (maps.zones.get(id) ?? null)
  }
  for await (const record of system.directory(zoneOf)) {
    records.push(record)
    if (records.length > DIRECTORY_MAX)
      throw new Error(`the directory holds more than ${DIRECTORY_MAX} things`)
  }
  const of = <K extends DirectoryRecord['kind']>(kind: K) =>
    records.flatMap((one) =>
      one.kind === kind ? [one.record as Extract<DirectoryRecord, { kind: K }>['record']] : [],
    )
  return await hold.inTenant(async (tx) => {
    const [only, ...others] = of('location')
    if (only && others.length === 0) await adoptSoleLocation(tx, source.id, only.foreignId)
    const places = await loadDirectory(tx, source.id)
    await saveProviders(tx, source.id, of('provider'), places)
    await saveOperatories(tx, source.id, of('operatory'), places)
    await saveDescriptors(tx, source.id, of('descriptor'), places)
    await saveWorkingHours(tx, source.id, of('working_hour'), await loadDirectory(tx, source.id))
    await savePullProgress(tx, source.id, { directory_read_at: readAt })
    return await loadDirectory(tx, source.id)
  })
}
