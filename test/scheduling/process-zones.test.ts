import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'
import type { Agreement } from './agree.ts'

const ZONES = ['UTC', 'America/St_Johns', 'Pacific/Chatham', 'Africa/Casablanca', 'Australia/Lord_Howe']
const SEED = 20261122
const SCHEDULES = 40
/** Every so many of the clock changes that the sweep goes through in full. */
const EACH = 40

/** Each takes two seconds of one processor. */
const FIVE_MS = 180_000

const suite = join(import.meta.dirname, 'agree.ts')

it(
  'the same slots come out, and engine and oracle agree, whatever time zone the process has',
  async () => {
    const answers: Agreement[] = []
    for (const zone of ZONES) {
      const env = { ...process.env, TZ: zone }
      const { stdout } = await promisify(execFile)(
        process.execPath,
        [suite, SEED, SCHEDULES, EACH].map(String),
        { env },
      )
      answers.push(JSON.parse(stdout))
    }
    expect(answers.map(({ zone }) => zone)).toEqual(ZONES)
    for (const answer of answers) {
      expect(answer.changes).toBeGreaterThan(100)
      expect(answer.differences).toEqual([])
      expect(answer.digest).toBe(answers[0]?.digest)
    }
  },
  FIVE_MS,
)
