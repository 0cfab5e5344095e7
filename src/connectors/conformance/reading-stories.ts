/** Stories of reading: what the front desk does is told, the window is whole, and nothing is invented. */
import { addMs, minutes } from '../../model/time.ts'
import { appointmentsIn, holds, inserted, is, readOn, type Story, same, windowOf } from './story.ts'
import type { World } from './world.ts'

async function deskBooking(world: World) {
  const start = await world.freeStart()
  const end = addMs(start, minutes(30))
  const foreignId = await world.desk.book({ place: world.place, patient: world.patient, start, end })
  return { foreignId, start, end }
}

export const readingStories: Story[] = [
  {
    title: 'says in a probe what it reached',
    async run({ system }) {
      const probe = await system.probe()
      holds(probe.systemName.length > 0)
      same(probe.missing, [])
      holds(Number.isFinite(probe.clockSkewMs))
    },
  },
  {
    title: 'names in its directory the provider and the operatory that it books for',
    async run({ system, place }) {
      const names = new Set<string>()
      for await (const { kind, record } of system.directory()) names.add(`${kind} ${record.foreignId}`)
      holds(names.has(`provider ${place.provider}`))
      if (place.operatory !== null) holds(names.has(`operatory ${place.operatory}`))
    },
  },
  {
    title: 'loads everything from nothing, each patient before the appointments that name it',
    async run(world) {
      const { foreignId } = await deskBooking(world)
      const known = new Set<string>()
      let found = false
      for (const one of (await readOn(world.system, null)).records) {
        if (one.kind === 'patient') known.add(one.record.foreignId)
        if (one.kind !== 'appointment') continue
        found ||= one.record.foreignId === foreignId
        if (one.record.patient !== null)
          holds(
            known.has(one.record.patient),
            `the patient of ${one.record.foreignId} comes after it, or never`,
          )
      }
      holds(found, 'what the desk had booked is missing')
    },
  },
  {
    title: 'tells from its cursor on what the front desk books, moves and cancels',
    async run(world) {
      const { cursor } = await readOn(world.system, null)
      const booked = await deskBooking(world)
      const first = await readOn(world.system, cursor)
      const find = (records: typeof first.records) =>
        appointmentsIn(records).find((record) => record.foreignId === booked.foreignId)
      const { start, end, patient, provider, operatory } = find(first.records) ?? {}
      const { place } = world
      const { foreignId: _, ...times } = booked
      same({ start, end, patient }, { ...times, patient: world.patient })
      same({ provider, operatory }, { provider: place.provider, operatory: place.operatory })
      const to = await world.freeStart()
      await world.desk.move(booked.foreignId, to, addMs(to, minutes(30)))
      const second = await readOn(world.system, first.cursor)
      is(find(second.records)?.start, to)
      await world.desk.cancel(booked.foreignId)
      is(find((await readOn(world.system, second.cursor)).records)?.cancelled, true)
    },
  },
  {
    title: 'reads all of a window, and nothing that lies beside it',
    async run(world) {
      const inside = await deskBooking(world)
      const ids = async (from: string, to: string) =>
        appointmentsIn(await windowOf(world.system, from, to)).map((record) => record.foreignId)
      const { foreignId, start, end } = inside
      holds((await ids(start, end)).includes(foreignId))
      holds((await ids(addMs(start, minutes(10)), addMs(start, minutes(20)))).includes(foreignId))
      holds(!(await ids(end, addMs(end, minutes(30)))).includes(foreignId), 'it ends where the window begins')
      holds(
        !(await ids(addMs(start, -minutes(30)), start)).includes(foreignId),
        'it begins where the window ends',
      )
    },
  },
  {
    title: 'finds a row by its foreign id and by our marker, and none where none is',
    async run(world) {
      const record = await inserted(world)
      const { foreignId, marker } = record
      is((await world.system.find({ foreignId }))?.foreignId, foreignId)
      if (marker !== null) is((await world.system.find({ marker }))?.foreignId, foreignId)
      is(await world.system.find({ marker: world.system.reserve() }), null)
    },
  },
  {
    title: 'tells a row that the front desk took out, or lets a look find that it is gone',
    passedOver: (_, { desk }) => (desk.remove ? null : 'the desk there cannot take a row out'),
    async run(world) {
      const { foreignId, start, end } = await deskBooking(world)
      const { cursor } = await readOn(world.system, null)
      await world.desk.remove?.(foreignId)
      const { records } = await readOn(world.system, cursor)
      const told = records.some((one) => one.kind === 'gone' && one.foreignId === foreignId)
      if (world.system.capabilities.reads.deletions === 'told') holds(told, 'the deletion is not told')
      is(await world.system.find({ foreignId }), null)
      const rows = appointmentsIn(await windowOf(world.system, start, end))
      holds(!rows.some((record) => record.foreignId === foreignId), 'the window still shows it')
    },
  },
  {
    title: 'finds a person by name and birth date, whatever the case of the letters',
    passedOver: ({ writes }) => (writes.new_patient ? null : 'it enters no patients'),
    async run(world) {
      const draft = world.stranger()
      const record = await inserted(world, { patient: { marker: world.system.reserve(), draft } })
      const query = { birthDate: draft.birthDate ?? '', firstName: draft.firstName.toUpperCase() }
      const found = await world.system.findPatients({ ...query, lastName: draft.lastName })
      same(
        found.map((one) => one.foreignId),
        [record.patient],
      )
    },
  },
  {
    title: 'finds those who may be a person by the birth date, and by the phone, whatever their names',
    passedOver: ({ writes }, { system }) =>
      writes.new_patient && system.findAlike ? null : 'it finds people by name alone',
    async run(world) {
      const draft = world.stranger()
      const { patient } = await inserted(world, { patient: { marker: world.system.reserve(), draft } })
      const found = async (birthDate: string | null, phones: string[]) =>
        (await world.system.findAlike?.({ birthDate, phones }))?.map(({ foreignId }) => foreignId) ?? []
      const phones = draft.phone === null ? [] : [draft.phone]
      holds((await found(draft.birthDate, [])).includes(patient ?? ''), 'not by the birth date')
      holds((await found(null, phones)).includes(patient ?? ''), 'not by the phone')
      holds(!(await found('1899-12-31', [])).includes(patient ?? ''), 'by a birth date of somebody else')
    },
  },
]
