/** A practice on MariaDB under the rights that the documentation lists, its desk, its API's stand-in, and the connector. */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Connection } from 'mysql2/promise'
import type { ConnectorContext, RecordSystem } from '../../../src/connectors/connector.ts'
import { openDentalConnector } from '../../../src/connectors/open-dental/open-dental-connector.ts'
import type { Definition } from './definitions.ts'
import { frontDesk } from './desk.ts'
import { EMERGENCY, fill, type Size, setUp, TRAINING, ZONE } from './made-up.ts'
import { CUSTOMER_KEY, DEVELOPER_KEY, type StandIn, startStandIn } from './stand-in-api.ts'
import type { MariaDb } from './start-mariadb.ts'

export interface OpenedPractice extends AsyncDisposable {
  root: Connection
  api: StandIn
  desk: ReturnType<typeof frontDesk>
  /** What a data source is told. */
  configuration: Record<string, unknown>
  appointments: number
  connector(more?: Record<string, unknown>, context?: ConnectorContext): Promise<RecordSystem>
}

export const SMALL: Size = { patients: 300, daysBack: 180, daysAhead: 185, taken: 5 }
const PASSWORD = 'choose-a-password'

/** The statements of the documentation that make the account. */
export function grantsOfDocs(): string {
  const page = readFileSync(
    fileURLToPath(new URL('../../../docs/connectors/open-dental.md', import.meta.url)),
    'utf8',
  )
  const [, statements] = /```sql\n(create user[\s\S]*?)```/.exec(page) ?? []
  if (statements === undefined) throw new Error('the page lists no rights')
  return statements
}

/** Makes the database anew on the server; nothing else may use it. */
export async function openPractice(
  mariaDb: MariaDb,
  definition: Definition,
  size: Size = SMALL,
  clinics = false,
): Promise<OpenedPractice> {
  const stack = new AsyncDisposableStack()
  const first = await mariaDb.connect()
  await first.query('drop database if exists opendental; create database opendental character set utf8mb3')
  await first.query(`drop user if exists 'slotbridge'@'%'`)
  await first.end()
  const root = await mariaDb.connect('opendental')
  stack.defer(() => root.end())
  await root.query(definition.sql)
  await setUp(root, clinics)
  const { appointments } = await fill(root, size)
  await root.query(grantsOfDocs())
  const api = stack.use(await startStandIn(await mariaDb.connect('opendental')))
  const configuration = {
    database: { host: '127.0.0.1', port: mariaDb.port, user: 'slotbridge', password: PASSWORD },
    api: { url: api.url, developer_key: DEVELOPER_KEY, customer_key: CUSTOMER_KEY, timeout_ms: 2000 },
    zone: ZONE,
    blocking_blockouts: [TRAINING],
    bookable_blockouts: [EMERGENCY],
  }
  return {
    root,
    api,
    desk: frontDesk(root),
    configuration,
    appointments,
    async connector(more = {}, context = { now: () => Date.now() }) {
      return stack.use(await openDentalConnector.open({ ...configuration, ...more }, context))
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  }
}
