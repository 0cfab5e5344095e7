/** A practice with a row in every table of a tenant, sealed values in every sealed column, and an endpoint of its account. */
import { sql } from 'kysely'
import { bookAppointment } from '../../src/booking/book.ts'
import { inGlobal, inTenant, inWork } from '../../src/db/database.ts'
import { setAside } from '../../src/store/data-sources.ts'
import { fanOut } from '../../src/store/deliveries.ts'
import { positionEvents } from '../../src/store/events.ts'
import { claimKey, keepAnswer } from '../../src/store/idempotency.ts'
import { createEndpoint, rotateSecret } from '../../src/store/webhook-endpoints.ts'
import { createSubscription } from '../../src/store/webhook-subscriptions.ts'
import { ahead, type Practice } from '../http/served.ts'
import type { TestDatabase } from './database.ts'

export interface FullPractice extends Practice {
  accountId: number
  keyId: number
  appointmentId: number
  writeId: number
  workingHourId: number
  procedureId: number
  holdId: number
  labelId: number
  endpointId: number
  subscriptionId: number
  deliveryId: number
}

/** @param said stands in every sealed value */
export async function fillPractice(
  t: TestDatabase,
  practice: Practice & { accountId: number; keyId: number },
  said: string,
): Promise<FullPractice> {
  const { institutionId: id, accountId, keyId } = practice
  const endpoint = await inGlobal(t.database, async (tx) => {
    const made = await createEndpoint(tx, {
      accountId,
      targetUrl: 'https://hooks.example.com/nex',
      active: true,
    })
    await rotateSecret(tx, made.id, false)
    const subscription = await createSubscription(tx, {
      endpointId: made.id,
      institutionId: id,
      resourceType: 'Appointment',
      event: 'appointment_created',
      names: ['appointment_created', 'appointment_insertion.accepted' as never],
      version: 'v3',
      active: true,
    })
    await claimKey(tx, accountId, `key of ${said}`)
    await keepAnswer(tx, accountId, `key of ${said}`, { fingerprint: 'x', status: 201, text: said })
    return { id: made.id, subscriptionId: subscription?.id ?? 0 }
  })
  const booked = await inTenant(t.database, id, (tx) =>
    bookAppointment(tx, {
      apiKeyId: keyId,
      locationId: practice.locationId,
      patientId: practice.patientId,
      providerId: practice.providerId,
      operatoryId: practice.operatoryId,
      dependent: null,
      start: ahead(3),
      end: null,
      appointmentTypeId: practice.typeId,
      categoryId: null,
      note: said,
      referrer: said,
      unavailable: false,
      isGuardian: false,
      isNewClientsPatient: null,
      descriptorIds: [practice.descriptorId],
    }),
  )
  const [write] = await t.look('select id from writes where appointment_id = $1', [booked.id])
  const rest = await fillTheRest(t, practice, { appointmentId: booked.id, writeId: Number(write.id), said })
  await t.look('update webhook_subscriptions set names = (select array_agg(distinct name) from events)')
  await inWork(t.database, (tx) => positionEvents(tx as never, 10_000))
  await inTenant(t.database, id, (tx) => fanOut(tx, 10_000))
  const [delivery] = await t.look('select max(id) as id from deliveries where institution_id = $1', [id])
  await inTenant(t.database, id, async (tx) => {
    await sql`insert into delivery_attempts (institution_id, delivery_id, number, started_at, duration_ms, answer_sealed)
      values (${id}, ${delivery.id}, 1, app_now(), 5, ${tx.seal(said)})`.execute(tx.db)
  })
  return {
    ...practice,
    ...rest,
    appointmentId: booked.id,
    writeId: Number(write.id),
    endpointId: endpoint.id,
    subscriptionId: endpoint.subscriptionId,
    deliveryId: Number(delivery.id),
  }
}

