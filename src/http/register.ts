/** Puts a route on the server: who is asking, what was sent, the transaction, the envelope. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { inOneTransaction, inTenant, inTenantReading, inWork, type Tenant } from '../db/database.ts'
import { Failure } from '../model/failures.ts'
import { limitsOf } from '../model/rate-limits.ts'
import { ErrorEnvelope, envelopeOf } from '../model/wire-basics.ts'
import type { Caller, Target } from '../store/access.ts'
import { withAlternatives } from './alternatives.ts'
import { type Audited, auditedBy } from './audit.ts'
import { type Admission, authenticate } from './authenticate.ts'
import type { ServerContext } from './context.ts'
import { type Answer, refusal, success } from './envelope.ts'
import { awaitFreshness, DATA_AS_OF, dataAsOf } from './freshness.ts'
import type { GivenBody } from './given-body.ts'
import {
  fingerprintOf,
  type Once,
  onceInAccount,
  onceInTenant,
  REPLAYED_HEADER,
  type Rendered,
  readIdempotencyKey,
  type Sent,
} from './idempotency.ts'
import type { RateLimits } from './rate-limit.ts'
import { type AccountInput, type AccountRoute, isTenantRoute, type Route, type TenantRoute } from './route.ts'
import type { Tokens } from './tokens.ts'
import { spanOf, withTrace } from './traces.ts'
import { unroutedWord } from './unrouted.ts'
import { type Checked, checkerOf } from './validate.ts'
import { chooseVersion } from './versions/choose.ts'
import { sendAsV2 } from './versions/content-type.ts'

const ACCESS_DENIED = "You don't have access to perform this action."

/** Parameters that every route takes without a word. */
const ALWAYS_KNOWN = new Set(['subdomain'])

const JSON_TYPE = 'application/json; charset=utf-8'

/** What every route of a server shares. */
export interface Serving {
  context: ServerContext
  tokens: Tokens
  rates: RateLimits
}

/** A request that is being answered. */
interface Asked extends Serving {
  route: Route
  checkers: Checkers
  audited: Audited
  request: FastifyRequest
  reply: FastifyReply
}

interface Checkers {
  query(input: unknown): Checked
  params(input: unknown): Checked
  body(input: unknown): Checked
}

const nothing = (input: unknown): Checked => ({
  value: {},
  faults: [],
  ignored: Object.keys((input ?? {}) as object),
})

/** Registers a route under its version; v2 and v3 of a path may both be there. */
export function register(app: FastifyInstance, serving: Serving, route: Route): void {
  const { context } = serving
  const checkers: Checkers = {
    query: route.query ? checkerOf(route.query) : nothing,
    params: route.params ? checkerOf(route.params) : nothing,
    body: route.body ? checkerOf(route.body) : nothing,
  }
  const audited = auditedBy(route)
  const envelope = envelopeOf(route.data, route.paging ?? 'none')
  app.route({
    method: route.method,
    url: route.path.replaceAll(/\{(\w+)\}/g, ':$1'),
    constraints: { nexVersion: route.face === 'v3' ? 'v3' : 'v2' },
    schema: { response: { '2xx': envelope, '4xx': ErrorEnvelope, '5xx': ErrorEnvelope } },
    ...(route.face === 'v2' && { onSend: sendAsV2 }),
    handler: async (request, reply) => {
      const sent = await answerTo({
        ...serving,
        context: withTrace(context, request),
        route,
        checkers,
        audited,
        request,
        reply,
      })
      if (sent.owes) context.wake()
      reply.code(sent.status)
      if (sent.replayed) reply.header(REPLAYED_HEADER, 'true')
      return sent.status === 204 ? reply.send() : reply.type(JSON_TYPE).send(sent.text)
    },
  })
}

