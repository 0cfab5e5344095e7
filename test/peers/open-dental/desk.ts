/** The front desk, played in SQL: it takes no lock and asks nobody, as the workstations do. */
import type { Connection, ResultSetHeader } from 'mysql2/promise'
import { ARRIVED, CONFIRMED, NOT_CALLED } from './made-up.ts'

export interface Booking {
  patient: string | number
  op?: number
  provider?: string | number
  /** Wall time of the clinic, `YYYY-MM-DD HH:MM:SS`. */
  at: string
  minutes?: number
  note?: string
}

/** Acts of the desk on one practice's database; keys as text. */
export function frontDesk(root: Connection) {
  const told = async (aptNum: string, action: number) => {
    await root.query(
      `insert into histappointment (HistDateTStamp, HistApptAction, AptNum, PatNum, AptStatus)
        select now(), ?, AptNum, PatNum, AptStatus from appointment where AptNum = ?`,
      [action, aptNum],
    )
  }
  const set = async (aptNum: string, fields: Record<string, unknown>, action = 1) => {
    await root.query('update appointment set ? where AptNum = ?', [fields, aptNum])
    await told(aptNum, action)
  }
  return {
    async book({ patient, op = 1, provider = 1, at, minutes = 30, note = '' }: Booking): Promise<string> {
      const [made] = await root.query<ResultSetHeader>(
        `insert into appointment (PatNum, AptStatus, Pattern, Confirmed, Op, Note, ProvNum, AptDateTime, SecDateTEntry)
          values (?, 1, ?, ${NOT_CALLED}, ?, ?, ?, ?, now())`,
        [patient, 'X'.repeat(minutes / 5), op, note, provider, at],
      )
      await told(String(made.insertId), 0)
      return String(made.insertId)
    },
    drag: (aptNum: string, at: string, minutes = 30, op = 1) =>
      set(aptNum, { AptDateTime: at, Pattern: 'X'.repeat(minutes / 5), Op: op }),
    confirm: (aptNum: string) => set(aptNum, { Confirmed: CONFIRMED }),
    arrive: (aptNum: string, at: string) => set(aptNum, { Confirmed: ARRIVED, DateTimeArrived: at }),
    breakIt: (aptNum: string) => set(aptNum, { AptStatus: 5 }, 3),
    /** Onto the list of the unscheduled: its room goes, its date stays. */
    unschedule: (aptNum: string) => set(aptNum, { AptStatus: 3, Op: 0 }),
    dragBack: (aptNum: string, at: string, op = 1) => set(aptNum, { AptStatus: 1, AptDateTime: at, Op: op }),
    complete: (aptNum: string) => set(aptNum, { AptStatus: 2 }),
    note: (aptNum: string, note: string) => set(aptNum, { Note: note }),
    async remove(aptNum: string): Promise<void> {
      await told(aptNum, 4)
      await root.query('delete from appointment where AptNum = ?', [aptNum])
      await root.query('insert into deletedobject (ObjectNum, ObjectType) values (?, 0)', [aptNum])
    },
    /** A blockout in some operatories; its ScheduleNum. */
    async blockout(type: number, day: string, from: string, to: string, ops: number[]): Promise<string> {
      const [made] = await root.query<ResultSetHeader>(
        'insert into schedule (SchedDate, StartTime, StopTime, SchedType, BlockoutType, Note) values (?, ?, ?, 2, ?, ?)',
        [day, from, to, type, 'Blocked'],
      )
      for (const op of ops)
        await root.query('insert into scheduleop (ScheduleNum, OperatoryNum) values (?, ?)', [
          made.insertId,
          op,
        ])
      return String(made.insertId)
    },
    /** Without a trace, as the program does it. */
    async unblock(scheduleNum: string): Promise<void> {
      await root.query('delete from schedule where ScheduleNum = ?', [scheduleNum])
      await root.query('delete from scheduleop where ScheduleNum = ?', [scheduleNum])
    },
    rename: async (patNum: string, name: string) =>
      void (await root.query('update patient set LName = ? where PatNum = ?', [name, patNum])),
    /** One patient into another: the visits go over, the first is archived. */
    async merge(from: string, into: string): Promise<void> {
      await root.query('update appointment set PatNum = ? where PatNum = ?', [into, from])
      await root.query('insert into patientlink (PatNumFrom, PatNumTo, LinkType) values (?, ?, 1)', [
        from,
        into,
      ])
      await root.query('update patient set PatStatus = 3 where PatNum = ?', [from])
    },
  }
}