async function fillTheRest(
  t: TestDatabase,
  p: Practice & { accountId: number; keyId: number },
  { appointmentId, writeId, said }: { appointmentId: number; writeId: number; said: string },
) {
  const id = p.institutionId
  return await inTenant(t.database, id, async (tx) => {
    const insert = async (statement: ReturnType<typeof sql<{ id: number }>>) => {
      const { rows } = await statement.execute(tx.db)
      return rows[0]?.id ?? 0
    }
    const labelId =
      await insert(sql`insert into working_hour_labels (institution_id, location_id, data_source_id, name)
      values (${id}, ${p.locationId}, ${p.sourceId}, ${`label ${said}`}) returning id`)
    const workingHourId =
      await insert(sql`insert into working_hours (institution_id, location_id, provider_id, operatory_id, source,
        begin_time, end_time, days, label_id)
      values (${id}, ${p.locationId}, ${p.providerId}, ${p.operatoryId}, 'manual', '08:00', '18:00', '{Monday}', ${labelId})
      returning id`)
    await insert(sql`insert into working_hour_types (institution_id, working_hour_id, appointment_type_id)
      values (${id}, ${workingHourId}, ${p.typeId}) returning 0 as id`)
    await insert(sql`insert into appointment_type_descriptors (institution_id, appointment_type_id, descriptor_id)
      values (${id}, ${p.typeId}, ${p.descriptorId}) returning 0 as id`)
    const procedureId =
      await insert(sql`insert into procedures (institution_id, data_source_id, foreign_id, location_id, patient_id,
        provider_id, appointment_id, code, name, status)
      values (${id}, ${p.sourceId}, '77', ${p.locationId}, ${p.patientId}, ${p.providerId}, ${appointmentId}, 'D0120', ${said},
        'planned') returning id`)
    const holdId =
      await insert(sql`insert into slot_holds (institution_id, api_key_id, location_id, operatory_id, provider_id,
        starts_at, ends_at, expires_at)
      values (${id}, ${p.keyId}, ${p.locationId}, ${p.otherOperatoryId}, ${p.providerId}, app_now() + interval '9 days',
        app_now() + interval '9 days 30 minutes', app_now() + interval '1 day') returning id`)
    await insert(sql`insert into overrides (institution_id, write_id, api_key_id, reason_sealed, location_id, starts_at, ends_at,
        appointment_ids, hold_ids)
      values (${id}, ${writeId}, ${p.keyId}, ${tx.seal(said)}, ${p.locationId}, app_now(), app_now() + interval '1 hour', '{}',
        '{}') returning id`)
    await insert(
      sql`insert into write_attempts (institution_id, write_id) values (${id}, ${writeId}) returning id`,
    )
    await insert(sql`insert into reserved_ids (institution_id, noun, id, foreign_id_type, known_as)
      values (${id}, 'provider', ${900_000 + id}, 'elsewhere', '9') returning id`)
    await setAside(tx, p.sourceId, { noun: 'patient', foreignId: '666', reason: 'no name', raw: { said } })
    await claimKey(tx, p.accountId, `key of ${said}`)
    await keepAnswer(tx, p.accountId, `key of ${said}`, { fingerprint: 'x', status: 201, text: said })
    return { labelId, workingHourId, procedureId, holdId }
  })
}

/** The tables of tenants, as the catalogue has them, but for the audit's, which outlive their institution. */
export async function tenantTables(t: TestDatabase): Promise<string[]> {
  const rows = await t.look(
    `select c.relname as name from pg_class c join pg_attribute a on a.attrelid = c.oid
     where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
       and a.attname = 'institution_id' and c.relname not in ('work', 'account_institutions', 'webhook_subscriptions')
       and c.relname !~ '^audit(_|$)'
     order by 1`,
  )
  return rows.map((row) => row.name)
}

export interface SealedValue {
  table: string
  column: string
  /** Null in a global table. */
  institutionId: number | null
  value: Buffer
}

/** Every value of bytes there is, but for hashes. */
export async function everyByteValue(t: TestDatabase): Promise<SealedValue[]> {
  const columns = await t.look(
    `select c.relname as "table", a.attname as "column", exists (select from pg_attribute i
        where i.attrelid = c.oid and i.attname = 'institution_id') as of_tenant
     from pg_class c join pg_attribute a on a.attrelid = c.oid
     where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
       and a.atttypid = 'bytea'::regtype and a.attname !~ 'hash(es)?$' order by 1, 2`,
  )
  const each = columns.map(
    ({ table, column, of_tenant }) => `select '${table}' as "table", '${column}' as "column",
      ${of_tenant ? 'institution_id' : 'null::bigint'} as id, ${column} as value from ${table} where ${column} is not null`,
  )
  const rows = await t.look(each.join(' union all '))
  return rows.map(({ table, column, id, value }) => ({
    table,
    column,
    institutionId: id === null ? null : Number(id),
    value,
  }))
}
