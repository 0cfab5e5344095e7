/** Stories of writing: what was asked stands in the system, once, and every answer is true. */
import { addMs, minutes } from '../../model/time.ts'
import type { ChangeKind } from '../connector.ts'
import { changed, holds, inserted, insertionIn, is, type Story, same, seen, writtenOf } from './story.ts'

const needs =
  (...kinds: (ChangeKind | 'block' | 'new_patient')[]): NonNullable<Story['passedOver']> =>
  ({ writes }) => {
    const missing = kinds.filter((kind) => !writes[kind])
    return missing.length > 0 ? `it cannot ${missing.join(', ')}` : null
  }

export const writingStories: Story[] = [
  {
    title: 'inserts an appointment as asked, and reads it back',
    async run(world) {
      const request = await insertionIn(world, { note: 'Would like to sit by the window' })
      const record = writtenOf(await world.system.insert(request))
      const { start, end, note } = request
      same({ start: record.start, end: record.end, note: record.note }, { start, end, note })
      same(
        [record.patient, record.provider, record.operatory],
        [world.patient, world.place.provider, world.place.operatory],
      )
      const view = await seen(world, record.foreignId)
      same(
        {
          start: view.start,
          end: view.end,
          note: view.note,
          patient: view.patient,
          cancelled: view.cancelled,
        },
        { start, end, note, patient: world.patient, cancelled: false },
      )
    },
  },
  {
    title: 'makes one appointment however often, and at once, the same insertion is sent',
    passedOver: ({ effect }) =>
      effect === 'once' ? null : 'the system refuses no second copy: the sync looks first',
    async run(world) {
      const request = await insertionIn(world)
      const outcomes = await Promise.all([1, 2, 3, 4].map(() => world.system.insert(request)))
      outcomes.push(await world.system.insert(request))
      const made = outcomes.flatMap((one) => (one.kind === 'written' ? [one.record.foreignId] : []))
      holds(made.length > 0, 'none of them was written')
      holds(
        !outcomes.some((one) => one.kind === 'rejected'),
        'it stands, and a copy of its request was rejected',
      )
      is(new Set(made).size, 1)
      is((await world.standingAt(request.start)).length, 1)
    },
  },
  {
    title: 'gives a taken time to one of many who ask at once, and tells the others that it is taken',
    passedOver: ({ conflictCheck }) =>
      conflictCheck === 'atomic' ? null : 'the system checks no times: the sync reads before and after',
    async run(world) {
      const start = await world.freeStart()
      const requests = await Promise.all([1, 2, 3, 4, 5].map(() => insertionIn(world, { start })))
      const outcomes = await Promise.all(requests.map((request) => world.system.insert(request)))
      const codes = outcomes.map((one) => (one.kind === 'rejected' ? one.code : one.kind)).sort()
      same(codes, ['slot_taken', 'slot_taken', 'slot_taken', 'slot_taken', 'written'])
      is((await world.standingAt(start)).length, 1)
    },
  },
  {
    title: 'enters a new patient with the first appointment, and no second one with the next',
    passedOver: needs('new_patient'),
    async run(world) {
      const patient = { marker: world.system.reserve(), draft: world.stranger() }
      const first = await inserted(world, { patient })
      const second = await inserted(world, { patient })
      holds(first.patient !== null)
      is(second.patient, first.patient)
    },
  },
  {
    title: 'confirms, so that the system shows it',
    passedOver: needs('confirm'),
    async run(world) {
      const record = await changed(world, await inserted(world), { kind: 'confirm' })
      is(record.confirmed, true)
      is((await seen(world, record.foreignId)).confirmed, true)
    },
  },
  {
    title: 'checks in, so that the system shows it',
    passedOver: needs('check_in'),
    async run(world) {
      const before = await inserted(world)
      const record = await changed(world, before, { kind: 'check_in', at: before.start })
      holds(record.checkinAt !== null)
      is((await seen(world, record.foreignId)).arrived, true)
    },
  },
  {
    title: 'moves to another time, and leaves the old one free',
    passedOver: needs('reschedule'),
    async run(world) {
      const before = await inserted(world)
      const start = await world.freeStart()
      const end = addMs(start, minutes(30))
      const asked = { kind: 'reschedule', start, end, operatory: null, overbook: false } as const
      const record = await changed(world, before, asked)
      same([record.foreignId, record.start, record.end], [before.foreignId, start, end])
      is((await seen(world, record.foreignId)).start, start)
      same(await world.standingAt(before.start), [])
    },
  },
  {
    title: 'rewrites the note, letter for letter',
    passedOver: needs('note'),
    async run(world) {
      const { limits } = world.system.capabilities
      const text = { unicode: 'Žofie – ring twice 🦷', bmp: 'Žofie – ring twice', latin1: 'Zoë: ring twice' }
      const note = text[limits.characters]
      const record = await changed(world, await inserted(world), { kind: 'note', note })
      is(record.note, note)
      is((await seen(world, record.foreignId)).note, note)
    },
  },
  {
    title: 'keeps a note of the greatest length that it says it keeps',
    passedOver: ({ limits }) => (limits.noteLength === null ? 'it names no greatest length' : null),
    async run(world) {
      const note = 'n'.repeat(world.system.capabilities.limits.noteLength ?? 0)
      const record = await inserted(world, { note })
      is((await seen(world, record.foreignId)).note, note)
    },
  },
  {
    title: 'cancels, and leaves the time free',
    passedOver: needs('cancel'),
    async run(world) {
      const before = await inserted(world)
      const record = await changed(world, before, { kind: 'cancel' })
      is(record.cancelled, true)
      is((await seen(world, record.foreignId)).cancelled, true)
      same(await world.standingAt(before.start), [])
    },
  },
  {
    title: 'does a change that is sent twice once',
    passedOver: needs('cancel'),
    async run(world) {
      const { foreignId, version } = await inserted(world)
      const request = { foreignId, version, kind: 'cancel' } as const
      writtenOf(await world.system.change(request))
      writtenOf(await world.system.change(request))
      is((await seen(world, foreignId)).cancelled, true)
    },
  },
  {
    title: 'loses a change that was decided on a version which the front desk has changed',
    passedOver: needs('note'),
    async run(world) {
      const record = await inserted(world)
      if (record.version === null) return
      await world.desk.note(record.foreignId, 'From the desk')
      const { foreignId, version } = record
      const outcome = await world.system.change({ foreignId, version, kind: 'note', note: 'Ours' })
      is(outcome.kind === 'rejected' && outcome.code, 'version_changed')
      is((await seen(world, foreignId)).note, 'From the desk')
    },
  },
  {
    title: 'says of an appointment that is not there that it is not found',
    passedOver: needs('cancel', 'block'),
    async run(world) {
      const { foreignId } = await inserted(world)
      const outcome = await world.system.change({
        foreignId: `${foreignId}0000`,
        version: null,
        kind: 'cancel',
      })
      is(outcome.kind === 'rejected' && outcome.code, 'not_found')
    },
  },
  {
    title: 'blocks a time, and frees it again',
    passedOver: needs('block', 'cancel'),
    async run(world) {
      const block = await inserted(world, { unavailable: true, patient: null, note: 'Training' })
      same([block.unavailable, block.patient], [true, null])
      holds((await world.view(block.foreignId)) !== null)
      is((await changed(world, block, { kind: 'cancel' })).cancelled, true)
    },
  },
]
