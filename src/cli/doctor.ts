/** `doctor`: what is wrong with an installation, and what to do about it. */
import { Failure } from '../model/failures.ts'
import type { Command, Input } from './command.ts'
import { checkInstallation, type Finding, fail } from './doctor-installation.ts'
import { checkSources } from './doctor-sources.ts'
import { withInstallation } from './open.ts'
import { asJson } from './output.ts'

const EXIT = { ok: 0, warn: 1, fail: 2 } as const

export const doctor: Command = {
  name: 'doctor',
  about: 'Check the installation and every record system, and say what to do',
  options: asJson,
  details: [
    'Asks the database, the clocks, the workers and every record system; writes nothing to any of them.',
    'Exit code: 0 where all is well, 1 with warnings, 2 where something fails.',
  ].join('\n'),
  run,
}

async function run(input: Input): Promise<number> {
  const findings = await examine(input)
  const worst = findings.some(({ status }) => status === 'fail')
    ? 'fail'
    : findings.some(({ status }) => status === 'warn')
      ? 'warn'
      : 'ok'
  const { terminal, values } = input
  if (values.flag('json')) terminal.say(JSON.stringify({ status: worst, findings }, null, 2))
  else
    for (const { status, check, found, todo } of findings) {
      terminal.say(`${status.padEnd(4)}  ${check}: ${found}`)
      if (todo !== null) terminal.say(`      → ${todo}`)
    }
  return EXIT[worst]
}

/** An installation that does not even open says why, and that is the finding. */
async function examine(input: Input): Promise<Finding[]> {
  try {
    return await withInstallation(input, async (installation) => [
      ...(await checkInstallation(installation, input.config)),
      ...(await checkSources(installation)),
    ])
  } catch (error) {
    if (error instanceof Failure) return [fail('installation', 'it does not open', error.sentences.join(' '))]
    const inner = error instanceof AggregateError ? error.errors[0] : error
    const why = inner instanceof Error ? inner.message : String(inner)
    return [fail('database', why, 'Is it running, and is DATABASE_URL right?')]
  }
}
