/** Schemathesis from PyPI, as `requirements.txt` pins it, in a virtual environment that goes with the run. */
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { DemoFile } from '../../../src/cli/demo-file.ts'

const here = fileURLToPath(new URL('.', import.meta.url))

/** What is judged: faults of ours, answers that the document does not describe, methods it does not name, and open doors. */
const CHECKS = [
  'not_a_server_error',
  'status_code_conformance',
  'content_type_conformance',
  'response_headers_conformance',
  'response_schema_conformance',
  'unsupported_method',
  'allow_header_conformance',
  'ignored_auth',
]

interface Report {
  exit_code: number
  stop_reason: string
  operations: { selected: number; tested: number }
  test_cases: { generated: number }
  failures: unknown[]
  errors: unknown[]
}

export interface Judged {
  report: Report
  /** All that it said, with a line to try each failure again. */
  said: string
}

export interface Schemathesis extends Disposable {
  /** Asks a demo whatever its document allows, and what it does not, for so long; the same for the same seed. */
  judge(demo: DemoFile, token: string, limits: { seed: number; seconds: number }): Promise<Judged>
}

export async function installSchemathesis(): Promise<Schemathesis> {
  const folder = mkdtempSync(join(tmpdir(), 'schemathesis-'))
  const venv = join(folder, 'venv')
  makeEnvironment(venv)
  await run(join(venv, 'bin', 'pip'), ['install', '--quiet', '--requirement', join(here, 'requirements.txt')])
  return {
    async judge(demo, token, { seed, seconds }) {
      const report = join(folder, 'report.json')
      const said = await run(
        join(venv, 'bin', 'schemathesis'),
        [
          ...['--config-file', join(here, 'config.toml'), 'run', `${demo.url}/openapi.json`],
          ...['--header', `Authorization: Bearer ${token}`, '--checks', CHECKS.join(',')],
          ...['--phases', 'examples,coverage,fuzzing', '--max-examples', '25'],
          ...['--seed', String(seed), '--max-time', String(seconds), '--request-timeout', '60'],
          ...[
            '--continue-on-failure',
            '--no-shrink',
            '--no-color',
            '--report',
            'json',
            '--report-json-path',
            report,
          ],
        ],
        {
          SLOTBRIDGE_DEMO: JSON.stringify(demo),
          SCHEMATHESIS_HOOKS: 'hooks',
          PYTHONPATH: here,
          PYTHONDONTWRITEBYTECODE: '1',
        },
        folder,
      )
      return { report: JSON.parse(readFileSync(report, 'utf8')), said }
    },
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  }
}

/** Debian keeps the module that makes them in a package of its own. */
function makeEnvironment(venv: string): void {
  const made = () => spawnSync('python3', ['-m', 'venv', venv], { stdio: 'ignore' }).status === 0
  if (made()) return
  if (process.getuid?.() !== 0) throw new Error('Schemathesis needs python3 with its venv module')
  execFileSync('apt-get', ['update', '-qq'], { stdio: 'ignore' })
  const args = ['install', '-y', '-qq', '--no-install-recommends', 'python3', 'python3-venv']
  execFileSync('apt-get', args, { stdio: 'ignore' })
  rmSync(venv, { recursive: true, force: true })
  if (!made()) throw new Error('python3 makes no virtual environment')
}

/** Runs a program to its end and answers what it said. Exit code 1 is how failures are told, which the report tells too. */
async function run(
  command: string,
  args: string[],
  env: Record<string, string> = {},
  cwd?: string,
): Promise<string> {
  const child = spawn(command, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
    ...(cwd === undefined ? {} : { cwd }),
  })
  let said = ''
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (part) => (said += part))
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', resolve)
  })
  if (code !== 0 && code !== 1) throw new Error(`${command} ended with ${code}:\n${said.slice(-4000)}`)
  return said
}
