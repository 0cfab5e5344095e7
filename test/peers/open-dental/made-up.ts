/** A made-up practice on Open Dental's tables: people, rooms, codes, a year of schedules, appointments and blockouts. */
import type { Connection } from 'mysql2/promise'

export const ZONE = 'America/New_York'
/** Confirmation states, types of blockouts and codes, by the numbers that `setUp` gives them. */
export const NOT_CALLED = 19
export const CONFIRMED = 21
export const ARRIVED = 22
export const IN_ROOM = 25
export const LUNCH = 301
export const TRAINING = 302
export const EMERGENCY = 303
export const DENTISTS = [1, 2, 3]
export const HYGIENIST = 4
export const OPERATORIES = [1, 2, 3, 4, 5]
export const CODES = { exam: 11, cleaning: 12, filling: 13, missed: 14 }
export const TYPE_NEW = 1

const FIRST = 'Ada Bea Cleo Dora Edda Finn Greta Hugo Ines Jon Kaja Leo Mina Nils Orla Pim'.split(' ')
const LAST = 'Ashgrove Birkett Coldwell Dunmore Eastlake Fernsby Garrow Hathersage'.split(' ')

export interface Size {
  patients: number
  /** Days before and after today that have schedules and appointments. */
  daysBack: number
  daysAhead: number
  /** The share of half hours that are taken in each operatory, of 16. */
  taken: number
}

/** Empties the set-up tables and fills them anew. */
export async function setUp(root: Connection, clinics = false): Promise<void> {
  await root.query(`
    truncate definition; truncate preference; truncate provider; truncate operatory; truncate appointmenttype;
    truncate procedurecode; truncate clinic;
    insert into definition (DefNum, Category, ItemOrder, ItemName, ItemValue) values
      (${NOT_CALLED}, 2, 0, 'Not Called', 'NotCalled'), (${CONFIRMED}, 2, 1, 'Appointment Confirmed', 'Confirmed'),
      (${ARRIVED}, 2, 2, 'Arrived', 'Arrived'), (${IN_ROOM}, 2, 3, 'In Treatment Room', 'In Room'),
      (246, 2, 4, 'Front Desk', 'FrontDesk'), (40, 4, 0, 'Standard Account', ''),
      (${LUNCH}, 25, 0, 'Lunch', 'NS'), (${TRAINING}, 25, 1, 'Training', ''), (${EMERGENCY}, 25, 2, 'Emergency', '');
    insert into preference (PrefName, ValueString) values ('DataBaseVersion', '21.1.9.0'),
      ('EasyNoClinics', '${clinics ? 0 : 1}'), ('PracticeTitle', 'Alder Lane Dental'), ('AppointmentTimeIncrement', '10'),
      ('AppointmentTimeArrivedTrigger', '${ARRIVED}'), ('AppointmentTimeSeatedTrigger', '${IN_ROOM}'),
      ('AppointmentTimeDismissedTrigger', '246'), ('ApptEConfirmStatusAccepted', '${CONFIRMED}'), ('RandomPrimaryKeys', '0');
    insert into provider (ProvNum, Abbr, LName, FName, Suffix, IsSecondary, NationalProvID) values
      (1, 'DOC1', 'Merriweather', 'Agnes', 'DMD', 0, '1999999984'), (2, 'DOC2', 'Holloway', 'Basil', 'DDS', 0, ''),
      (3, 'DOC3', 'Pemberton', 'Cora', '', 0, ''), (4, 'HYG1', 'Underhill', 'Dilys', 'RDH', 1, '');
    insert into operatory (OperatoryNum, OpName, Abbrev, ProvDentist, ProvHygienist, IsHygiene, ClinicNum) values
      (1, 'Operatory 1', 'OP1', 1, 0, 0, ${clinics ? 1 : 0}), (2, 'Operatory 2', 'OP2', 2, 0, 0, ${clinics ? 1 : 0}),
      (3, 'Operatory 3', 'OP3', 3, 0, 0, ${clinics ? 2 : 0}), (4, 'Hygiene 1', 'HY1', 1, 4, 1, ${clinics ? 1 : 0}),
      (5, 'Overflow', 'OV', 0, 0, 0, ${clinics ? 1 : 0});
    insert into appointmenttype (AppointmentTypeNum, AppointmentTypeName, Pattern, CodeStr) values
      (${TYPE_NEW}, 'New patient', '//XX//', '');
    insert into procedurecode (CodeNum, ProcCode, Descript) values (${CODES.exam}, 'D0150', 'Comprehensive exam'),
      (${CODES.cleaning}, 'D1110', 'Cleaning, adult'), (${CODES.filling}, 'D2391', 'Filling, one surface'),
      (${CODES.missed}, 'D9986', 'Missed appointment')`)
  if (clinics)
    await root.query(
      `insert into clinic (ClinicNum, Description, Abbr) values (1, 'Alder Lane East', 'E'), (2, 'Alder Lane West', 'W')`,
    )
}

