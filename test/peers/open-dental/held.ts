/** What the practice holds by its own tables and what our mirror shows of it, in one shape. */
import type { Connection, RowDataPacket } from 'mysql2/promise'
import { addMs } from '../../../src/model/time.ts'
import type { Link } from '../../support/bridge.ts'
import { EMERGENCY } from './made-up.ts'
import { instantOf, viewOf } from './world.ts'

export interface Held {
  id: string
  start: string
  end: string
  cancelled: boolean
  confirmed: boolean
  arrived: boolean
  done: boolean
  missed: boolean
  note: string | null
  unavailable: boolean
  operatory: string | null
  provider: string | null
  patient: string | null
  name: string | null
  descriptors: string
}

const byId = (one: Held, other: Held) => (one.id < other.id ? -1 : 1)

/** By the tables: judged by the meanings of the documentation, with nothing of the connector. */
export async function held(root: Connection): Promise<Held[]> {
  const ask = async (sql: string) => (await root.query<RowDataPacket[]>(sql))[0]
  const links = new Map(
    (await ask('select * from patientlink')).map((row) => [String(row.PatNumFrom), String(row.PatNumTo)]),
  )
  const survivor = (id: string) => links.get(id) ?? id
  const names = new Map(
    (await ask('select PatNum, LName from patient')).map((row) => [String(row.PatNum), row.LName]),
  )
  const codes = Map.groupBy(
    await ask('select AptNum, CodeNum from procedurelog where AptNum > 0 and ProcStatus <> 6'),
    (row) => String(row.AptNum),
  )
  const visits = await ask(`select * from appointment where AptStatus in (1, 2, 5)
    or (AptStatus = 3 and AptDateTime > '1900-01-01')`)
  const key = (value: unknown) => (Number(value) === 0 ? null : String(value))
  const appointments = visits.map((row): Held => {
    const { foreignId: id, patient, ...view } = viewOf(row)
    const nums = (codes.get(id) ?? []).map((one) => Number(one.CodeNum))
    return {
      ...view,
      id,
      confirmed: view.confirmed || view.arrived,
      done: row.AptStatus === 2,
      missed: row.AptStatus === 5 && nums.includes(14),
      unavailable: false,
      operatory: key(row.Op),
      provider: row.IsHygiene && row.ProvHyg ? key(row.ProvHyg) : key(row.ProvNum),
      patient: survivor(patient ?? ''),
      name: String(names.get(survivor(patient ?? ''))),
      descriptors: [
        ...new Set(nums.map((num) => `code_${num}`)),
        ...(row.AppointmentTypeNum ? [`type_${row.AppointmentTypeNum}`] : []),
      ]
        .sort()
        .join(),
    }
  })
  const blockouts =
    await ask(`select s.*, o.OperatoryNum from schedule s join scheduleop o on o.ScheduleNum = s.ScheduleNum
    where s.SchedType = 2 and s.BlockoutType <> ${EMERGENCY}`)
  const blocks = blockouts.map(
    (row): Held => ({
      id: `block_${row.ScheduleNum}_${row.OperatoryNum}`,
      start: instantOf(`${row.SchedDate} ${row.StartTime}`),
      end: instantOf(`${row.SchedDate} ${row.StopTime}`),
      cancelled: false,
      confirmed: false,
      arrived: false,
      done: false,
      missed: false,
      note: row.Note || null,
      unavailable: true,
      operatory: String(row.OperatoryNum),
      provider: null,
      patient: null,
      name: null,
      descriptors: '',
    }),
  )
  return [...appointments, ...blocks].sort(byId)
}

export async function mirrored(link: Link): Promise<Held[]> {
  const rows = await link.t.look(`select a.foreign_id as id, a.starts_at, a.ends_at, a.cancelled, a.confirmed,
      a.checkin_at is not null as arrived, a.checked_out as done, a.patient_missed as missed, a.note, a.unavailable,
      o.foreign_id as operatory, p.foreign_id as provider, n.foreign_id as patient, n.last_name as name,
      coalesce((select string_agg(foreign_id, ',' order by foreign_id collate "C") from descriptors d
        where d.id = any(a.descriptor_ids)), '') as descriptors
    from appointments a left join operatories o on o.id = a.operatory_id left join providers p on p.id = a.provider_id
    left join patients n on n.id = a.patient_id where not a.deleted and a.foreign_id is not null`)
  return rows
    .map(({ starts_at, ends_at, ...row }) => ({
      ...row,
      start: starts_at.toISOString(),
      end: ends_at.toISOString(),
    }))
    .sort(byId)
}

/** A wall time of some day ahead, in an hour that nobody fills. */
export function eveningOf(day: string, hour = 18, minute = 0): { wall: string; start: string; end: string } {
  const two = (n: number) => String(n).padStart(2, '0')
  const wall = `${day} ${two(hour)}:${two(minute)}:00`
  const start = instantOf(wall)
  return { wall, start, end: addMs(start, 30 * 60_000) }
}
