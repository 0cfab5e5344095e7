/** A route: what it takes, what it answers, who may, and the few lines that do it. `register.ts` does the rest. */
import type { Static, TObject, TSchema } from 'typebox'
import type { Tenant } from '../db/database.ts'
import type { Scope } from '../model/wire-scopes.ts'
import type { Caller, LocatedNoun } from '../store/access.ts'
import type { ServerContext } from './context.ts'
import type { Answer } from './envelope.ts'
import type { Version } from './versions/choose.ts'

/** `ours`: a path that NexHealth does not have; it answers both versions as `application/json`. */
export type Face = Version | 'ours'

interface Input<Query, Params, Body> {
  context: ServerContext
  caller: Caller
  /** The version asked for, which `ours` and fallen-through routes may heed. */
  version: Version
  query: Query
  params: Params
  body: Body
  /** The request bears an Idempotency-Key: what asks for the same under another key, or none, is another request. */
  isKeyed: boolean
  /** Said in the answer's `description`. */
  warnings: string[]
}

export interface TenantInput<Query = unknown, Params = unknown, Body = unknown>
  extends Input<Query, Params, Body> {
  tx: Tenant
  institution: { id: number; subdomain: string; countryCode: string }
}
export type AccountInput<Query = unknown, Params = unknown, Body = unknown> = Input<Query, Params, Body>

interface Shape {
  method: 'GET' | 'POST' | 'PATCH' | 'DELETE'
  path: string
  face: Face
  summary: string
  /** Null: any valid key. */
  scope: Scope | null
  data: TSchema
  /** It shows appointments or slots: the answer says what it is as of, and `max_staleness` is heeded. */
  isFresh?: true
  paging?: 'none' | 'pages' | 'cursors'
  /** The status of success where it is not 200; 204 has no body. */
  status?: 201 | 204
  /** A second one that may be answered too. */
  also?: 200
  /** Fields of the answer's data with a secret that leaves this once: null in a replay. */
  shownOnce?: readonly string[]
}

interface Schemas<Q extends TObject, P extends TObject, B extends TObject> {
  query?: Q
  params?: P
  body?: B
  /** What the schemas cannot say: a sentence for each thing wrong, told together with theirs. */
  check?(query: Partial<Static<Q>>, body: PartialBody<Static<B>>): string[]
}

/** A body that may be wrong in any part. */
type PartialBody<T> = { [K in keyof T]?: T[K] extends object ? Partial<T[K]> : T[K] }

interface TenantShape<Q extends TObject, P extends TObject, B extends TObject>
  extends Shape,
    Schemas<Q, P, B> {
  /**
   * How the institution is told: `subdomain` is required in the query, or the id in the path (`params.id`) or, for
   * locations, `location_id` in the query tells it where `subdomain` is not given (decision 30).
   */
  by: 'subdomain' | LocatedNoun
  handle(input: TenantInput<Static<Q>, Static<P>, Static<B>>): Promise<Answer>
}

interface AccountShape<Q extends TObject, P extends TObject, B extends TObject>
  extends Shape,
    Schemas<Q, P, B> {
  /** A request of the account: no institution, or that of an optional `subdomain`. */
  by: 'account'
  handle(input: AccountInput<Static<Q>, Static<P>, Static<B>>): Promise<Answer>
}

interface Erased {
  query: TObject | undefined
  params: TObject | undefined
  body: TObject | undefined
  check?(query: object, body: object): string[]
}
export type TenantRoute = Shape &
  Erased & { by: 'subdomain' | LocatedNoun; handle(input: TenantInput): Promise<Answer> }
export type AccountRoute = Shape & Erased & { by: 'account'; handle(input: AccountInput): Promise<Answer> }
export type Route = TenantRoute | AccountRoute

/** A route about one institution; `handle` runs in its transaction. */
export function tenantRoute<Q extends TObject, P extends TObject, B extends TObject>(
  shape: TenantShape<Q, P, B>,
): TenantRoute {
  return { query: undefined, params: undefined, body: undefined, ...shape } as unknown as TenantRoute
}

/** A route about the account; `handle` opens what transactions it needs. */
export function accountRoute<Q extends TObject, P extends TObject, B extends TObject>(
  shape: AccountShape<Q, P, B>,
): AccountRoute {
  return { query: undefined, params: undefined, body: undefined, ...shape } as unknown as AccountRoute
}

/** Whether a route works inside one institution. */
export function isTenantRoute(route: Route): route is TenantRoute {
  return route.by !== 'account'
}
