/** `location add|list|set`: a practice's sites and every setting of theirs. */
import { Failure } from '../model/failures.ts'
import { POLICIES } from '../model/wire-basics.ts'
import {
  createLocation,
  findLocation,
  type LocationChange,
  listLocations,
  updateLocation,
} from '../store/locations.ts'
import type { Command, Option, Values } from './command.ts'
import { ofInstitution, readId, withInstitution } from './open.ts'
import { asJson, showMade, showRows } from './output.ts'

/** Texts that are kept as they are, by flag. */
const texts = {
  name: 'name',
  tz: 'tz',
  'foreign-id': 'foreign_id',
  street: 'street_address',
  'street-2': 'street_address_2',
  city: 'city',
  state: 'state',
  zip: 'zip_code',
  country: 'country_code',
  phone: 'phone_number',
  email: 'email',
  specialty: 'specialty',
} as const

const switches = {
  inactive: 'inactive',
  'insert-appt-client': 'insert_appt_client',
  'map-by-operatory': 'map_by_operatory',
  'set-availability-by-operatory': 'set_availability_by_operatory',
} as const

const settings: Record<string, Option> = {
  name: { type: 'string', about: 'Name' },
  tz: { type: 'string', value: '<zone>', about: 'IANA time zone, such as America/New_York' },
  source: { type: 'string', value: '<id>', about: 'Data source whose site this is' },
  'foreign-id': { type: 'string', value: '<id>', about: "The site's id in that record system" },
  street: { type: 'string', about: 'Street address' },
  'street-2': { type: 'string', about: 'Second line of it' },
  city: { type: 'string', about: 'City' },
  state: { type: 'string', about: 'State' },
  zip: { type: 'string', about: 'Postal code' },
  country: { type: 'string', value: '<code>', about: 'Country, two letters (default US)' },
  latitude: { type: 'string', value: '<degrees>', about: 'Latitude' },
  longitude: { type: 'string', value: '<degrees>', about: 'Longitude' },
  phone: { type: 'string', value: '<number>', about: 'Phone number' },
  email: { type: 'string', about: 'E-mail address' },
  specialty: { type: 'string', about: 'Specialty (default Dental)' },
  inactive: { type: 'string', value: 'on|off', about: 'Closed to the API (default off)' },
  'insert-appt-client': {
    type: 'string',
    value: 'on|off',
    about: 'Bookings are written to the record system (default on)',
  },
  'map-by-operatory': { type: 'string', value: 'on|off', about: 'Bookings name an operatory (default on)' },
  'set-availability-by-operatory': {
    type: 'string',
    value: 'on|off',
    about: 'Working hours name an operatory (default off)',
  },
  'default-minutes': {
    type: 'string',
    value: '<minutes>|none',
    about: 'Length of a booking that names none; none refuses such bookings (default 30)',
  },
  'outside-hours': {
    type: 'string',
    value: 'allow|refuse',
    about: 'Bookings outside working hours (default allow)',
  },
  'promise-minutes-soon': {
    type: 'string',
    value: '<minutes>',
    about: 'A booking that starts within a day is late when not written after this (default 15)',
  },
  'promise-minutes': { type: 'string', value: '<minutes>', about: 'The same for later starts (default 120)' },
  'min-notice-minutes': {
    type: 'string',
    value: '<minutes>',
    about: 'Slots are offered from this long ahead on (default 0)',
  },
  'buffer-minutes': {
    type: 'string',
    value: '<minutes>',
    about: 'Slots keep this distance from whatever takes time (default 0)',
  },
  overbooking: {
    type: 'string',
    value: POLICIES.join('|'),
    about: 'How many may share a time: one, a limit, or any number (default strict)',
  },
  'operatory-limit': {
    type: 'string',
    value: '<number>',
    about: 'Under limit: at most so many in an operatory at one instant (default 1)',
  },
  'provider-limit': {
    type: 'string',
    value: '<number>',
    about: 'Under limit: at most so many of a provider at one instant (default 1)',
  },
}

function readChange(values: Values): LocationChange {
  const change: LocationChange = {}
  for (const [flag, field] of Object.entries(texts)) {
    const value = values.text(flag)
    if (value !== undefined) change[field] = value
  }
  for (const [flag, field] of Object.entries(switches)) {
    const value = values.onOff(flag)
    if (value !== undefined) change[field] = value
  }
  const source = values.text('source')
  if (source !== undefined) change.data_source_id = readId(source, 'data source')
  for (const name of ['latitude', 'longitude'] as const) {
    const value = values.text(name)
    if (value !== undefined) change[name] = readDegrees(name, value)
  }
  readRules(values, change)
  return change
}

