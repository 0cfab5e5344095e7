/** All commands, in the order of the help. */
import type { Command, Listed } from './command.ts'

export const commands: Listed[] = [
  { name: 'demo', load: async () => (await import('./demo.ts')).demo },
  { name: 'serve', load: async () => (await import('./serve.ts')).serve },
  { name: 'doctor', load: async () => (await import('./doctor.ts')).doctor },
  { name: 'migrate', load: async () => (await import('./migrate.ts')).migrate },
  ...listed(
    ['institution add', 'institution list', 'institution set'],
    async () => (await import('./institution.ts')).institutionCommands,
  ),
  ...listed(
    ['institution rotate-key', 'institution delete'],
    async () => (await import('./institution-end.ts')).institutionEndCommands,
  ),
  ...listed(
    ['location add', 'location list', 'location set'],
    async () => (await import('./location.ts')).locationCommands,
  ),
  ...listed(
    ['source add', 'source list', 'source test', 'source set', 'source remove'],
    async () => (await import('./source.ts')).sourceCommands,
  ),
  ...listed(
    ['source show', 'source resume'],
    async () => (await import('./source-state.ts')).sourceStateCommands,
  ),
  { name: 'source key', load: async () => (await import('./source-key.ts')).sourceKey },
  ...listed(
    ['key add', 'key list', 'key limit', 'key revoke'],
    async () => (await import('./key.ts')).keyCommands,
  ),
  { name: 'key rotate-master', load: async () => (await import('./rotate-master.ts')).rotateMaster },
  { name: 'import-ids', load: async () => (await import('./import-ids.ts')).importIds },
  ...listed(['writes', 'writes resolve'], async () => (await import('./writes.ts')).writeCommands),
  { name: 'recover', load: async () => (await import('./recover.ts')).recover },
  ...listed(
    ['audit verify', 'audit head', 'audit export'],
    async () => (await import('./audit.ts')).auditCommands,
  ),
  ...listed(['data export', 'data import'], async () => (await import('./data.ts')).dataCommands),
  ...listed(
    ['webhooks listen', 'webhooks list', 'webhooks replay'],
    async () => (await import('./webhooks.ts')).webhookCommands,
  ),
  { name: 'call', load: async () => (await import('./call.ts')).call },
  { name: 'sandbox desk', load: async () => (await import('./sandbox.ts')).sandboxDesk },
  { name: 'sandbox fault', load: async () => (await import('./sandbox-fault.ts')).sandboxFault },
  { name: 'bench latency', load: async () => (await import('./bench-latency.ts')).benchLatency },
  { name: 'bench sync', load: async () => (await import('./bench-sync.ts')).benchSync },
  { name: 'bench webhooks', load: async () => (await import('./bench-webhooks.ts')).benchWebhooks },
  { name: 'bench slots', load: async () => (await import('./bench-slots.ts')).benchSlots },
  { name: 'bench tenants', load: async () => (await import('./bench-tenants.ts')).benchTenants },
  { name: 'bench api', load: async () => (await import('./bench-api.ts')).benchApi },
  { name: 'bench read', load: async () => (await import('./bench-read.ts')).benchRead },
  { name: 'bench recover', load: async () => (await import('./bench-recover.ts')).benchRecover },
  { name: 'bench start', load: async () => (await import('./bench-start.ts')).benchStart },
]

/** Several commands of one file, by the names that they bear there. */
function listed(names: string[], load: () => Promise<Command[]>): Listed[] {
  return names.map((name) => ({
    name,
    load: async () => {
      const command = (await load()).find((each) => each.name === name)
      if (!command) throw new Error(`There is no command ${name} where the table says.`)
      return command
    },
  }))
}
