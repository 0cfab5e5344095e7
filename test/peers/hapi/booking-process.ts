/**
 * A connector as a program of its own, that shares nothing with others but the server: on a line of standard input it sends
 * so many insertions for one time at once, and prints how each went. `node booking-process.ts <settings> <insertion> <count>`
 */
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { fhirConnector } from '../../../src/connectors/fhir/fhir-connector.ts'

const [settings = '{}', insertion = '{}', count = '1'] = process.argv.slice(2)
const system = await fhirConnector.open(JSON.parse(settings), { now: () => Date.now() })
process.stdout.write('ready\n')
await once(process.stdin, 'data')
const outcomes = await Promise.all(
  Array.from({ length: Number(count) }, async () => {
    const outcome = await system.insert({ ...JSON.parse(insertion), marker: randomUUID() })
    return outcome.kind === 'rejected' ? outcome.code : outcome.kind
  }),
)
process.stdout.write(`${JSON.stringify(outcomes)}\n`)
process.exit(0)
