/** The key sets of NexHealth's own answers, as its documentation and live clients show them (wire reference, 3 to 8). */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { ahead, type Served, serve } from './served.ts'

let s: Served
let base: { subdomain: string; location_id: number }
beforeAll(async () => {
  s = await serve()
  base = { subdomain: s.subdomain, location_id: s.locationId }
  await s.t.look(
    `insert into working_hours (institution_id, location_id, provider_id, operatory_id, source, begin_time, end_time, days)
     values ($1, $2, $3, $4, 'manual', '09:00', '12:00', '{Monday}')`,
    [s.institutionId, s.locationId, s.providerId, s.operatoryId],
  )
  const appt = {
    patient_id: s.patientId,
    provider_id: s.providerId,
    operatory_id: s.operatoryId,
    start_time: ahead(5),
    appointment_type_id: s.typeId,
    descriptor_ids: [s.descriptorId],
  }
  await s.ask('POST', '/appointments', { query: base, body: { appt } })
})
afterAll(async () => await s[Symbol.asyncDispose]())

const words = (text: string) => text.trim().split(/\s+/).sort()
const keysOf = (value: object) => Object.keys(value).sort()
const read = async (path: string, version = 'v2', query: object = {}) =>
  (await s.ask('GET', path, { version, query: { subdomain: s.subdomain, ...query } as never })).body

const basicLocation = words(
  'city email id inactive name phone_number state street_address street_address_2 zip_code',
)
const location =
  words(`city country_code created_at email foreign_id foreign_id_type id inactive insert_appt_client
  institution_id last_sync_time latitude longitude map_by_operatory name phone_number set_availability_by_operatory
  specialty state street_address street_address_2 tz updated_at zip_code`)
const bio =
  words(`address_line_1 address_line_2 cell_phone_number city date_of_birth gender home_phone_number new_patient
  non_patient phone_number state street_address work_phone_number zip_code`)
const person =
  words(`billing_type bio chart_id created_at email first_name foreign_id foreign_id_type guarantor_id id
  inactive institution_id last_name last_sync_time middle_name name preferred_language updated_at`)
const provider =
  words(`availabilities bio created_at display_name email first_name foreign_id foreign_id_type id inactive
  institution_id last_name last_sync_time locations middle_name name npi provider_requestables specialty_code
  state_license tin updated_at`)
const hour =
  words(`active appointment_types begin_time custom_recurrence days end_time id location_id operatory_id
  provider_id specific_date tz_offset`)
const operatory =
  words(`active bookable_online created_at display_name foreign_id foreign_id_type id last_sync_time
  location_id name updated_at`)
const descriptor =
  words(`active code created_at data descriptor_type foreign_id foreign_id_type id last_sync_time
  location_id name updated_at`)
const type = words('bookable_online id minutes name parent_id parent_type')

it('shows institutions and locations with their keys', async () => {
  const institutions = await read('/institutions')
  expect(keysOf(institutions)).toEqual(words('code count data description error'))
  expect(keysOf(institutions.data[0])).toEqual(
    words(`appointment_types_location_scoped country_code created_at emrs id is_sync_notifications locations name
      notify_insert_fails phone_number subdomain updated_at`),
  )
  expect(keysOf(institutions.data[0].locations[0])).toEqual(basicLocation)
  expect(keysOf((await read('/locations')).data[0])).toEqual(words('id locations name subdomain'))
  expect(keysOf((await read('/locations')).data[0].locations[0])).toEqual(location)
  expect(keysOf((await read(`/locations/${s.locationId}`)).data)).toEqual(location)
})