async function answerTo(asked: Asked): Promise<Sent> {
  const { route, context, tokens, request } = asked
  const { database } = context
  const target = targetOf(route, request)
  const admission = await authenticate(database, tokens, request.headers.authorization, target)
  const { caller } = admission
  const { institution } = caller
  Object.assign(request, { keyId: caller.keyId, institutionId: institution?.id ?? null })
  if (institution) spanOf(request)?.set({ 'slotbridge.institution.id': institution.id })
  await refuseTooMany(asked, caller)
  if (route.scope && !caller.scopes.includes(route.scope))
    throw new Failure('forbidden', [ACCESS_DENIED, `The API key lacks the scope ${route.scope}`])
  const key = readIdempotencyKey(request)
  const isKeyed = key !== null
  // With a key the input is read last: what was answered already is not judged again.
  const { audited } = asked
  if (isKeyed && isTenantRoute(route) && institution) {
    const once = onceOf(asked, caller, key)
    const sent = await onceInTenant(database, institution.id, once, async (tx) => {
      const input = readInput(asked, admission, isKeyed)
      return render(asked, await route.handle({ ...input, tx, institution }), input.warnings)
    })
    return audited.keyed(request, sent)
  }
  if (isKeyed && !isTenantRoute(route)) {
    const sent = await onceInAccount(database, onceOf(asked, caller, key), async (joined) => {
      const input = readInput(asked, admission, isKeyed)
      const answer = await route.handle({ ...input, context: { ...context, database: joined } })
      return render(asked, answer, input.warnings)
    })
    return audited.keyed(request, sent)
  }
  const input = readInput(asked, admission, isKeyed)
  const rendered = isTenantRoute(route)
    ? await inInstitution(asked, route, input, target)
    : await inAccount(asked, route, input)
  return { ...rendered, replayed: false }
}

/** Spends of the key's limits, and says how they stand (decision 20: integer seconds). */
async function refuseTooMany({ route, rates, reply }: Asked, caller: Caller): Promise<void> {
  const spent = await rates.spend(caller, limitsOf(route.method, route.path))
  if (!spent) return
  reply.headers({
    'ratelimit-limit': spent.limit,
    'ratelimit-remaining': spent.remaining,
    'ratelimit-reset': spent.resetSeconds,
  })
  if (!spent.isOver) return
  reply.header('retry-after', spent.resetSeconds)
  throw new Failure('rate_limited', [
    'Too many requests',
    `This API key may send ${spent.limit} of these in its window; the next begins in ${spent.resetSeconds} s`,
  ])
}

function onceOf(asked: Asked, { accountId }: Caller, key: string): Once {
  const fingerprint = fingerprintOf(asked.route, asked.request)
  return {
    accountId,
    key,
    fingerprint,
    refuse: (failure) => renderRefusal(asked, failure),
    audit: (tx, status) => asked.audited.append(tx, asked.request, status),
  }
}

/** An answer by the route's schema: what is not in it cannot leave. */
function render({ route, audited, request, reply }: Asked, answer: Answer, warnings: string[]): Rendered {
  const status = answer.status ?? route.status ?? 200
  audited.shows(request, answer.data)
  const owes = answer.owes ?? false
  if (status === 204) return { status, text: '', owes }
  const text = serialize(reply, status, success(answer, warnings))
  if (!route.shownOnce) return { status, text, owes }
  const hidden = Object.fromEntries(route.shownOnce.map((name) => [name, null]))
  const later = success({ ...answer, data: { ...(answer.data as object), ...hidden } }, [
    ...warnings,
    `This is a replay: ${route.shownOnce.join(' and ')} left with the first answer and cannot be shown again.`,
  ])
  return { status, text, owes, later: serialize(reply, status, later) }
}

function renderRefusal({ request, reply }: Asked, failure: Failure): Rendered {
  const { status, body } = refusal(failure, request.id)
  return { status, text: serialize(reply, status, body) }
}

function serialize(reply: FastifyReply, status: number, body: object): string {
  return String(reply.code(status).serialize(body))
}

/** What the request says of its institution, before anything else of it is read. */
function targetOf(route: Route, request: FastifyRequest): Target {
  const query = request.query as Record<string, unknown>
  const params = request.params as Record<string, unknown>
  // PostgreSQL holds no NUL: such a name is nobody's.
  const given = typeof query.subdomain === 'string' ? query.subdomain.replaceAll('\0', '?') : ''
  const subdomain = given === '' ? undefined : given
  if (route.by === 'account') return { subdomain }
  const named = String(params.id ?? query.location_id ?? '')
  const id = /^[1-9]\d{0,14}$/.test(named) ? Number(named) : undefined
  return { subdomain, noun: route.by === 'subdomain' ? undefined : route.by, id }
}

