/** The connectors there are, by name. */
import type { ConnectorFactory } from './connector.ts'
import { fhirConnector } from './fhir/fhir-connector.ts'
import { openDentalConnector } from './open-dental/open-dental-connector.ts'
import { sandboxConnector } from './sandbox/sandbox-connector.ts'

export const connectors: Record<string, ConnectorFactory> = {
  sandbox: sandboxConnector,
  fhir: fhirConnector,
  'open-dental': openDentalConnector,
}
