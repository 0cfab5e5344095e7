/**
 * Which Location is a site and which an operatory, and which Practitioner a PractitionerRole is. FHIR has one Location
 * for both (hl7.org/fhir/R4/location.html): its physical type decides, else `partOf`, and the configuration overrides.
 */
import type { ForeignId } from '../../model/records.ts'
import type { Features } from './capability.ts'
import type { Settings } from './configuration.ts'
import type { FhirHttp } from './http.ts'
import { timezoneOf } from './read-directory.ts'
import {
  type HealthcareService,
  type Location,
  type PractitionerRole,
  type Reference,
  readResource,
} from './resources.ts'
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
  readonly #features: Pick<Features, 'can'>
  readonly #locations = new Map<string, Location | null>()
  readonly #roles = new Map<string, PractitionerRole | null>()
  readonly #services = new Map<string, HealthcareService | null>()

  constructor(http: FhirHttp, settings: Settings, features: Pick<Features, 'can'>) {
    this.#http = http
    this.#features = features
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
    for (const map of [this.#locations, this.#roles, this.#services]) {
      for (const [id, found] of map) if (found === null) map.delete(id)
    }
  }

  /**
   * Reads the Locations (with what they are part of), roles and services named here that are not known yet, and where
   * those are. @throws Unavailable
   */
  async learn(references: Iterable<{ type: string; id: string }>): Promise<void> {
    const wanted = { PractitionerRole: new Set<string>(), HealthcareService: new Set<string>() }
    let locations = new Set<string>()
    for (const { type, id } of references) {
      if (type === 'PractitionerRole' && !this.#roles.has(id)) wanted.PractitionerRole.add(id)
      if (type === 'HealthcareService' && !this.#services.has(id)) wanted.HealthcareService.add(id)
      if (type === 'Location' && !this.#locations.has(id)) locations.add(id)
    }
    // Without them an appointment is only less exact: a server that keeps none must not stop everything.
    if (!this.#features.can('HealthcareService', 'search-type')) wanted.HealthcareService.clear()
    // Null first: one that is not there is asked for once.
    for (const id of wanted.PractitionerRole) this.#roles.set(id, null)
    for (const id of wanted.HealthcareService) this.#services.set(id, null)
    for (const raw of await fetchByIds(this.#http, 'PractitionerRole', wanted.PractitionerRole)) {
      const role = readResource('PractitionerRole', raw)
      if (!('misfit' in role)) this.keepRole(role)
    }
    for (const raw of await fetchByIds(this.#http, 'HealthcareService', wanted.HealthcareService)) {
      const service = readResource('HealthcareService', raw)
      if ('misfit' in service) continue
      this.#services.set(service.id, service)
      for (const id of this.#locationsIn(service.location)) if (!this.#locations.has(id)) locations.add(id)
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

  /** Where a HealthcareService is, null where it names no Location that we know, or several sites. */
  placeOfService(serviceId: string): Place | null {
    const places = this.#locationsIn(this.#services.get(serviceId)?.location)
      .map((id) => this.placeOf(id))
      .filter((place) => place !== null)
    const [first] = places
    if (first === undefined || places.some(({ site }) => site !== first.site)) return null
    // A service of one room is in that room; one of several is at their site.
    return places.length === 1 ? first : { operatory: null, site: first.site }
  }

  #locationsIn(references: Reference[] | undefined): string[] {
    return (references ?? []).flatMap((reference) => {
      const location = parseReference(reference, this.#settings.baseUrl)
      return location?.type === 'Location' ? [location.id] : []
    })
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

  /** The zone that a site's Location tells. */
  zoneAt(site: ForeignId | null): string | null {
    return site === null ? null : timezoneOf(this.#locations.get(site)?.extension)
  }

  #parentOf(location: Location): string | null {
    const parent = parseReference(location.partOf, this.#settings.baseUrl)
    return parent?.type === 'Location' ? parent.id : null
  }
}