it('shows providers and operatories with their keys in both versions', async () => {
  const include = ['locations', 'availabilities']
  const v2 = (await read('/providers', 'v2', { include })).data[0]
  expect(keysOf(v2)).toEqual([...provider, 'nexhealth_specialty'].sort())
  expect(keysOf(v2.availabilities[0])).toEqual([...hour, 'synced'].sort())
  const list = await read('/providers', 'v20240412', { include })
  expect(keysOf(list)).toEqual(words('code data description error page_info'))
  expect(keysOf(list.page_info)).toEqual(words('end_cursor has_next_page has_previous_page start_cursor'))
  expect(keysOf(list.data[0])).toEqual(provider)
  expect(keysOf(list.data[0].availabilities[0])).toEqual([...hour, 'label', 'source'].sort())
  expect(keysOf(list.data[0].bio)).toEqual(bio)
  expect(keysOf((await read(`/providers/${s.providerId}`, 'v3.0.0', { include })).data)).toEqual(provider)
  for (const version of ['v2', 'v3.0.0'])
    expect(keysOf((await read('/operatories', version, base)).data[0])).toEqual(operatory)
})

it('shows patients with their keys in both versions', async () => {
  const hipaa = words('authorization authorization_date consent consent_date privacy privacy_date')
  const v2 = (await read('/patients', 'v2', base)).data.patients[0]
  const more = words('balance location_ids preferred_locale provider_id unsubscribe_sms')
  expect(keysOf(v2)).toEqual([...person, ...more].sort())
  expect(keysOf(v2.bio)).toEqual(bio)
  const v3 = (await read('/patients', 'v20240412', base)).data[0]
  expect(keysOf(v3)).toEqual([...person, 'hipaa', 'provider_id'].sort())
  expect(keysOf(v3.hipaa)).toEqual(hipaa)
  const include = ['upcoming_appts', 'address']
  const one = (await read(`/patients/${s.patientId}`, 'v20240412', { include })).data
  expect(keysOf(one)).toEqual(
    [...person, ...words('address hipaa location_ids provider_id upcoming_appts')].sort(),
  )
  expect(keysOf(one.upcoming_appts[0])).toEqual(
    words('confirmed end_time id location_id provider_id provider_name start_time'),
  )
  expect(keysOf(one.address)).toEqual(words('city line_1 line_2 postal_code region'))
  const made = await s.ask('POST', '/patients', {
    query: base,
    body: {
      provider: { provider_id: s.providerId },
      patient: {
        first_name: 'Teo',
        last_name: 'Marchetti',
        email: 'teo@example.com',
        bio: { date_of_birth: '2001-09-14', phone_number: '5035550177' },
      },
    },
  })
  expect(keysOf(made.body.data.user)).toEqual([...person, 'location_ids', 'preferred_locale'].sort())
})

it('shows what stands in an appointment with its keys', async () => {
  const { data } = await read('/appointments', 'v2', {
    ...base,
    start: ahead(1),
    end: ahead(9),
    include: ['operatory', 'appointment_type', 'guarantor'],
  })
  const [one] = data
  expect(keysOf(one.patient)).toEqual([...person, 'guarantor'].sort())
  expect(keysOf(one.operatory)).toEqual(operatory)
  expect(keysOf(one.appointment_type)).toEqual(type)
  expect(keysOf(one.descriptors[0])).toEqual(descriptor)
  expect(one.descriptors[0].data).toEqual({})
  expect([one.procedures, one.booking_details]).toEqual([[], null])
  expect(one.misc).toEqual({ is_booked_on_nexhealth: true, booked_by_api_user_id: s.keyId })
  expect(one.start_time).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
  expect(one.timezone_offset).toMatch(/^-[45]:00$/)
  const path = `/locations/${s.locationId}/appointment_descriptors`
  expect(keysOf((await read(path)).data[0])).toEqual(descriptor)
  expect(keysOf((await read('/appointment_types', 'v2', base)).data[0])).toEqual(type)
})

it('shows the sync with NexHealth’s keys and ours beside them', async () => {
  const [one] = (await read('/sync_status')).data
  const theirs =
    words(`emr institution_id locations read_status read_status_at sync_source_name sync_source_type
    write_status write_status_at`)
  expect(keysOf(one)).toEqual(
    [...theirs, ...words('data_as_of loaded_at read_reason write_reason set_aside')].sort(),
  )
  expect(keysOf(one.emr)).toEqual(words('display_name id name type'))
  expect(keysOf(one.locations[0])).toEqual(basicLocation)
})
