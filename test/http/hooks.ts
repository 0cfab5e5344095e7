/** A served practice whose webhooks a test sets up and looks at. Nothing delivers; the sequencer runs when it is asked to. */
import { buildServer } from '../../src/http/server.ts'
import { recordEvent } from '../../src/store/events.ts'
import { sequenceHandler } from '../../src/sync/sequence.ts'
import { targetFaults } from '../../src/webhooks/target.ts'
import { startWork } from '../../src/work/loop.ts'
import { openWake } from '../../src/work/wake.ts'
import { until } from '../support/until.ts'
import { allow } from '../webhooks/telling.ts'
import { type Served, sandboxFace, serve } from './served.ts'

export const TARGET = 'https://hooks.example.com/nex'
export const at = '?subdomain=willow-creek'
export const subscriptionsOf = (id: number) => `/webhook_endpoints/${id}/webhook_subscriptions`

export interface Answered {
  status: number
  type: string
  text: string
  // biome-ignore lint/suspicious/noExplicitAny: a test looks into whatever came back
  body: any
}

export interface Asked {
  version?: string
  /** In place of the key that has every scope. */
  key?: string
}

export interface Hooks extends AsyncDisposable {
  served: Served
  ask(
    method: 'GET' | 'POST' | 'PATCH' | 'DELETE',
    url: string,
    body?: unknown,
    asked?: Asked,
  ): Promise<Answered>
  newEndpoint(): Promise<{ id: number; secret_key: string }>
  /** Commits an event, and lets the sequencer fan it out. */
  tell(event: Parameters<typeof recordEvent>[1]): Promise<void>
  /** The same of an appointment that was updated. */
  tellOne(appointmentId: number): Promise<void>
}

export async function openHooks(): Promise<Hooks> {
  const served = await serve()
  const { database, clock } = served.t
  const webhookTargetFaults = (url: string) => targetFaults(url, allow())
  const app = buildServer({
    database,
    clock,
    connectors: [sandboxFace],
    webhookTargetFaults,
    wake: () => undefined,
  })
  const hooks: Hooks = {
    served,
    async ask(method, url, body, asked = {}) {
      const answer = await app.inject({
        method,
        url,
        headers: {
          authorization: asked.key ?? served.key,
          ...(asked.version ? { 'nex-api-version': asked.version } : {}),
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        ...(body === undefined ? {} : { payload: JSON.stringify(body) }),
      })
      return {
        status: answer.statusCode,
        type: String(answer.headers['content-type'] ?? ''),
        text: answer.body,
        body: answer.body === '' ? null : JSON.parse(answer.body),
      }
    },
    newEndpoint: async () =>
      (await hooks.ask('POST', '/webhook_endpoints', { target_url: TARGET })).body.data,
    async tell(event) {
      await served.tenant((tx) => recordEvent(tx, event))
      await using wake = openWake(database.pool, null)
      const log = { error: () => undefined }
      const work = startWork({
        database,
        clock,
        wake,
        log,
        handlers: { sequence: sequenceHandler() },
        slots: 2,
      })
      await until('the fan-out', async () => {
        const left = await served.t.look(
          'select event_id from event_order where position is null union all select institution_id from event_progress where fanned_out < positioned',
        )
        return left.length === 0
      })
      await work.stop(5_000)
    },
    async tellOne(appointmentId) {
      const body = { appointment: { id: appointmentId, note: 'made up', deleted: false } }
      await hooks.tell({
        name: 'appointment_updated',
        resourceType: 'Appointment',
        subjectId: appointmentId,
        body,
      })
    },
    async [Symbol.asyncDispose]() {
      await app.close()
      await served[Symbol.asyncDispose]()
    },
  }
  return hooks
}
