import { expect, it } from 'vitest'
import { openPool } from '../../src/db/pool.ts'
import { testDatabase } from '../support/database.ts'

it('what is asked for before anything is waited for leaves in one write', async () => {
  await using t = await testDatabase()
  const pool = openPool({ url: t.url, max: 1, prepare: true, applicationName: 'test' })
  const client = await pool.connect()
  try {
    const { stream } = client.connection
    let writes = 0
    const counted = (name: '_write' | '_writev') => {
      const write = stream[name]?.bind(stream)
      Object.assign(stream, {
        [name](...args: unknown[]) {
          writes += 1
          return (write as (...all: unknown[]) => void)(...args)
        },
      })
    }
    counted('_write')
    counted('_writev')
    const later = Promise.resolve().then(() => client.query('select $1::int as n', [2]))
    const answers = await Promise.all([client.query('select 1 as n'), later, client.query('select 3 as n')])
    expect(answers.map(({ rows }) => rows[0].n)).toEqual([1, 2, 3])
    expect(writes).toBe(1)
    await client.query('select 4')
    expect(writes).toBe(2)
  } finally {
    client.release()
    await pool.end()
  }
})
