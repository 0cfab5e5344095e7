/** Location, Practitioner and PractitionerRole as our directory. Pure. */
import type { ForeignId, LocationRecord, OperatoryRecord, ProviderRecord } from '../../model/records.ts'
import type { Extension, HumanName, Location, Practitioner } from './resources.ts'

/** HL7's extension for an IANA zone, on Location and elsewhere. */
const TIMEZONE_EXTENSION = 'http://hl7.org/fhir/StructureDefinition/timezone'
const NPI_SYSTEM = 'http://hl7.org/fhir/sid/us-npi'

export function readLocation(location: Location): LocationRecord {
  return { foreignId: location.id, name: location.name ?? location.id, zone: timezoneOf(location.extension) }
}

/** The IANA zone among a resource's extensions. */
export function timezoneOf(extensions: Extension[] | undefined): string | null {
  return extensions?.find(({ url }) => url === TIMEZONE_EXTENSION)?.valueCode ?? null
}

export function readOperatory(location: Location, site: ForeignId | null): OperatoryRecord {
  return {
    foreignId: location.id,
    name: location.name ?? location.id,
    location: site,
    active: (location.status ?? 'active') === 'active',
  }
}

/** `locations`: the sites of the practitioner's roles; empty means all. */
export function readPractitioner(practitioner: Practitioner, locations: ForeignId[]): ProviderRecord {
  const name = bestName(practitioner.name)
  const { first, middle, last } = partsOf(name)
  const parts = [...(name?.prefix ?? []), first, middle, last, ...(name?.suffix ?? [])]
  const whole = parts.filter((part) => part !== null && part !== '').join(' ')
  return {
    foreignId: practitioner.id,
    firstName: first,
    lastName: last,
    displayName: name?.text ?? (whole === '' ? practitioner.id : whole),
    npi: practitioner.identifier?.find((identifier) => identifier.system === NPI_SYSTEM)?.value ?? null,
    inactive: practitioner.active === false,
    locations,
  }
}

/** The name in use: official, then usual, then any that has not ended; `old` and `maiden` never. */
export function bestName(names: HumanName[] | undefined): HumanName | undefined {
  const current = (names ?? []).filter(
    ({ use, period }) => use !== 'old' && use !== 'maiden' && period?.end === undefined,
  )
  return (
    current.find(({ use }) => use === 'official') ??
    current.find(({ use }) => use === 'usual') ??
    current[0] ??
    names?.[0]
  )
}

/** First, middle and last name; a name that is only text is split at its last space. */
export function partsOf(name: HumanName | undefined): { first: string; middle: string | null; last: string } {
  if (name?.family === undefined && name?.given === undefined && name?.text !== undefined) {
    const [, first = '', last = ''] = /^(?:(.*) )?(\S+)$/.exec(name.text.trim()) ?? []
    return { first, middle: null, last }
  }
  const [first = '', ...middle] = name?.given ?? []
  return { first, middle: middle.length > 0 ? middle.join(' ') : null, last: name?.family ?? '' }
}
