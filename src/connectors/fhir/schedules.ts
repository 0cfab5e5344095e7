/** Whether the server keeps Schedules, and lets us see them: a client may have been let in for less than the server can do. */
import { Unavailable } from '../connector.ts'
import { readAny } from './answers.ts'
import type { Feeding } from './changes.ts'
import { readResource } from './resources.ts'

type Schedules = 'some' | 'none' | 'forbidden'

/** Asks, and keeps the answer with `feeding`. @throws Unavailable */
export async function lookForSchedules(feeding: Feeding): Promise<Schedules> {
  feeding.schedules = await ask(feeding)
  return feeding.schedules
}

/** Once seen they are taken to be there still. `forbidden` is none, unless the setting wants Slots taken. @throws Unavailable */
export async function keepsSchedules(feeding: Feeding): Promise<boolean> {
  const schedules = feeding.schedules === 'some' ? 'some' : await lookForSchedules(feeding)
  if (schedules === 'forbidden' && feeding.settings.slots !== null)
    throw new Unavailable('The FHIR server does not let us search Schedules, whose Slots are to be taken.')
  // Where everyone books by Slots, no Schedule means that no time is offered.
  return schedules === 'some' || feeding.features.slots === 'everyone'
}

async function ask({ http, features }: Feeding): Promise<Schedules> {
  if (!features.can('Schedule', 'search-type') || !features.can('Slot', 'search-type')) return 'none'
  const reply = await readAny(http, { method: 'GET', path: 'Schedule?_count=1' }, [200, 403])
  if (reply.status === 403) return 'forbidden'
  const bundle = readResource('Bundle', reply.body)
  if ('misfit' in bundle) throw new Unavailable(`the FHIR server answered no bundle: ${bundle.misfit}`)
  const isOne = (resource: unknown) => !('misfit' in readResource('Schedule', resource))
  return bundle.entry?.some(({ resource }) => isOne(resource)) ? 'some' : 'none'
}
