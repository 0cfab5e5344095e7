/** `sandbox fault`: what goes wrong with the simulated practice, on demand. */
import { FAULT_KINDS, FAULTS, isFaultKind } from '../sandbox/fault-kinds.ts'
import { type Command, type Input, UsageError, type Values } from './command.ts'
import { openPractice, practiceOptions } from './sandbox.ts'
import { table } from './terminal.ts'

export const sandboxFault: Command = {
  name: 'sandbox fault',
  about: 'Have things go wrong with the simulated practice',
  positionals: ['<kind|mix|off|list|show>'],
  options: {
    times: { type: 'string', value: '<n>', about: 'How often it happens (default 1)' },
    always: { type: 'boolean', about: 'Without end' },
    skip: { type: 'string', value: '<n>', about: 'How many fitting calls pass first' },
    percent: {
      type: 'string',
      value: '<n>',
      about: 'With which chance it happens (default 100; of a mix 5)',
    },
    on: { type: 'string', value: '<call>', about: 'Which calls it meets, as in "PATCH /visits"' },
    ms: { type: 'string', value: '<n>', about: 'Milliseconds, for the kinds that take time' },
    seed: { type: 'string', value: '<n>', about: 'Tells every throw of the dice (default 1)' },
    ...practiceOptions,
  },
  details: [
    'Sets the whole dial: what was set before is off. `list` tells the kinds, `show` what is set and what happened.',
    '',
    '  ./slotbridge sandbox fault cut_after_commit --times 3',
    '  ./slotbridge sandbox fault rate_limited --always --percent 20',
    '  ./slotbridge sandbox fault mix --percent 5 --seed 7',
    '  ./slotbridge sandbox fault off',
  ].join('\n'),
  run,
}

function settings(kind: string, values: Values): Record<string, unknown> {
  const seed = values.whole('seed', 0) ?? 1
  const percent = values.whole('percent', 0, 100)
  if (kind === 'off') return {}
  if (kind === 'mix') return { seed, mix: (percent ?? 5) / 100 }
  return {
    seed,
    faults: [
      {
        kind,
        times: values.whole('times', 0),
        always: values.flag('always') ? true : undefined,
        skip: values.whole('skip', 0),
        chance: percent === undefined ? undefined : percent / 100,
        on: values.text('on'),
        ms: values.whole('ms', 0),
      },
    ],
  }
}

async function run(input: Input): Promise<number> {
  const { positionals, terminal, values } = input
  const [kind = ''] = positionals
  if (kind === 'list') {
    const rows = FAULT_KINDS.map((name) => [name, FAULTS[name].on || 'everything', FAULTS[name].about])
    terminal.say(table(['kind', 'meets', 'the practice'], rows))
    return 0
  }
  if (!['off', 'mix', 'show'].includes(kind) && !isFaultKind(kind))
    throw new UsageError(`There is no fault ${kind}.`, 'sandbox fault')
  const practice = openPractice(input)
  const shown =
    kind === 'show'
      ? await practice.send('GET', '/faults')
      : await practice.send('PUT', '/faults', settings(kind, values))
  if (kind === 'show' || values.flag('json')) terminal.say(JSON.stringify(shown, null, 2))
  else terminal.say(kind === 'off' ? 'Nothing goes wrong any more.' : `${kind} is set.`)
  return 0
}
