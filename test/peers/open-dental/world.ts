/** A practice on Open Dental's tables as a world for the conformance stories. */
import type { RowDataPacket } from 'mysql2/promise'
import { Temporal } from 'temporal-polyfill'
import type { View, World } from '../../../src/connectors/conformance/world.ts'
import { addMs, hours, type Instant, toInstant } from '../../../src/model/time.ts'
import { ARRIVED, CONFIRMED, IN_ROOM, ZONE } from './made-up.ts'
import type { OpenedPractice } from './open-practice.ts'
import { healed } from './stand-in-api.ts'

/** Beyond the days that are filled, where nothing stands; a summer without changes of the clocks. */
const FROM = '2029-04-02T08:00:00.000Z'
const MARK = /\n?\[sb[0-9a-z.]+\]/

export const wallOf = (instant: Instant): string =>
  Temporal.Instant.from(instant)
    .toZonedDateTimeISO(ZONE)
    .toPlainDateTime()
    .toString({ smallestUnit: 'second' })
    .replace('T', ' ')

export const instantOf = (wall: string): Instant =>
  toInstant(Temporal.PlainDateTime.from(wall.replace(' ', 'T')).toZonedDateTime(ZONE).epochMilliseconds)

export function viewOf(row: RowDataPacket): View {
  const start = instantOf(row.AptDateTime)
  return {
    foreignId: String(row.AptNum),
    patient: String(row.PatNum),
    start,
    end: addMs(start, row.Pattern.length * 300_000),
    cancelled: row.AptStatus === 5 || row.AptStatus === 3,
    confirmed: [CONFIRMED, ARRIVED, IN_ROOM, 246].includes(Number(row.Confirmed)),
    arrived: !String(row.DateTimeArrived).endsWith('00:00:00'),
    note: row.Note.replace(MARK, '') || null,
  }
}

export async function openWorld(practice: OpenedPractice): Promise<World> {
  const { root, desk, api } = practice
  const system = await practice.connector()
  let given = 0
  const rows = async (where: string, values: unknown[]): Promise<RowDataPacket[]> =>
    (await root.query<RowDataPacket[]>(`select * from appointment where ${where}`, values))[0]
  const lengthOf = (start: Instant, end: Instant) => (Date.parse(end) - Date.parse(start)) / 60_000
  return {
    system,
    place: { provider: '1', operatory: '1', location: null },
    patient: '7',
    stranger() {
      given += 1
      return {
        firstName: `Ottoline${'abcdefghij'[given % 10]}`,
        middleName: null,
        lastName: 'Farthingale',
        birthDate: `1979-03-${String(1 + (given % 28)).padStart(2, '0')}`,
        gender: 'Female',
        email: null,
        phone: '2125550142',
      }
    },
    async freeStart() {
      given += 1
      return addMs(FROM, hours(given))
    },
    desk: {
      book: ({ patient, place, start, end }) =>
        desk.book({
          patient,
          op: Number(place.operatory),
          provider: place.provider,
          at: wallOf(start),
          minutes: lengthOf(start, end),
        }),
      move: (id, start, end) => desk.drag(id, wallOf(start), lengthOf(start, end)),
      cancel: desk.breakIt,
      note: desk.note,
      remove: desk.remove,
    },
    async view(foreignId) {
      const [row] = await rows('AptNum = ?', [foreignId])
      return row ? viewOf(row) : null
    },
    async standingAt(start) {
      return (await rows('AptDateTime = ? and Op = 1 and AptStatus in (1, 2)', [wallOf(start)])).map(viewOf)
    },
    async cutting(when, work) {
      Object.assign(api.faults, { cut: when, only: 'POST' })
      try {
        return await work(system)
      } finally {
        healed(api)
      }
    },
  }
}