const two = (n: number) => String(n).padStart(2, '0')
export const dayAt = (days: number): string =>
  new Date(Date.now() + days * 86_400_000).toISOString().slice(0, 10)

async function insertAll(root: Connection, head: string, rows: unknown[][]): Promise<void> {
  for (let at = 0; at < rows.length; at += 2000)
    await root.query(`${head} values ?`, [rows.slice(at, at + 2000)])
}

/** People and a year of their visits; every number follows from its place, so that each run has the same. */
export async function fill(root: Connection, size: Size): Promise<{ appointments: number }> {
  await insertAll(
    root,
    'insert into patient (LName, FName, Birthdate, WirelessPhone, Email, Gender, Guarantor, PriProv, BillingType)',
    Array.from({ length: size.patients }, (_, n) => [
      `${LAST[n % LAST.length]}${n >= 128 ? two(n) : ''}`,
      FIRST[n % FIRST.length],
      `19${two(40 + (n % 60))}-${two(1 + (n % 12))}-${two(1 + (n % 28))}`,
      `(212)555-${String(n % 10_000).padStart(4, '0')}`,
      `patient${n + 1}@example.com`,
      n % 3,
      n + 1,
      DENTISTS[n % 3],
      40,
    ]),
  )
  const visits: unknown[][] = []
  const hours: unknown[][] = []
  for (let day = -size.daysBack; day <= size.daysAhead; day++) {
    const date = dayAt(day)
    if ([0, 6].includes(new Date(date).getUTCDay())) continue
    for (const provider of [...DENTISTS, HYGIENIST]) hours.push([date, '08:00', '17:00', 1, provider, 0])
    // Wednesdays: a blockout in two rooms.
    if (new Date(date).getUTCDay() === 3) hours.push([date, '12:00', '13:00', 2, 0, LUNCH])
    for (const op of OPERATORIES.slice(0, 4))
      for (let slot = 0; slot < 16; slot++) {
        if ((slot * 7 + day * 3 + op * 5 + 160_000) % 16 >= size.taken) continue
        visits.push(visit(visits.length, size.patients, day, date, op, slot))
      }
  }
  await insertAll(
    root,
    `insert into appointment (PatNum, AptStatus, Pattern, Confirmed, Op, Note, ProvNum, ProvHyg, AptDateTime, IsHygiene,
      SecDateTEntry, AppointmentTypeNum)`,
    visits,
  )
  await insertAll(
    root,
    'insert into schedule (SchedDate, StartTime, StopTime, SchedType, ProvNum, BlockoutType)',
    hours,
  )
  await root.query(`insert into scheduleop (ScheduleNum, OperatoryNum)
    select ScheduleNum, o.OperatoryNum from schedule join operatory o where BlockoutType = ${LUNCH} and o.OperatoryNum < 3`)
  await root.query(`insert into procedurelog (PatNum, AptNum, ProcDate, ProcStatus, ProvNum, CodeNum)
    select PatNum, AptNum, date(AptDateTime), if(AptStatus = 2, 2, 1), ProvNum, ${CODES.exam} from appointment
    where AptNum % 3 = 0`)
  await root.query(`insert into histappointment (HistDateTStamp, HistApptAction, AptNum, PatNum, AptStatus)
    select SecDateTEntry, 0, AptNum, PatNum, AptStatus from appointment`)
  // What was filled in is older than any look for changes.
  for (const table of ['appointment', 'patient', 'schedule', 'procedurelog'])
    await root.query(`update ${table} set DateTStamp = '2020-01-01 12:00:00'`)
  return { appointments: visits.length }
}

function visit(n: number, patients: number, day: number, date: string, op: number, slot: number): unknown[] {
  const minute = 480 + slot * 30
  const status = day < 0 ? (n % 11 === 0 ? 5 : 2) : n % 17 === 0 ? 5 : 1
  const hygiene = op === 4
  return [
    1 + ((n * 13) % patients),
    status,
    n % 4 === 0 ? '//XX//' : '/XX/',
    day === 0 ? CONFIRMED : NOT_CALLED,
    op,
    n % 5 === 0 ? 'Prefers the window' : '',
    hygiene ? 1 : op,
    hygiene ? HYGIENIST : 0,
    `${date} ${two(Math.floor(minute / 60))}:${two(minute % 60)}:00`,
    hygiene ? 1 : 0,
    '2025-01-02 10:00:00',
    n % 9 === 0 ? TYPE_NEW : 0,
  ]
}