function readRules(values: Values, change: LocationChange): void {
  const minutes = values.text('default-minutes')
  if (minutes !== undefined)
    change.default_minutes = minutes === 'none' ? null : (values.whole('default-minutes', 5, 1440) ?? null)
  const outside = values.text('outside-hours')
  if (outside !== undefined) {
    if (outside !== 'allow' && outside !== 'refuse')
      throw new Failure('invalid_request', '--outside-hours must be allow or refuse.')
    change.outside_hours = outside
  }
  const soon = values.whole('promise-minutes-soon', 1)
  if (soon !== undefined) change.promise_minutes_soon = soon
  const later = values.whole('promise-minutes', 1)
  if (later !== undefined) change.promise_minutes = later
  const notice = values.whole('min-notice-minutes', 0)
  if (notice !== undefined) change.min_notice_minutes = notice
  const buffer = values.whole('buffer-minutes', 0)
  if (buffer !== undefined) change.buffer_minutes = buffer
  readPolicy(values, change)
}

function readPolicy(values: Values, change: LocationChange): void {
  const given = values.text('overbooking')
  const policy = POLICIES.find((one) => one === given)
  if (given !== undefined && policy === undefined)
    throw new Failure('invalid_request', '--overbooking must be strict, limit or open.')
  if (policy !== undefined) change.overbooking = policy
  const operatory = values.whole('operatory-limit', 1, 100)
  if (operatory !== undefined) change.operatory_limit = operatory
  const provider = values.whole('provider-limit', 1, 100)
  if (provider !== undefined) change.provider_limit = provider
}

function readDegrees(name: string, value: string): number {
  const degrees = Number(value)
  const most = name === 'latitude' ? 90 : 180
  if (value.trim() === '' || !(Math.abs(degrees) <= most))
    throw new Failure('invalid_request', `--${name} must be degrees from -${most} to ${most}.`)
  return degrees
}

const add: Command = {
  name: 'location add',
  about: 'Make a location of an institution',
  options: { ...ofInstitution, ...settings, ...asJson },
  run: async (input) =>
    await withInstitution(input, async (tx, institution) => {
      const name = input.values.required('name')
      const tz = input.values.required('tz')
      const id = await createLocation(tx, { ...readChange(input.values), name, tz })
      showMade(input, { id, institution_id: institution.id }, `location ${id} of ${institution.subdomain}`)
      return 0
    }),
}

const list: Command = {
  name: 'location list',
  about: 'List the locations of an institution with their settings',
  options: { ...ofInstitution, ...asJson },
  run: async (input) => {
    const rows = await withInstitution(input, (tx) => listLocations(tx))
    showRows(input, rows, {
      id: ({ id }) => id,
      name: ({ name }) => name,
      tz: ({ tz }) => tz,
      source: ({ data_source_id }) => data_source_id,
      'foreign id': ({ foreign_id }) => foreign_id,
      'by operatory': ({ map_by_operatory }) => map_by_operatory,
      minutes: ({ default_minutes }) => default_minutes,
      'outside hours': ({ outside_hours }) => outside_hours,
      overbooking: ({ overbooking, operatory_limit, provider_limit }) =>
        overbooking === 'limit' ? `limit ${operatory_limit}/${provider_limit}` : overbooking,
      inactive: ({ inactive }) => inactive,
    })
    return 0
  },
}

const set: Command = {
  name: 'location set',
  about: 'Change settings of a location',
  positionals: ['<id>'],
  options: { ...ofInstitution, ...settings },
  run: async (input) =>
    await withInstitution(input, async (tx) => {
      const id = readId(input.positionals[0], 'location')
      const change = readChange(input.values)
      if (Object.keys(change).length === 0)
        throw new Failure('invalid_request', 'Say what to change: ./slotbridge location set --help lists it.')
      await updateLocation(tx, id, change)
      input.terminal.say(`location ${id} (${(await findLocation(tx, id))?.name}) changed`)
      return 0
    }),
}

export const locationCommands: Command[] = [add, list, set]
