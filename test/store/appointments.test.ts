import { sql } from 'kysely'
import { expect, it } from 'vitest'
import { capture } from '../../src/cli/bench-capture.ts'
import { seedRead } from '../../src/cli/bench-read-seed.ts'
import { inTenant, inTenantReading, type Tenant } from '../../src/db/database.ts'
import type { ShownAppointment } from '../../src/model/appointment.ts'
import { type AppointmentFilter, listAppointments, showAppointments } from '../../src/store/appointments.ts'
import { testDatabase } from '../support/database.ts'

interface PlanNode {
  Alias?: string
  'Actual Rows': number
  'Actual Loops': number
  Plans?: PlanNode[]
}

/** How many rows of `appointments a` a plan took up. */
function rowsRead(node: PlanNode): number {
  const own = node.Alias === 'a' ? node['Actual Rows'] * node['Actual Loops'] : 0
  return own + (node.Plans ?? []).reduce((sum, child) => sum + rowsRead(child), 0)
}

it('reads no more of a large window than the page, by the plan that PostgreSQL makes once for all values', async () => {
  await using t = await testDatabase()
  const { institutionId, locationId, start, end } = await seedRead(t.database, 4_000)
  await t.look('vacuum analyze')
  const filter: AppointmentFilter = { start, end, locationId }
  const list = (tx: Tenant) => listAppointments(tx, filter, { limit: 50, offset: 0, sort: 'start_time' })
  const { statements } = await capture(t.database, () => inTenantReading(t.database, institutionId, list))
  const { text, values } = statements.find((one) => one.text.includes('limit')) ?? { text: '', values: [] }
  const given = values.map((value) => `'${value}'`)
  const plan = await inTenant(t.database, institutionId, async ({ db }) => {
    await sql`set local plan_cache_mode = force_generic_plan`.execute(db)
    await sql.raw(`prepare page as ${text}`).execute(db)
    const explain = `explain (analyze, format json) execute page (${given.join(',')})`
    const { rows } = await sql.raw<{ 'QUERY PLAN': { Plan: PlanNode }[] }>(explain).execute(db)
    await sql.raw('deallocate page').execute(db)
    return rows[0]?.['QUERY PLAN'][0]?.Plan
  })
  expect(plan && rowsRead(plan)).toBe(50)
})

/** What is shown under another name than its column's. */
const NAMED: Partial<Record<keyof ShownAppointment, string>> = {
  start_time: 'starts_at',
  end_time: 'ends_at',
  created_by_user_id: 'booked_by_api_key_id',
}
const FLAGS = [
  ...[
    'confirmed',
    'patient_confirmed',
    'patient_missed',
    'cancelled',
    'checked_out',
    'unavailable',
    'is_guardian',
  ],
  ...['is_new_clients_patient', 'sooner_if_possible', 'deleted'],
] as const
const INSTANTS = [
  ...[
    'start_time',
    'end_time',
    'confirmed_at',
    'patient_confirmed_at',
    'cancelled_at',
    'checkin_at',
    'checked_out_at',
  ],
  ...['created_at', 'updated_at', 'last_sync_time'],
] as const
const OTHERS = [
  ...[
    'id',
    'patient_id',
    'provider_id',
    'operatory_id',
    'appointment_type_id',
    'institution_id',
    'location_id',
  ],
  ...['created_by_user_id', 'note', 'referrer', 'foreign_id'],
] as const

it('shows each column under its own name, whatever is set and whatever is not', async () => {
  await using t = await testDatabase()
  // Ids that no two things of the fixture share.
  const sequences = ['location_ids', 'operatory_ids', 'provider_ids', 'patient_ids', 'appointment_ids']
  for (const [at, name] of sequences.entries())
    await t.look(`alter sequence ${name} restart ${(at + 1) * 10_000}`)
  const { institutionId } = await seedRead(t.database, 600)
  const changes = [
    ...[...FLAGS].map((name) => `${name} = true`),
    ...[...INSTANTS].map(
      (name, at) =>
        `${NAMED[name as keyof ShownAppointment] ?? name} = '2030-01-0${1 + (at % 9)} 10:${10 + at}:00.${at}+00'`,
    ),
    `note = 'a, "b" (c) \\ d'`,
    `referrer = 'r, s'`,
    'appointment_type_id = 987654',
    'provider_id = null',
    'booked_by_api_key_id = 13',
  ]
  const rows = await t.look('select id from appointments order by id limit $1', [changes.length])
  const ids = rows.map(({ id }) => Number(id))
  for (const [at, change] of changes.entries()) {
    const isEarly = change.startsWith('starts_at')
    await t.look(
      `update appointments set ${isEarly ? "ends_at = '2031-01-01', " : ''}${change} where id = $1`,
      [ids[at]],
    )
  }
  const shown = await inTenantReading(t.database, institutionId, (tx) => showAppointments(tx, ids))
  const stored = await t.look('select * from appointments where id = any($1) order by id', [ids])
  expect(shown).toHaveLength(changes.length)
  for (const [at, appointment] of shown.entries()) {
    const row = stored[at]
    const columnOf = (name: string) => row[NAMED[name as keyof ShownAppointment] ?? name]
    const given = (name: string) => appointment[name as keyof ShownAppointment]
    for (const name of FLAGS) expect([name, given(name)]).toEqual([name, columnOf(name)])
    for (const name of INSTANTS)
      expect([name, given(name)]).toEqual([name, columnOf(name) && new Date(columnOf(name)).toISOString()])
    for (const name of OTHERS) expect([name, String(given(name))]).toEqual([name, String(columnOf(name))])
  }
})
