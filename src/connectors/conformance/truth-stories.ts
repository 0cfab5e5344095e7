/** Stories of the truth: what a lost connection leaves, what happened twice, and who changed what. */
import { holds, inserted, insertionIn, is, type Story, same, writtenOf } from './story.ts'

const uncut: NonNullable<Story['passedOver']> = (_, world) =>
  world.cutting ? null : 'the wire there cannot be cut'

const told = (when: 'before' | 'after'): Story => ({
  title: `calls an insertion unknown, or knows, whose connection was lost ${when} it took effect`,
  passedOver: uncut,
  async run(world) {
    const request = await insertionIn(world)
    const outcome = await world.cutting?.(when, (system) => system.insert(request))
    const standing = await world.standingAt(request.start)
    is(standing.length, when === 'after' ? 1 : 0, 'the world did not cut where it said')
    const kind = outcome?.kind
    if (when === 'after')
      holds(kind === 'unknown' || kind === 'written', `it is in effect, and called ${kind}`)
    else holds(kind !== 'written', 'it is not in effect, and called written')
    const found = await world.system.find({ marker: request.marker })
    is(found !== null, when === 'after', 'a look must tell')
    if (world.system.capabilities.effect === 'detected' && found !== null) return
    const record = writtenOf(await world.system.insert(request))
    if (found !== null) is(record.foreignId, found.foreignId)
    is((await world.standingAt(request.start)).length, 1)
  },
})

export const truthStories: Story[] = [
  told('before'),
  told('after'),
  {
    title: 'finds a copy of ours that took effect too',
    passedOver: ({ effect }, { system }) => {
      if (effect === 'once') return 'the system refuses a second copy itself'
      return system.copies ? null : 'it does not look for copies'
    },
    async run(world) {
      const request = await insertionIn(world, { overbook: true })
      const ids = [await world.system.insert(request), await world.system.insert(request)].map(
        (outcome) => writtenOf(outcome).foreignId,
      )
      const copies = (await world.system.copies?.(request.marker)) ?? []
      // A system may have answered the second request with the first copy, as long as nothing else stands.
      same(copies.map((copy) => copy.foreignId).sort(), [...new Set(ids)].sort())
    },
  },
  {
    title: 'tells from its history what we wrote from what the front desk made of it',
    passedOver: (_, { system }) => (system.history ? null : 'the system keeps no history'),
    async run(world) {
      const record = await inserted(world, { note: 'Ours' })
      await world.desk.note(record.foreignId, 'Theirs')
      const entries = (await world.system.history?.(record.foreignId)) ?? []
      same(
        entries.map((entry) => [entry.by, entry.record?.note]),
        [
          ['program', 'Ours'],
          ['front_desk', 'Theirs'],
        ],
      )
    },
  },
]
