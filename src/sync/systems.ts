/** Open connections to record systems: one for each data source and process, made anew when its configuration changes. */
import { createHash } from 'node:crypto'
import type { ConnectorContext, ConnectorFactory, RecordSystem } from '../connectors/connector.ts'
import type { DataSource } from '../store/data-sources.ts'
import type { Hold } from '../work/hold.ts'
import { paceOf } from './pace.ts'

export interface Systems extends AsyncDisposable {
  /** The record system of a data source whose unit is held; its requests keep the source's pace. */
  open(hold: Hold, source: DataSource): Promise<RecordSystem>
}

export function openSystems(
  connectors: Record<string, ConnectorFactory>,
  context: ConnectorContext,
): Systems {
  const known = new Map<string, { print: string; system: Promise<RecordSystem> }>()
  return {
    async open(hold, source) {
      const key = `${hold.unit.institutionId}/${source.id}`
      const print = createHash('sha256')
        .update(JSON.stringify([source.configuration, source.requests_per_second]))
        .digest('base64')
      const old = known.get(key)
      if (old?.print === print) return await old.system
      await old?.system.then((system) => system[Symbol.asyncDispose]()).catch(() => undefined)
      const factory = connectors[source.connector]
      if (!factory) throw new Error(`no connector named ${source.connector}`)
      const system = factory.open(source.configuration, {
        now: () => context.now(),
        paced: paceOf(source, hold.aside),
      })
      known.set(key, { print, system })
      // A failed opening is tried anew the next time.
      system.catch(() => known.delete(key))
      return await system
    },
    async [Symbol.asyncDispose]() {
      for (const { system } of known.values())
        await system.then((open) => open[Symbol.asyncDispose]()).catch(() => undefined)
    },
  }
}
