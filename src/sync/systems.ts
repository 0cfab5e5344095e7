/** Open connections to record systems: one for each data source and process, made anew when its configuration changes. */
import { createHash } from 'node:crypto'
import type { ConnectorContext, ConnectorFactory, RecordSystem } from '../connectors/connector.ts'
import type { DataSource } from '../store/data-sources.ts'

export interface Systems extends AsyncDisposable {
  open(institutionId: number, source: DataSource): Promise<RecordSystem>
}

export function openSystems(
  connectors: Record<string, ConnectorFactory>,
  context: ConnectorContext,
): Systems {
  const known = new Map<string, { print: string; system: Promise<RecordSystem> }>()
  return {
    async open(institutionId, source) {
      const key = `${institutionId}/${source.id}`
      const print = createHash('sha256').update(JSON.stringify(source.configuration)).digest('base64')
      const old = known.get(key)
      if (old?.print === print) return await old.system
      await old?.system.then((system) => system[Symbol.asyncDispose]()).catch(() => undefined)
      const factory = connectors[source.connector]
      if (!factory) throw new Error(`no connector named ${source.connector}`)
      const system = factory.open(source.configuration, context)
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
