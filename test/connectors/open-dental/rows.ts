/** Rows and set-up of a practice, as the database gives them. */
import { readSettings, type Settings } from '../../../src/connectors/open-dental/configuration.ts'
import type { Row } from '../../../src/connectors/open-dental/database.ts'
import type { Facts } from '../../../src/connectors/open-dental/facts.ts'

export const settingsOf = (more: Record<string, unknown> = {}): Settings =>
  readSettings({ database: { host: 'server', user: 'reader' }, zone: 'America/New_York', ...more })

export const factsOf = (more: Partial<Facts> = {}): Facts => ({
  preferences: new Map(),
  clinics: false,
  clinicRows: [],
  providers: [],
  hygienists: new Set(['4']),
  operatories: new Map([
    ['1', { name: 'One', hidden: false, clinic: '0', dentist: '1', hygienist: null }],
    ['2', { name: 'Two', hidden: false, clinic: '0', dentist: '2', hygienist: '4' }],
  ]),
  types: [],
  codes: new Map([
    ['11', { code: 'D0150', name: 'Exam' }],
    ['14', { code: 'D9986', name: 'Missed' }],
  ]),
  codeNums: new Map([
    ['D0150', '11'],
    ['D9986', '14'],
  ]),
  definitions: new Map(),
  blockoutTypes: [
    { defNum: '301', name: 'Lunch', noSchedule: true },
    { defNum: '302', name: 'Training', noSchedule: false },
  ],
  confirmed: new Set(['21', '22']),
  confirmAs: '21',
  arrivedAs: '22',
  beyondArrival: new Set(['25']),
  grainMinutes: 10,
  ...more,
})

export const appointmentRow = (more: Row = {}): Row => ({
  AptNum: '812',
  PatNum: '7',
  AptStatus: 1,
  Pattern: '/XXXX/',
  Confirmed: '19',
  Op: '1',
  Note: 'By the window',
  ProvNum: '1',
  ProvHyg: '0',
  AptDateTime: '2026-12-07 09:00:00',
  ClinicNum: '0',
  IsHygiene: 0,
  DateTStamp: '2026-11-20 15:00:00',
  DateTimeArrived: '0001-01-01 00:00:00',
  DateTimeDismissed: '0001-01-01 00:00:00',
  AppointmentTypeNum: '0',
  SecDateTEntry: '2026-11-01 10:00:00',
  ...more,
})

export const scheduleRow = (more: Row = {}): Row => ({
  ScheduleNum: '90',
  SchedDate: '2026-12-07',
  StartTime: '12:00:00',
  StopTime: '13:00:00',
  SchedType: 2,
  ProvNum: '0',
  BlockoutType: '301',
  Note: '',
  Status: 0,
  ClinicNum: '0',
  DateTStamp: '2026-11-20 15:00:00',
  ...more,
})
