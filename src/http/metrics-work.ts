/** What the work loops of this process do: how many turns, how long, how many failed, and how full the loops are. */
import { Counter, Gauge, Histogram, type Registry } from 'prom-client'
import type { WatchedLoop } from './context.ts'

/** A turn lasts two seconds and the item at hand, unless a record system or a receiver is slow. */
const TURN_SECONDS = [0.01, 0.05, 0.1, 0.5, 1, 2.5, 5, 10, 30, 120]

/** Counts the turns from now on. */
export function watchLoops(registry: Registry, loops: WatchedLoop[]): void {
  if (loops.length === 0) return
  const registers = [registry]
  const turns = new Counter({
    name: 'slotbridge_work_turns_total',
    help: 'Turns of units that ended in this process, by kind and result (ok, failed, taken_over)',
    labelNames: ['kind', 'result'],
    registers,
  })
  const duration = new Histogram({
    name: 'slotbridge_work_turn_duration_seconds',
    help: 'How long the turns of units took',
    labelNames: ['kind'],
    buckets: TURN_SECONDS,
    registers,
  })
  for (const { onTurn } of loops)
    onTurn(({ kind, result, seconds }) => {
      turns.inc({ kind, result })
      duration.observe({ kind }, seconds)
    })
  const labelNames = ['loop']
  new Gauge({
    name: 'slotbridge_work_units_running',
    help: 'Units that have their turn in this process now',
    labelNames,
    registers,
    collect() {
      for (const { name, running } of loops) this.set({ loop: name }, running())
    },
  })
  new Gauge({
    name: 'slotbridge_work_slots',
    help: 'Units that this process runs at once; slow receivers hold none',
    labelNames,
    registers,
    collect() {
      for (const { name, slots } of loops) this.set({ loop: name }, slots)
    },
  })
  new Gauge({
    name: 'slotbridge_work_since_look_seconds',
    help: 'Since this process last came through a look for work',
    labelNames,
    registers,
    collect() {
      for (const { name, sinceLookMs } of loops) this.set({ loop: name }, sinceLookMs() / 1000)
    },
  })
}
