/** The statements of one request as the database is sent them, and what in them is different in another request. */
import type { Database } from '../db/database.ts'

export interface Statement {
  text: string
  values: unknown[]
  /** Numbers in the one row that it answered, by column. */
  answered: Record<string, number>
}

export interface Captured {
  statements: Statement[]
  /** How often something was sent after everything before it had been answered. */
  roundTrips: number
}

type Query = (...args: unknown[]) => unknown

/** Notes every statement sent while `run` runs, in order, on any connection. */
export async function capture({ pool }: Database, run: () => Promise<unknown>): Promise<Captured> {
  const captured: Captured = { statements: [], roundTrips: 0 }
  let open = 0
  let isOn = true
  const note = (query: Query): Query => {
    return (...args) => {
      const answer = query(...args)
      const [text, values] = args
      if (!isOn || typeof text !== 'string') return answer
      const statement: Statement = { text, values: Array.isArray(values) ? values : [], answered: {} }
      captured.statements.push(statement)
      if (open === 0) captured.roundTrips += 1
      open += 1
      if (!(answer instanceof Promise)) return answer
      const done = (result: unknown) => {
        open -= 1
        statement.answered = numbersOf(result)
      }
      answer.then(done, done)
      return answer
    }
  }
  const listen = (client: object) => {
    const { query } = client as { query: Query }
    if (!Object.hasOwn(client, 'query')) Object.assign(client, { query: note(query.bind(client)) })
  }
  pool.on('acquire', listen)
  try {
    await run()
    return captured
  } finally {
    isOn = false
    pool.off('acquire', listen)
  }
}

function numbersOf(result: unknown): Record<string, number> {
  const [row, ...others] = (result as { rows?: Record<string, unknown>[] } | undefined)?.rows ?? []
  if (!row || others.length > 0) return {}
  return Object.fromEntries(
    Object.entries(row).filter((entry): entry is [string, number] => typeof entry[1] === 'number'),
  )
}

/** A value as the driver would send it. */
export function textOf(value: unknown): string | null {
  if (value === null || value === undefined) return null
  if (Buffer.isBuffer(value)) return `\\x${value.toString('hex')}`
  if (Array.isArray(value)) return `{${value.map(elementOf).join(',')}}`
  return String(value)
}

function elementOf(value: unknown): string {
  const text = textOf(value)
  return text === null ? 'NULL' : `"${text.replaceAll(/[\\"]/g, '\\$&')}"`
}
