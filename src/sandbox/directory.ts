/** The slow-moving things of the practice: sites, clinicians, chairs, kinds of visit, procedure codes, weekly hours. */
import { mannerOf } from './manner.ts'
import type { Practice } from './practice.ts'
import type { Json } from './rows.ts'

interface SiteRow {
  id: number
  name: string
  phone: string
  street: string
  city: string
  state: string
  zip: string
  zone: string
}

interface ClinicianRow {
  id: number
  first_name: string
  last_name: string
  title: string
  role: string
  npi: string | null
  active: number
}

interface HoursRow {
  id: number
  clinician_id: number
  chair_id: number
  weekdays: string
  opens: string
  closes: string
}

function sites(practice: Practice): Json[] {
  const rows = practice.all<SiteRow>(
    'select id, name, phone, street, city, state, zip, zone from sites order by id',
  )
  return rows.map(({ id, ...rest }) => ({ site_id: String(id), ...rest }))
}

function clinicians(practice: Practice): Json[] {
  const rows = practice.all<ClinicianRow>(
    'select id, first_name, last_name, title, role, npi, active from clinicians order by id',
  )
  return rows.map(({ id, active, ...rest }) => ({ clinician_id: String(id), ...rest, active: active === 1 }))
}

/** Hours hold for every week without end; `weekdays` 1 (Monday) to 7, `opens` and `closes` wall times `HH:MM`. */
function hours(practice: Practice): Json[] {
  const rows = practice.all<HoursRow>(
    'select id, clinician_id, chair_id, weekdays, opens, closes from weekly_hours order by id',
  )
  return rows.map((row) => ({
    hours_id: String(row.id),
    clinician_id: String(row.clinician_id),
    chair_id: String(row.chair_id),
    weekdays: JSON.parse(row.weekdays) as number[],
    opens: row.opens,
    closes: row.closes,
  }))
}

/** All of it at once; there is little. */
export function directory(practice: Practice): Json {
  const chairs = practice.all<{ id: number; site_id: number; name: string; active: number }>(
    'select id, site_id, name, active from chairs order by id',
  )
  const kinds = practice.all<{ id: number; name: string; minutes: number; active: number }>(
    'select id, name, minutes, active from visit_kinds order by id',
  )
  const codes = practice.all<{ code: string; name: string; active: number }>(
    'select code, name, active from procedure_codes order by code',
  )
  return {
    sites: sites(practice),
    clinicians: clinicians(practice),
    chairs: chairs.map((row) => ({
      chair_id: String(row.id),
      site_id: String(row.site_id),
      name: row.name,
      active: row.active === 1,
    })),
    visit_kinds: kinds.map((row) => ({
      kind_id: String(row.id),
      name: row.name,
      minutes: row.minutes,
      active: row.active === 1,
    })),
    procedure_codes: codes.map((row) => ({ ...row, active: row.active === 1 })),
    weekly_hours: hours(practice),
  }
}

/** What is installed, its clock, and marks that only ever grow: one that went back tells of a restored backup. */
export function status(practice: Practice): Json {
  const last = (table: string): number =>
    practice.get<{ seq: number }>('select seq from sqlite_sequence where name = ?', [table])?.seq ?? 0
  return {
    name: 'Simulated practice',
    version: '1.0',
    identity: practice.identity(),
    now: new Date(practice.now()).toISOString(),
    zone: practice.zone,
    manner: mannerOf(practice),
    marks: {
      revision: practice.counter('revision'),
      journal: last('journal'),
      person: last('people'),
      visit: last('visits'),
      closure: last('closures'),
    },
  }
}
