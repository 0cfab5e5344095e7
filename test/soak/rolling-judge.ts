/** Judges a load: by the practice's own journal, by what was told, and by what a receiver heard, against the clients' own list. */
import { journalOf } from '../support/truth.ts'
import { type CrashCounts, judge } from './crash-judge.ts'
import type { PlannedAppointment } from './crash-plan.ts'
import type { Body, Tally } from './rolling-client.ts'
import { type RollingStage, until } from './rolling-stage.ts'

export interface RollingCounts extends CrashCounts, Omit<Tally, 'findings' | 'accepted'> {
  events: number
  events_lost: number
  events_twice: number
  deliveries: number
  untold: number
}

/** An appointment of which everything that was planned was accepted. */
export interface Asked {
  id: number
  planned: PlannedAppointment
}

/** @param events everything that was read of `/events` */
export async function judgeLoad(stage: RollingStage, asked: Asked[], events: Body[]) {
  const told = judgeEvents(asked, events)
  const deliveries = await delivered(stage, asked)
  const judged = await judge(stage.t.look, await journalOf(stage.ask), asked)
  const { findings, accepted: _, ...tally } = stage.ground.tally
  const counts: RollingCounts = { ...judged, ...tally, ...told.counts, ...deliveries.counts }
  return {
    ...counts,
    findings: [...findings, ...judged.findings, ...told.findings, ...deliveries.findings],
    logged: [...stage.errors].map(([what, count]) => `${count} × ${what}`),
  }
}

/** Waits until nothing is owed, and everything has its place in the order of events. */
export async function settled({ t }: RollingStage): Promise<void> {
  await until('the end of every write', async () => {
    const rows = await t.look('select id from writes where ended_at is null or look_again_at is not null')
    return rows.length === 0
  })
  await until('every event to have its position', async () => {
    const rows = await t.look('select event_id from event_order where position is null')
    return rows.length === 0
  })
}

/** How often each appointment was told to be accepted, against how often it was; and each ends once. */
function judgeEvents(asked: Asked[], events: Body[]) {
  const findings: string[] = []
  let [lost, twice] = [0, 0]
  const weigh = (what: string, seen: number, wanted: number): void => {
    if (seen === wanted) return
    findings.push(`${what} was told ${seen} times, not ${wanted}`)
    if (seen < wanted) lost += wanted - seen
    else twice += seen - wanted
  }
  weigh('an event', events.length, new Set(events.map(({ id }) => id)).size)
  const counted = countAppointments(events.map(({ event_name, data }) => [event_name, data]))
  for (const { id, planned } of asked) {
    weigh(`appointment ${id} accepted`, counted(id, 'appointment_accepted'), planned.acts.length)
    weigh(`the insertion of ${id}`, counted(id, 'appointment_insertion'), 1)
  }
  return { counts: { events: events.length, events_lost: lost, events_twice: twice }, findings }
}

function countAppointments(told: [name: string, data: Body][]) {
  const counts = new Map<string, number>()
  for (const [name, data] of told) {
    const key = `${data.appointment?.id} ${name.replace(/\..*$/, '')}`
    counts.set(key, (counts.get(key) ?? 0) + 1)
  }
  return (id: number, name: string): number => counts.get(`${id} ${name}`) ?? 0
}

/** Waits until the receiver was told of everything; at least once is what a webhook promises. */
async function delivered({ receiver }: RollingStage, asked: Asked[]) {
  const untold = (): string[] => {
    const once = new Map(receiver.received.map((one) => [one.headers['webhook-id'], one.body]))
    const counted = countAppointments([...once.values()].map((body) => [body.event_name, body.data]))
    return asked.flatMap(({ id, planned }) => {
      const missing = planned.acts.length - counted(id, 'appointment_accepted')
      const ended = counted(id, 'appointment_insertion')
      return missing === 0 && ended === 1
        ? []
        : [`the receiver misses ${missing} of appointment ${id}, ended ${ended}`]
    })
  }
  await until('every delivery', async () => untold().length === 0).catch(() => undefined)
  const findings = untold()
  return { counts: { deliveries: receiver.received.length, untold: findings.length }, findings }
}
