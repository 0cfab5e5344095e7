/** All commands, in the order of the help. */
import { auditCommands } from './audit.ts'
import { benchApi } from './bench-api.ts'
import { benchLatency } from './bench-latency.ts'
import { benchRecover } from './bench-recover.ts'
import { benchSlots } from './bench-slots.ts'
import { benchStart } from './bench-start.ts'
import { benchSync } from './bench-sync.ts'
import { benchTenants } from './bench-tenants.ts'
import { benchWebhooks } from './bench-webhooks.ts'
import { call } from './call.ts'
import type { Command } from './command.ts'
import { dataCommands } from './data.ts'
import { demo } from './demo.ts'
import { doctor } from './doctor.ts'
import { importIds } from './import-ids.ts'
import { institutionCommands } from './institution.ts'
import { institutionEndCommands } from './institution-end.ts'
import { keyCommands } from './key.ts'
import { locationCommands } from './location.ts'
import { migrate } from './migrate.ts'
import { recover } from './recover.ts'
import { rotateMaster } from './rotate-master.ts'
import { sandboxDesk } from './sandbox.ts'
import { sandboxFault } from './sandbox-fault.ts'
import { serve } from './serve.ts'
import { sourceCommands } from './source.ts'
import { sourceKey } from './source-key.ts'
import { sourceStateCommands } from './source-state.ts'
import { webhookCommands } from './webhooks.ts'
import { writeCommands } from './writes.ts'

export const commands: Command[] = [
  demo,
  serve,
  doctor,
  migrate,
  ...institutionCommands,
  ...institutionEndCommands,
  ...locationCommands,
  ...sourceCommands,
  ...sourceStateCommands,
  sourceKey,
  ...keyCommands,
  rotateMaster,
  importIds,
  ...writeCommands,
  recover,
  ...auditCommands,
  ...dataCommands,
  ...webhookCommands,
  call,
  sandboxDesk,
  sandboxFault,
  benchLatency,
  benchSync,
  benchWebhooks,
  benchSlots,
  benchTenants,
  benchApi,
  benchRecover,
  benchStart,
]
