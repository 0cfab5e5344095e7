import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { resolve } from 'node:path'
import { describe, expect, it } from 'vitest'
import { commands } from '../../src/cli/commands.ts'
import { runCli } from '../../src/cli/run.ts'
import { inGlobal } from '../../src/db/database.ts'
import { buildServer } from '../../src/http/server.ts'
import { SCOPES } from '../../src/model/wire-scopes.ts'
import { createKey } from '../../src/store/accounts.ts'
import { listDeliveries } from '../../src/store/delivery-log.ts'
import { listEndpoints } from '../../src/store/webhook-endpoints.ts'
import { until } from '../support/until.ts'
import { startReceiver, startTelling, type Telling } from './telling.ts'

const main = resolve(import.meta.dirname, '..', '..', 'src', 'main.ts')

async function cli(
  telling: Telling,
  ...args: string[]
): Promise<{ code: number; said: string; noted: string }> {
  const said: string[] = []
  const noted: string[] = []
  const terminal = {
    say: (line: string) => void said.push(line),
    note: (line: string) => void noted.push(line),
    readInput: async () => '',
  }
  const code = await runCli(args, commands, terminal, {
    DATABASE_URL: telling.t.url,
    DATABASE_DIRECT_URL: telling.t.directUrl,
    SLOTBRIDGE_MASTER_KEY: telling.t.database.masterKey.toString('base64'),
  })
  return { code, said: said.join('\n'), noted: noted.join('\n') }
}

describe('webhooks list and replay', () => {
  it('show deliveries and attempts, and tell once more', async () => {
    await using telling = await startTelling()
    await using receiver = await startReceiver()
    const { id } = await telling.endpoint(receiver.url)
    await telling.change(17, 'private words')
    const rows = () => telling.tenant((tx) => listDeliveries(tx, { accountId: null }, { limit: 10 }))
    await until('the delivery', async () => (await rows())[0]?.state === 'delivered')
    const [row] = await rows()
    const listed = await cli(telling, 'webhooks', 'list')
    expect(listed.said).toContain('appointment_updated')
    expect(listed.said).not.toContain('private words')
    expect((await cli(telling, 'webhooks', 'list', String(row?.id))).said).toMatch(
      /attempt 1: .* 200 after \d+ ms/,
    )
    expect((await cli(telling, 'webhooks', 'list', '999999')).code).toBe(1)
    expect((await cli(telling, 'webhooks', 'list', '--status', 'dead', '--json')).said).toBe('[]')
    expect((await cli(telling, 'webhooks', 'replay', String(row?.id))).said).toContain('1 deliveries')
    await until('the second', async () => receiver.received.length === 2)
    await until('its settlement', async () => (await rows())[0]?.state === 'delivered')
    const span = ['--start', '2020-01-01', '--end', '2100-01-01', '--endpoint', String(id)]
    expect((await cli(telling, 'webhooks', 'replay', ...span)).said).toContain('0 deliveries')
    expect((await cli(telling, 'webhooks', 'replay', ...span, '--status', 'delivered')).said).toContain(
      '1 deliveries',
    )
    await until('the third', async () => receiver.received.length === 3)
    expect((await cli(telling, 'webhooks', 'replay')).noted).toContain('--start and --end')
    expect((await cli(telling, 'webhooks', 'replay', ...span, '--status', 'odd')).noted).toContain(
      '--status must be',
    )
  })
})

describe('webhooks listen', () => {
  it('makes an endpoint, verifies and prints what comes, and takes the endpoint away again', async () => {
    await using telling = await startTelling()
    const { database, clock } = telling.t
    const { key } = await inGlobal(database, (tx) =>
      createKey(tx, { accountId: telling.accountId, name: 'all', scopes: SCOPES, institutionIds: null }),
    )
    const app = buildServer({ database, clock, connectors: [], wake: () => telling.wake() })
    await app.listen({ host: '127.0.0.1', port: 0 })
    const url = `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`
    const child: ChildProcess = spawn(
      process.execPath,
      [main, 'webhooks', 'listen', '--url', url, '--subdomain', 'willow-creek'],
      { env: { ...process.env, SLOTBRIDGE_API_KEY: key }, stdio: ['ignore', 'pipe', 'inherit'] },
    )
    try {
      let said = ''
      child.stdout?.setEncoding('utf8').on('data', (part) => {
        said += part
      })
      await until('it to listen', async () => said.includes('Listening on'))
      await telling.change(17, 'private words', 'appointment_created')
      await until('the first line', async () => said.includes('appointment_created'))
      expect(said).toMatch(/appointment_created\s+appointment 17\s+msg_\d+\s+signatures verified/)
      expect(said).not.toContain('private words')
      child.kill('SIGINT')
      const [code] = await once(child, 'exit')
      expect(code).toBe(0)
      expect(await inGlobal(database, (tx) => listEndpoints(tx, { accountId: null }))).toEqual([])
    } finally {
      child.kill('SIGKILL')
      await app.close()
    }
  })
})