function readInput(
  { route, context, checkers, audited, request, reply }: Asked,
  admission: Admission,
  isKeyed: boolean,
): AccountInput {
  const sent = request.body as GivenBody | undefined
  if (sent && !sent.isJson) throw new Failure('invalid_request', 'The body is not valid JSON')
  const query = checkers.query(request.query)
  const params = checkers.params(request.params)
  const body = checkers.body(sent?.value)
  audited.names(request, { query: query.value, params: params.value, body: body.value })
  const missing = route.by === 'subdomain' && !given(request.query) ? ['Missing parameter subdomain'] : []
  // A word that cannot be an id names nothing that is there, or a path that takes other methods.
  if (params.faults.length > 0) {
    const { failure, allow } = unroutedWord(request)
    if (allow) reply.header('allow', allow)
    throw failure
  }
  const more = route.check?.(query.value, body.value ?? {}) ?? []
  const faults = [...new Set([...missing, ...query.faults, ...body.faults, ...more])]
  if (faults.length > 0) throw new Failure('invalid_request', faults)
  const chosen = chooseVersion(request.headers)
  const ignored = [...query.ignored.filter((name) => !ALWAYS_KNOWN.has(name)), ...body.ignored]
  const warnings = [...admission.warnings, ...chosen.warnings]
  if (ignored.length > 0) warnings.push(ignoredWarning(ignored))
  for (const name of query.bare ?? [])
    warnings.push(`${name} came without brackets and was taken as a list; send ${name}[] for each.`)
  return {
    context,
    caller: admission.caller,
    version: chosen.version,
    query: query.value,
    params: params.value,
    body: body.value,
    isKeyed,
    warnings,
  }
}

/** Whether a query names a subdomain at all. */
function given(query: unknown): boolean {
  const { subdomain } = query as Record<string, unknown>
  return subdomain !== undefined && subdomain !== ''
}

/** NexHealth's words for it (reference, 2.1). Names are the caller's own: cut short, and few. */
function ignoredWarning(names: string[]): string {
  const shown = names.slice(0, 20).map((name) => name.slice(0, 60).replace(/[^\w.[\]-]/g, '?'))
  return `Note that following parameters are ignored: ${shown.join(', ')}.`
}

async function inInstitution(
  asked: Asked,
  route: TenantRoute,
  input: AccountInput,
  target: Target,
): Promise<Rendered> {
  const { institution } = input.caller
  if (!institution) {
    // A foreign id is not told from an unknown one; a foreign subdomain is refused (reference, 6.1).
    if (target.subdomain !== undefined) throw new Failure('forbidden', ACCESS_DENIED)
    throw new Failure('not_found', `${nounOf(route)} not found`)
  }
  const { database } = input.context
  const { audited, request, reply } = asked
  if (route.isFresh) await awaitFreshness(input, institution.id, reply)
  const transaction = route.method === 'GET' ? inTenantReading : inTenant
  const transact = <T>(run: (tx: Tenant) => Promise<T>) =>
    withAlternatives(database, institution.id, () => transaction(database, institution.id, run))
  const handle = async (tx: Tenant) => {
    // Asked first, so that what is shown is as new or newer, and sent without waiting for it.
    const fresh = route.isFresh ? dataAsOf(tx, input) : Promise.resolve(null)
    const [asOf, answer] = await Promise.all([fresh, route.handle({ ...input, tx, institution })])
    if (asOf !== null) reply.header(DATA_AS_OF, asOf)
    return answer
  }
  if (route.method === 'GET') return render(asked, await transact(handle), input.warnings)
  const rendered = await transact(async (tx) => {
    const rendered = render(asked, await handle(tx), input.warnings)
    await audited.append(tx, request, rendered.status)
    return rendered
  })
  audited.committed(request, rendered.status)
  return rendered
}

/** What changes something of the account does so in one transaction, with its row of the audit. */
async function inAccount(asked: Asked, route: AccountRoute, input: AccountInput): Promise<Rendered> {
  if (route.method === 'GET') return render(asked, await route.handle(input), input.warnings)
  const { audited, request } = asked
  const rendered = await inOneTransaction(input.context.database, async (joined) => {
    const answer = await route.handle({ ...input, context: { ...input.context, database: joined } })
    const rendered = render(asked, answer, input.warnings)
    await inWork(joined, (tx) => audited.append(tx, request, rendered.status))
    return rendered
  })
  audited.committed(request, rendered.status)
  return rendered
}

function nounOf(route: TenantRoute): string {
  const words = route.by.replaceAll('_', ' ')
  return words.charAt(0).toUpperCase() + words.slice(1)
}
