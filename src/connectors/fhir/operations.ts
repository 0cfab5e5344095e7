/**
 * Operations on Appointment by which a server wants to be booked ($book, $hold, $confirm, $cancel), as its
 * CapabilityStatement names them, else its OperationDefinitions (hl7.org/fhir/R4/operations.html). No two servers
 * give their parameter the same name: the definition tells it.
 */
import Type from 'typebox'
import { Compile } from 'typebox/compile'
import { readReply } from './answers.ts'
import type { Settings } from './configuration.ts'
import type { FhirHttp } from './http.ts'
import { pagesOf } from './search.ts'

export const OPERATIONS = ['book', 'hold', 'confirm', 'cancel'] as const
export type Operation = (typeof OPERATIONS)[number]

export interface Operations {
  has: ReadonlySet<Operation>
  /** Under which name an operation takes the proposed Appointment. */
  parameter: string
}

export const NO_OPERATIONS: Operations = { has: new Set(), parameter: 'appointment' }

const Text = Type.Optional(Type.String())
const isStatement = Compile(
  Type.Object({
    rest: Type.Array(
      Type.Object({
        resource: Type.Optional(
          Type.Array(
            Type.Object({
              type: Type.String(),
              interaction: Type.Optional(Type.Array(Type.Object({ code: Text }))),
              operation: Type.Optional(Type.Array(Type.Object({ name: Type.String(), definition: Text }))),
            }),
          ),
        ),
      }),
    ),
  }),
)
const isDefinition = Compile(
  Type.Object({
    resourceType: Type.Literal('OperationDefinition'),
    code: Type.String(),
    resource: Type.Optional(Type.Array(Type.String())),
    parameter: Type.Optional(Type.Array(Type.Object({ name: Type.String(), use: Text, type: Text }))),
  }),
)

/** `body`: the CapabilityStatement. The configuration names them instead where it does. @throws Unavailable */
export async function readOperations(
  http: FhirHttp,
  body: unknown,
  settings: Pick<Settings, 'baseUrl' | 'operations'>,
): Promise<Operations> {
  if (!isStatement.Check(body)) return NO_OPERATIONS
  const types = body.rest.flatMap((rest) => rest.resource ?? [])
  const named = types.find(({ type }) => type === 'Appointment')?.operation ?? []
  const has = new Set(named.flatMap(({ name }) => operationNamed(name.replace(/^\$/, ''))))
  const definitions: unknown[] = []
  const own = named.find(({ name }) => /^\$?book$/.test(name))?.definition
  const path = own?.startsWith(`${settings.baseUrl}/`) ? own.slice(settings.baseUrl.length + 1) : own
  if (path !== undefined && /^OperationDefinition\/[A-Za-z0-9.-]+$/.test(path)) {
    definitions.push((await readReply(http, { method: 'GET', path })).body)
  } else if (searchesDefinitions(types)) {
    for await (const page of pagesOf(http, `OperationDefinition?code=${OPERATIONS.join(',')}`))
      definitions.push(...page.entries.map(({ resource }) => resource))
  }
  let parameter = NO_OPERATIONS.parameter
  for (const definition of definitions) {
    if (!isDefinition.Check(definition) || !definition.resource?.includes('Appointment')) continue
    const [operation] = operationNamed(definition.code)
    if (operation === undefined) continue
    has.add(operation)
    // IHE's and Argonaut's take a reference too, under another name: the resource is what we have.
    const resource = definition.parameter?.find(
      ({ use, type, name }) => use === 'in' && (type === 'Appointment' || /-resource$/.test(name)),
    )
    if (operation === 'book') parameter = resource?.name ?? parameter
  }
  return { has: settings.operations === null ? has : new Set(settings.operations), parameter }
}

function searchesDefinitions(
  types: { type: string; interaction?: { code?: string | undefined }[] | undefined }[],
): boolean {
  const definitions = types.find(({ type }) => type === 'OperationDefinition')
  return definitions?.interaction?.some(({ code }) => code === 'search-type') ?? false
}

function operationNamed(code: string): Operation[] {
  return OPERATIONS.filter((operation) => operation === code)
}
