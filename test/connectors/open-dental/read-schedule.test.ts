import { describe, expect, it } from 'vitest'
import {
  readBlocks,
  readHours,
  undecidedBlockouts,
} from '../../../src/connectors/open-dental/read-schedule.ts'
import { factsOf, scheduleRow, settingsOf } from './rows.ts'

const facts = factsOf()
const settings = settingsOf()

describe('a blockout', () => {
  it('is one block for each of its operatories', () => {
    const blocks = readBlocks(scheduleRow({ Note: 'Team' }), ['1', '2'], facts, settings)
    expect(blocks.map(({ record }) => record.foreignId)).toEqual(['block_90_1', 'block_90_2'])
    expect(blocks[1]?.record).toMatchObject({
      unavailable: true,
      patient: null,
      provider: null,
      operatory: '2',
      start: '2026-12-07T17:00:00.000Z',
      end: '2026-12-07T18:00:00.000Z',
      note: 'Team',
    })
  })

  it('without operatories is the whole site, and to midnight where it says so', () => {
    const [block] = readBlocks(scheduleRow({ StopTime: '24:00:00' }), [], facts, settings)
    expect(block?.record).toMatchObject({
      foreignId: 'block_90_0',
      operatory: null,
      end: '2026-12-08T05:00:00.000Z',
    })
  })

  it('blocks where nobody decided about its type, and is named then', () => {
    expect(readBlocks(scheduleRow({ BlockoutType: '302' }), ['1'], facts, settings)).toHaveLength(1)
    expect(undecidedBlockouts(facts, settings)).toEqual([
      { defNum: '302', name: 'Training', noSchedule: false },
    ])
    const decided = settingsOf({ blocking_blockouts: [302] })
    expect(undecidedBlockouts(facts, decided)).toEqual([])
  })

  it('that may be booked over is no block; one flagged NS always is', () => {
    const bookable = settingsOf({ bookable_blockouts: [301, 302] })
    expect(readBlocks(scheduleRow({ BlockoutType: '302' }), ['1'], facts, bookable)).toEqual([])
    expect(readBlocks(scheduleRow(), ['1'], facts, bookable)).toHaveLength(1)
  })

  it('that ends before it starts is set aside', () => {
    const [block] = readBlocks(scheduleRow({ StopTime: '11:00:00' }), ['1'], facts, settings)
    expect(block?.kind).toBe('set_aside')
  })
})

it('a holiday blocks the whole day, in each clinic where it names none', () => {
  const holiday = scheduleRow({ SchedType: 0, Status: 2, SchedDate: '2026-11-01' })
  expect(readBlocks(holiday, [], facts, settings)[0]?.record).toMatchObject({
    // Twenty-five hours: the clocks go back that day.
    start: '2026-11-01T04:00:00.000Z',
    end: '2026-11-02T05:00:00.000Z',
    operatory: null,
  })
  const clinics = factsOf({ clinics: true, clinicRows: [{ ClinicNum: '1' }, { ClinicNum: '2' }] })
  const ids = readBlocks(holiday, [], clinics, settings).map(({ record }) => record.foreignId)
  expect(ids).toEqual(['block_90_c1', 'block_90_c2'])
  expect(readBlocks(scheduleRow({ SchedType: 0, Status: 0 }), [], facts, settings)).toEqual([])
})

describe("a provider's schedule", () => {
  const row = scheduleRow({ SchedType: 1, ProvNum: '4', StartTime: '08:00:00', StopTime: '17:30:00' })

  it('is working hours of its day in its operatories', () => {
    expect(readHours(row, ['1'], facts)).toEqual([
      {
        foreignId: 'hours_90_1',
        provider: '4',
        operatory: '1',
        location: null,
        beginTime: '08:00',
        endTime: '17:30',
        days: [],
        specificDate: '2026-12-07',
      },
    ])
  })

  it('without operatories is for those whose default provider it is', () => {
    expect(readHours(row, [], facts).map(({ operatory }) => operatory)).toEqual(['2'])
    expect(readHours({ ...row, ProvNum: '9' }, [], facts).map(({ operatory }) => operatory)).toEqual([null])
  })

  it('that is closed is none', () => {
    expect(readHours({ ...row, Status: 1 }, ['1'], facts)).toEqual([])
  })
})
