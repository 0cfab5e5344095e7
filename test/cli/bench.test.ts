/** A bench in the smallest size: what it does is judged here, its figures where nothing else runs. */
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'

const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url))

async function bench(...args: string[]) {
  const { stdout } = await promisify(execFile)(process.execPath, [main, 'bench', ...args, '--json'])
  return JSON.parse(stdout)
}

it('books beside the same statements sent again, which book as well', async () => {
  const measured = await bench(
    ...['api', '--appointments', '100', '--connections', '2', '--runs', '1', '--seconds', '1', '--driver'],
  )
  expect(measured.beside).toBe('the bare driver')
  // What waits for nothing is sent together: 26 statements in 12 round trips, when this was written.
  expect(measured.round_trips * 2).toBeLessThan(measured.statements + 6)
  expect(measured.rows[0].per_second.median).toBeGreaterThan(0)
  expect(measured.rows[0].limit_per_second.median).toBeGreaterThan(0)
}, 120_000)
