/** The whole bridge on Open Dental's tables: after each act of the desk the mirror is held against the database. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Api, serveApi } from '../support/api.ts'
import { type Link, startLink, until } from '../support/bridge.ts'
import { definitions } from './open-dental/definitions.ts'
import { eveningOf, held, mirrored } from './open-dental/held.ts'
import {
  ARRIVED,
  CODES,
  CONFIRMED,
  dayAt,
  EMERGENCY,
  IN_ROOM,
  LUNCH,
  TYPE_NEW,
  ZONE,
} from './open-dental/made-up.ts'
import { type OpenedPractice, openPractice } from './open-dental/open-practice.ts'
import { healed } from './open-dental/stand-in-api.ts'
import { type MariaDb, startMariaDb } from './open-dental/start-mariadb.ts'

let mariaDb: MariaDb
beforeAll(async () => {
  mariaDb = await startMariaDb()
})
afterAll(async () => {
  await mariaDb?.[Symbol.asyncDispose]()
})

describe.each(definitions)('the bridge to Open Dental, on $title,', (definition) => {
  let practice: OpenedPractice
  let link: Link
  let api: Api
  let evenings = 20
  /** A free half hour of its own in the evening. */
  const nextTime = () => eveningOf(dayAt(evenings++))
  const idOf = async (table: string, foreignId: string) =>
    Number((await link.t.look(`select id from ${table} where foreign_id = $1`, [foreignId]))[0].id)
  const readAll = async () => {
    await link.t.look('update data_sources set window_read_at = null')
    await link.pulled()
  }
  const same = async () => expect(await mirrored(link)).toEqual(await held(practice.root))
  let people = 0
  const newPatient = async (): Promise<number> => {
    people += 1
    const { body } = await api.ask('POST', `/patients?location_id=${link.locationId}`, {
      provider: { provider_id: await idOf('providers', '1') },
      patient: {
        first_name: `Grace${people}`,
        last_name: 'Bridgewater',
        email: `grace${people}@example.com`,
        bio: { date_of_birth: '1979-08-09', phone_number: `617555${1000 + people}`, gender: 'Female' },
      },
    })
    return body.data.user.id
  }
  const post = async (fields: Record<string, unknown> = {}) => {
    const { start, end } = nextTime()
    const appt = {
      patient_id: await newPatient(),
      provider_id: await idOf('providers', '1'),
      operatory_id: await idOf('operatories', '1'),
      start_time: start,
      end_time: end,
      ...fields,
    }
    return await api.ask('POST', `/appointments?location_id=${link.locationId}`, { appt })
  }
  const booked = async (fields: Record<string, unknown> = {}) => {
    const { status, body } = await post(fields)
    expect(status, JSON.stringify(body.error)).toBe(201)
    return await link.settled(body.data.appt.id)
  }
  const patch = async (id: number, fields: Record<string, unknown>) => {
    const { status, body } = await api.ask('PATCH', `/appointments/${id}`, { appt: fields }, 'v20240412')
    expect(status, JSON.stringify(body.error)).toBe(200)
    return await link.settled(id)
  }
  const writes = async (id: number) =>
    (await api.ask('GET', `/appointments/${id}/writes`)).body.data as Record<string, unknown>[]
  // biome-ignore lint/suspicious/noExplicitAny: a row of theirs
  const row = async (aptNum: string | null): Promise<any> =>
    ((await practice.root.query('select * from appointment where AptNum = ?', [aptNum]))[0] as unknown[])[0]
  /** A visit that the filling left, with a time ahead. */
  const someVisit = async (at: number): Promise<string> => {
    const sql = `select AptNum from appointment where AptStatus = 1 and AptDateTime > now() + interval 3 day order by AptNum limit ?, 1`
    const [rows] = await practice.root.query(sql, [at * 10])
    return String((rows as { AptNum: number }[])[0]?.AptNum)
  }

  beforeAll(async () => {
    practice = await openPractice(mariaDb, definition)
    const { configuration } = practice
    link = await startLink({ connector: 'open-dental', configuration, pollSeconds: 3600, zone: ZONE })
    api = await serveApi(link)
  })
  afterAll(async () => {
    await api?.[Symbol.asyncDispose]()
    await link?.[Symbol.asyncDispose]()
    await practice?.[Symbol.asyncDispose]()
  })

  it('loads the practice as it is', async () => {
    expect((await mirrored(link)).length).toBeGreaterThan(practice.appointments * 0.99)
    await same()
    expect(await link.t.look('select foreign_id, reason from set_aside')).toEqual([])
    const [counts] = await link.t.look(`select (select count(*)::int from patients) as patients,
      (select count(*)::int from working_hours where specific_date is not null) as hours,
      (select count(*)::int from procedures where status = 'scheduled') > 100 as procedures`)
    expect(counts).toMatchObject({ patients: 300, procedures: true })
    expect(counts.hours).toBeGreaterThan(300)
  })

  const acts: [string, () => Promise<unknown>][] = [
    ['books', () => practice.desk.book({ patient: 12, op: 5, at: nextTime().wall, note: 'by phone' })],
    [
      'drags to another time and room',
      async () => practice.desk.drag(await someVisit(1), nextTime().wall, 40, 5),
    ],
    ['breaks', async () => practice.desk.breakIt(await someVisit(2))],
    ['unschedules', async () => practice.desk.unschedule(await someVisit(3))],
    [
      'breaks and drags back',
      async () => {
        const visit = await someVisit(4)
        await practice.desk.breakIt(visit)
        await link.pulled()
        await same()
        await practice.desk.dragBack(visit, nextTime().wall, 5)
      },
    ],
    ['completes', async () => practice.desk.complete(await someVisit(5))],
    ['confirms', async () => practice.desk.confirm(await someVisit(6))],
    ['lets somebody arrive', async () => practice.desk.arrive(await someVisit(7), `${dayAt(0)} 09:02:00`)],
    ['writes a note', async () => practice.desk.note(await someVisit(8), 'Zoë rang – “later”')],
    ['deletes', async () => practice.desk.remove(await someVisit(9))],
    ['blocks two rooms', () => practice.desk.blockout(LUNCH, dayAt(9), '18:00', '19:00', [1, 5])],
    [
      'blocks what may be booked over',
      () => practice.desk.blockout(EMERGENCY, dayAt(9), '18:00', '19:00', [2]),
    ],
    ['renames', () => practice.desk.rename('33', 'Larkfield')],
    ['merges two patients', () => practice.desk.merge('44', '45')],
  ]
  it.each(acts)('shows what the front desk does: it %s', async (_, act) => {
    await act()
    await link.pulled()
    await same()
  })

  it('finds with a window that a blockout went away without a trace', async () => {
    const schedule = await practice.desk.blockout(LUNCH, dayAt(11), '18:00', '19:00', [1, 2])
    await link.pulled()
    await same()
    await practice.desk.unblock(schedule)
    await readAll()
    await same()
  })

  it('books for a new patient: both stand there, and the appointment bears type and procedures', async () => {
    const descriptor_ids = [
      await idOf('descriptors', `type_${TYPE_NEW}`),
      await idOf('descriptors', `code_${CODES.cleaning}`),
    ]
    const done = await booked({ note: 'First visit', descriptor_ids })
    expect(done.insertion).toMatchObject({ status: 'complete' })
    const there = await row(done.foreign_id)
    expect(there).toMatchObject({
      AptStatus: 1,
      Op: 1,
      ProvNum: 1,
      AppointmentTypeNum: TYPE_NEW,
      Pattern: 'XXXXXX',
    })
    expect(there.Note).toMatch(/^First visit\n\[sb/)
    const [patients] = await practice.root.query('select * from patient where PatNum = ?', [there.PatNum])
    expect(patients).toMatchObject([
      { LName: 'Bridgewater', Guarantor: there.PatNum, Birthdate: '1979-08-09', Gender: 1 },
    ])
    await link.pulled()
    await same()
  })

  it('books a hygienist beside the dentist of the room', async () => {
    const place = { provider_id: await idOf('providers', '4'), operatory_id: await idOf('operatories', '4') }
    const done = await booked(place)
    expect(done.insertion).toMatchObject({ status: 'complete' })
    expect(await row(done.foreign_id)).toMatchObject({ ProvNum: 1, ProvHyg: 4, IsHygiene: 1, Op: 4 })
  })

  it('confirms, moves, notes, checks in and cancels, each seen there', async () => {
    const { id, foreign_id } = await booked()
    await patch(id, { confirmed: true })
    expect(await row(foreign_id)).toMatchObject({ Confirmed: CONFIRMED })
    const { start, end, wall } = nextTime()
    await patch(id, {
      start_time: start,
      end_time: end,
      operatory_id: await idOf('operatories', '5'),
      note: 'Moved',
    })
    expect(await row(foreign_id)).toMatchObject({
      AptDateTime: wall,
      Op: 5,
      Note: expect.stringMatching(/^Moved\n/),
    })
    await patch(id, { checkin_at: start })
    expect(await row(foreign_id)).toMatchObject({ Confirmed: ARRIVED, DateTimeArrived: wall })
    expect(await patch(id, { cancelled: true })).toMatchObject({ cancelled: true })
    expect(await row(foreign_id)).toMatchObject({ AptStatus: 5 })
    expect((await writes(id)).map((write) => write.status)).toEqual(Array(6).fill('complete'))
  })

  it('never moves a patient back from the treatment room to confirmed', async () => {
    const { id, foreign_id } = await booked()
    await practice.root.query('update appointment set Confirmed = ? where AptNum = ?', [IN_ROOM, foreign_id])
    await patch(id, { confirmed: true })
    expect(await row(foreign_id)).toMatchObject({ Confirmed: IN_ROOM })
  })

  it('ends incomplete and names the descriptors where a procedure could not be attached', async () => {
    practice.api.faults.noProcedures = true
    const done = await booked({ descriptor_ids: [await idOf('descriptors', `code_${CODES.filling}`)] })
    healed(practice.api)
    expect(done.insertion).toMatchObject({ status: 'incomplete', code: 'fields_differ' })
    expect((await writes(done.id))[0]).toMatchObject({ differing: ['descriptor_ids'] })
    expect(await row(done.foreign_id)).toMatchObject({ AptStatus: 1 })
  })

  it('ends incomplete and names the times where it stands at another', async () => {
    practice.api.faults.wrongMinutes = 60
    const done = await booked()
    healed(practice.api)
    expect((await writes(done.id))[0]).toMatchObject({
      status: 'incomplete',
      differing: ['start_time', 'end_time'],
    })
  })

  it('replaces letters that a note cannot hold with a warning, and stores no question mark', async () => {
    const { status, body } = await post({ note: 'Bring a 🦷 – “please”' })
    expect(status).toBe(201)
    expect(JSON.stringify(body)).toContain('characters')
    const done = await link.settled(body.data.appt.id)
    expect(done).toMatchObject({ note: 'Bring a · – “please”', insertion: { status: 'complete' } })
    expect((await row(done.foreign_id)).Note).toMatch(/^Bring a · – “please”\n/)
  })

  it('withdraws ours where the desk took the time while it was written, and books nothing over anything', async () => {
    const time = nextTime()
    let theirs = ''
    practice.api.beforeWrite = async () => {
      practice.api.beforeWrite = null
      theirs = await practice.desk.book({ patient: 9, at: time.wall })
    }
    const done = await booked({
      start_time: time.start,
      end_time: time.end,
      patient_id: await idOf('patients', '21'),
    })
    expect(done).toMatchObject({ cancelled: true, insertion: { status: 'failed', code: 'slot_taken' } })
    expect(await row(theirs)).toMatchObject({ AptStatus: 1 })
    const [standing] = await practice.root.query(
      'select AptNum from appointment where AptDateTime = ? and Op = 1 and AptStatus = 1',
      [time.wall],
    )
    expect(standing).toEqual([{ AptNum: theirs }].map(({ AptNum }) => ({ AptNum: Number(AptNum) })))
  })

  it('knows of two rows of one second which was first, also where the key grows by a digit', async () => {
    const time = nextTime()
    await practice.root.query('alter table appointment auto_increment = 99999')
    const first = await practice.desk.book({ patient: 9, at: eveningOf(dayAt(190)).wall })
    await practice.desk.remove(first)
    await practice.root.query('alter table appointment auto_increment = 99999')
    let theirs = ''
    practice.api.beforeWrite = async () => {
      practice.api.beforeWrite = null
      theirs = await practice.desk.book({ patient: 9, at: time.wall })
      await practice.root.query(
        'update appointment set SecDateTEntry = now() + interval 1 hour where AptNum = ?',
        [theirs],
      )
    }
    await practice.root.query(`create trigger one_second before update on appointment for each row
      set new.SecDateTEntry = '2026-01-02 03:04:05'`)
    const done = await booked({
      start_time: time.start,
      end_time: time.end,
      patient_id: await idOf('patients', '22'),
    })
    await practice.root.query('drop trigger one_second')
    expect(theirs).toBe('99999')
    expect(done).toMatchObject({ cancelled: true, insertion: { code: 'slot_taken' } })
    expect(await row(theirs)).toMatchObject({ AptStatus: 1 })
  })

  it('shows the practice as it is after all that', async () => {
    await readAll()
    await same()
  })

  it('notices a restored backup, stops writing, and shows nobody’s visit as somebody else’s', async () => {
    const tables = [
      'appointment',
      'patient',
      'procedurelog',
      'deletedobject',
      'histappointment',
      'schedule',
      'scheduleop',
    ]
    for (const table of tables)
      await practice.root.query(
        `create table backup_${table} like ${table}; insert into backup_${table} select * from ${table}`,
      )
    const lost = await booked()
    await readAll()
    for (const table of tables)
      await practice.root.query(`drop table ${table}; rename table backup_${table} to ${table}`)
    const other = await practice.desk.book({ patient: 5, op: 5, at: nextTime().wall })
    expect(other).toBe(lost.foreign_id)
    await readAll()
    const reason = () =>
      link.t.look('select write_status, write_reason, writing_stopped_at from data_sources')
    await until('the stop', [], async () => ((await reason())[0].writing_stopped_at === null ? null : true))
    expect((await reason())[0]).toMatchObject({
      write_status: 'red',
      write_reason: expect.stringContaining('backup'),
    })
    await readAll()
    await same()
    expect(await link.appointment(lost.id)).toMatchObject({
      deleted: true,
      cancelled: true,
      foreign_id: null,
    })
  })
})
