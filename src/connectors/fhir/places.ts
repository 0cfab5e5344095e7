/**
 * Which Location is a site and which an operatory, and which Practitioner a PractitionerRole is. FHIR has one Location
 * for both (hl7.org/fhir/R4/location.html): its physical type decides, else `partOf`, and the configuration overrides.
 */
import type { ForeignId } from '../../model/records.ts'
import type { Settings } from './configuration.ts'
import type { FhirHttp } from './http.ts'
import { type Location, type PractitionerRole, readResource } from './resources.ts'
import { fetchByIds } from './search.ts'
import { parseReference } from './values.ts'

/** Of HL7's location-physical-type: rooms and chairs. */
const OPERATORY_TYPES = new Set(['ro', 'bd'])
/** Sites and buildings. What is neither (wings, levels, corridors, vehicles, areas) is passed over. */
const SITE_TYPES = new Set(['si', 'bu'])
/** A chain of `partOf` longer than this is a circle. */
const DEEPEST = 10

export interface Place {
  /** The operatory, null where the Location is none. */
  operatory: ForeignId | null
  /** The site it is or lies in, null where none is known. */
  site: ForeignId | null
}

/** What one Location is. Configured sets win; an operatory may be configured alone, then sites go by their type. */
export function kindOf(
  location: Location,
  settings: Pick<Settings, 'locations' | 'operatories'>,
): 'site' | 'operatory' | 'neither' {
  if (settings.operatories?.has(location.id)) return 'operatory'
  if (settings.locations?.has(location.id)) return 'site'
  const codes = location.physicalType?.coding?.flatMap(({ code }) => (code === undefined ? [] : [code])) ?? []
  const isOperatory =
    codes.length > 0 ? codes.some((code) => OPERATORY_TYPES.has(code)) : location.partOf !== undefined
  if (isOperatory) return settings.operatories === null ? 'operatory' : 'neither'
  const isSite = codes.length > 0 ? codes.some((code) => SITE_TYPES.has(code)) : location.partOf === undefined
  return isSite && settings.locations === null ? 'site' : 'neither'
}

/** The Locations and PractitionerRoles seen so far; `learn` brings what is missing. */
export class Places {
  readonly #http: FhirHttp
  readonly #settings: Settings
  readonly #locations = new Map<string, Location | null>()
  readonly #roles = new Map<string, PractitionerRole | null>()

  constructor(http: FhirHttp, settings: Settings) {
    this.#http = http
    this.#settings = settings
  }

  keepLocation(location: Location): void {
    this.#locations.set(location.id, location)
  }

  keepRole(role: PractitionerRole): void {
    this.#roles.set(role.id, role)
  }

  /** What was not there is asked for again when it is next named. */
  forgetMissing(): void {
    for (const map of [this.#locations, this.#roles]) {
      for (const [id, found] of map) if (found === null) map.delete(id)
    }
  }

  /** Reads the Locations (with what they are part of) and roles named here that are not known yet. @throws Unavailable */
  async learn(references: Iterable<{ type: string; id: string }>): Promise<void> {
    const roles = new Set<string>()
    let locations = new Set<string>()
    for (const { type, id } of references) {
      if (type === 'PractitionerRole' && !this.#roles.has(id)) roles.add(id)
      if (type === 'Location' && !this.#locations.has(id)) locations.add(id)
    }
    if (roles.size > 0) {
      // Null first: one that is not there is asked for once.
      for (const id of roles) this.#roles.set(id, null)
      for (const raw of await fetchByIds(this.#http, 'PractitionerRole', roles)) {
        const role = readResource('PractitionerRole', raw)
        if (!('misfit' in role)) this.keepRole(role)
      }
    }
    for (let depth = 0; locations.size > 0 && depth < DEEPEST; depth++) {
      locations = await this.#learnLocations(locations)
    }
  }

  /** Reads these Locations; returns the parents that are still unknown. */
  async #learnLocations(ids: Set<string>): Promise<Set<string>> {
    for (const id of ids) this.#locations.set(id, null)
    const parents = new Set<string>()
    for (const raw of await fetchByIds(this.#http, 'Location', ids)) {
      const location = readResource('Location', raw)
      if ('misfit' in location) continue
      this.keepLocation(location)
      const parent = this.#parentOf(location)
      if (parent !== null && !this.#locations.has(parent)) parents.add(parent)
    }
    return parents
  }

  /** The Practitioner behind a role, null where the role or its practitioner is unknown. */
  practitionerOf(roleId: string): ForeignId | null {
    const role = this.#roles.get(roleId)
    const practitioner = parseReference(role?.practitioner, this.#settings.baseUrl)
    return practitioner?.type === 'Practitioner' ? practitioner.id : null
  }

  /** What a Location is to us; null where it is unknown, or outside the configured sites. */
  placeOf(locationId: string): Place | null {
    const location = this.#locations.get(locationId)
    if (location === undefined || location === null) return null
    const kind = kindOf(location, this.#settings)
    const site = this.siteOf(locationId)
    if (this.#settings.locations !== null && site === null && kind !== 'operatory') return null
    return { operatory: kind === 'operatory' ? locationId : null, site }
  }

  /** The nearest site at or above a Location. */
  siteOf(locationId: string): ForeignId | null {
    let id: string | null = locationId
    for (let depth = 0; id !== null && depth < DEEPEST; depth++) {
      const location = this.#locations.get(id)
      if (location === undefined || location === null) return null
      if (kindOf(location, this.#settings) === 'site') return id
      id = this.#parentOf(location)
    }
    return null
  }

  #parentOf(location: Location): string | null {
    const parent = parseReference(location.partOf, this.#settings.baseUrl)
    return parent?.type === 'Location' ? parent.id : null
  }
}
