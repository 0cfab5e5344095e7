/** The receivers of docs/webhooks.md, run as they stand there. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { resolve } from 'node:path'
import { describe, expect, it } from 'vitest'
import { listDeliveries } from '../../src/store/delivery-log.ts'
import { until } from '../support/until.ts'
import { startTelling } from './telling.ts'

const folder = resolve(import.meta.dirname, '..', '..', 'docs', 'webhooks')

interface Program extends AsyncDisposable {
  url: string
  said(): string
}

/** Starts a receiver on a port of its own choice, and waits for the line that tells it. */
async function run(command: string, file: string, secret: string): Promise<Program> {
  const child: ChildProcess = spawn(command, [resolve(folder, file)], {
    env: { ...process.env, SECRET_KEY: secret, PORT: '0' },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let said = ''
  child.stdout?.setEncoding('utf8').on('data', (part) => {
    said += part
  })
  const port = await until(`${file} to listen`, async () => /listening .*?(\d{4,5})\D*$/s.exec(said)?.[1])
  return {
    url: `http://127.0.0.1:${port}/`,
    said: () => said.slice(said.indexOf('\n') + 1),
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL')
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
    },
  }
}

/** Python is no part of what `npm cit` needs; where there is none, there is nobody to run the second receiver. */
const hasPython = (() => {
  try {
    execFileSync('python3', ['--version'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
})()
const receivers = [[process.execPath, 'receiver.ts'], ...(hasPython ? [['python3', 'receiver.py']] : [])] as [
  string,
  string,
][]

describe('the receivers of the manual', () => {
  for (const [command, file] of receivers)
    it(`take what is genuine and refuse the rest: ${file}`, async () => {
      await using telling = await startTelling()
      const { id, secret } = await telling.endpoint('https://not-yet.invalid/', [
        ['Appointment', 'appointment_updated'],
        ['Patient', 'patient_merged'],
      ])
      await using genuine = await run(command, file, secret)
      await using other = await run(command, file, 'another secret')
      await telling.t.look('update webhook_endpoints set target_url = $1 where id = $2', [genuine.url, id])
      await telling.endpoint(other.url)
      await telling.change(17, 'moved')
      await telling.tell({ name: 'patient_merged', resourceType: 'Patient', subjectId: 5, body: { into: 4 } })
      const rows = () => telling.tenant((tx) => listDeliveries(tx, { accountId: null }, { limit: 10 }))
      await until('three attempts', async () => {
        const all = await rows()
        return all.length === 3 && all.every((row) => row.attempts === 1)
      })
      const answers = (await rows()).map((row) => [row.event_name, row.response_status])
      expect(answers.sort()).toEqual([
        ['appointment_updated', 204],
        ['appointment_updated', 401],
        ['patient_merged', 204],
      ])
      await until('both to be printed', async () => genuine.said().split('\n').length === 3)
      expect(genuine.said().trim().split('\n').sort()).toEqual([
        'appointment_updated appointment',
        'patient_merged into',
      ])
      expect(other.said()).toBe('')
    })
})
