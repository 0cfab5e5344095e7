/** A bench in the smallest size: what it does is judged here, its figures where nothing else runs. */
import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
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

it('measures bookings, webhooks and the front desk: idle, half loaded and without LISTEN', async () => {
  const measured = await bench(
    ...['latency', '--practices', '1', '--bookings', '2', '--changes', '1', '--burst', '3'],
  )
  expect(measured.bookings_per_second).toBeGreaterThan(0)
  expect(measured.half_load_per_second).toBeCloseTo(measured.bookings_per_second / 2, 0)
  for (const state of ['idle', 'half_load', 'without_listen'])
    for (const [what, atLeast] of [
      ['accepted_to_written_ms', 2],
      ['written_to_webhook_ms', 2],
      ['desk_to_visible_ms', 1],
    ] as const) {
      const { n, p50, p95, p99, max } = measured[state][what]
      expect([state, what, n >= atLeast]).toEqual([state, what, true])
      expect([p50, p95, p99, max]).toEqual([p50, p95, p99, max].toSorted((a, b) => a - b))
      expect([state, what, p50 > 0]).toEqual([state, what, true])
    }
}, 180_000)

it('reads pages beside json_agg of as many of the same rows', async () => {
  const measured = await bench(
    ...['read', '--appointments', '600', '--connections', '2', '--runs', '1', '--seconds', '1'],
  )
  expect(measured.rows_a_page).toBe(200)
  // The other's page has the same columns and less around them.
  expect(measured.limit_kilobytes).toBeGreaterThan(measured.kilobytes / 2)
  expect(measured.rows[0].per_second.median).toBeGreaterThan(0)
  expect(measured.rows[0].limit_per_second.median).toBeGreaterThan(0)
}, 120_000)

it('draws what the server does while it books', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'slotbridge-flame-'))
  try {
    const file = join(folder, 'flame.svg')
    const sizes = ['--appointments', '100', '--connections', '2', '--seconds', '1']
    const measured = await bench('api', ...sizes, '--profile', file)
    expect(measured.booked).toBeGreaterThan(0)
    expect(measured.microseconds_each).toBeGreaterThan(0)
    // Which functions a sample meets is chance, that it meets some is not.
    expect(measured.widths.length).toBeGreaterThan(0)
    const svg = readFileSync(file, 'utf8')
    expect(svg).toContain('<title>all that was not idle: 100.0 %')
    expect(svg.trimEnd().endsWith('</svg>')).toBe(true)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}, 120_000)

it('merges new rows with their events and unchanged ones beside COPY, and again from an empty table', async () => {
  const measured = await bench(...['sync', 'merge', '--rows', '600', '--runs', '2'])
  expect(measured).toMatchObject({ rows: 600, runs: 2 })
  for (const name of ['merge_new_per_second', 'merge_unchanged_per_second', 'copy_per_second', 'new_ratio'])
    expect(measured[name].least).toBeGreaterThan(0)
}, 120_000)
