/** The sites, operatories and providers of the server, read whole. */
import type { DirectoryRecord, ForeignId } from '../../model/records.ts'
import type { Settings } from './configuration.ts'
import type { FhirHttp } from './http.ts'
import { kindOf, type Places } from './places.ts'
import { readLocation, readOperatory, readPractitioner } from './read-directory.ts'
import { type Location, type PractitionerRole, readResource, type TypeName } from './resources.ts'
import { pagesOf } from './search.ts'
import { parseReference } from './values.ts'

/** Locations first. Inactive sites and Locations that are only a kind of place are left out. @throws Unavailable */
export async function* readDirectory(
  http: FhirHttp,
  settings: Settings,
  places: Places,
): AsyncGenerator<DirectoryRecord> {
  const locations: Location[] = []
  for await (const location of allOf(http, 'Location', settings)) {
    places.keepLocation(location)
    if (location.mode !== 'kind') locations.push(location)
  }
  for (const location of locations) {
    if (kindOf(location, settings) !== 'site' || location.status === 'inactive') continue
    yield { kind: 'location', record: readLocation(location) }
  }
  for (const location of locations) {
    if (kindOf(location, settings) !== 'operatory') continue
    yield { kind: 'operatory', record: readOperatory(location, places.siteOf(location.id)) }
  }
  const roles: PractitionerRole[] = []
  for await (const role of allOf(http, 'PractitionerRole', settings)) {
    places.keepRole(role)
    if (role.active !== false) roles.push(role)
  }
  const sites = sitesByPractitioner(roles, places, settings.baseUrl)
  for await (const practitioner of allOf(http, 'Practitioner', settings)) {
    const own = [...(sites.get(practitioner.id) ?? [])].sort()
    yield { kind: 'provider', record: readPractitioner(practitioner, own) }
  }
}

function sitesByPractitioner(
  roles: PractitionerRole[],
  places: Places,
  baseUrl: string,
): Map<ForeignId, Set<ForeignId>> {
  const sites = new Map<ForeignId, Set<ForeignId>>()
  for (const role of roles) {
    const practitioner = places.practitionerOf(role.id)
    if (practitioner === null) continue
    const own = sites.get(practitioner) ?? new Set()
    sites.set(practitioner, own)
    for (const reference of role.location ?? []) {
      const location = parseReference(reference, baseUrl)
      const site = location === null ? null : places.siteOf(location.id)
      if (site !== null) own.add(site)
    }
  }
  return sites
}

/** Every resource of a type that can be read; one that cannot has no place in a directory. */
export async function* allOf<T extends Exclude<TypeName, 'Bundle'>>(
  http: FhirHttp,
  type: T,
  settings: Settings,
) {
  for await (const page of pagesOf(http, `${type}?_count=${settings.pageSize}`)) {
    for (const { resource } of page.entries) {
      const read = readResource(type, resource)
      if (!('misfit' in read)) yield read
    }
  }
}
