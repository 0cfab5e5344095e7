import { expect, it } from 'vitest'
import type { Command, Terminal } from '../../src/cli/command.ts'
import { commands } from '../../src/cli/commands.ts'
import { runCli } from '../../src/cli/run.ts'
import { Failure } from '../../src/model/failures.ts'

function terminal(): Terminal & { said: string[]; noted: string[] } {
  const said: string[] = []
  const noted: string[] = []
  return {
    said,
    noted,
    say: (line) => void said.push(line),
    note: (line) => void noted.push(line),
    readInput: async () => '',
  }
}

const greet: Command = {
  name: 'greet all',
  about: 'Greet',
  positionals: ['<whom>'],
  options: { times: { type: 'string', about: 'How often' } },
  run: async ({ terminal: { say }, values, positionals }) => {
    const times = values.whole('times', 1, 3) ?? 1
    if (positionals[0] === 'nobody') throw new Failure('not_found', ['Nobody is here.', 'Nobody was here.'])
    for (let n = 0; n < times; n++) say(`hello ${positionals[0]}`)
    return undefined
  },
}

it('runs the command that the words name', async () => {
  const to = terminal()
  expect(await runCli(['greet', 'all', 'you', '--times', '2'], [greet], to, {})).toBe(0)
  expect(to.said).toEqual(['hello you', 'hello you'])
})

it('says what was refused, a line for each sentence, and ends with 1', async () => {
  const to = terminal()
  expect(await runCli(['greet', 'all', 'nobody'], [greet], to, {})).toBe(1)
  expect(to.noted).toEqual(['Nobody is here.', 'Nobody was here.'])
})

it.each([
  [['greet', 'all'], 'Missing <whom>.'],
  [['greet', 'all', 'you', 'me'], 'Unexpected argument me.'],
  [['greet', 'all', 'you', '--often'], "Unknown option '--often'"],
  [['sing'], 'There is no command sing.'],
])('ends with 2 for %j and says why', async (args, why) => {
  const to = terminal()
  expect(await runCli(args, [greet], to, {})).toBe(2)
  expect(to.noted[0]).toContain(why)
})

it('names the option whose value does not fit', async () => {
  const to = terminal()
  expect(await runCli(['greet', 'all', 'you', '--times', '9'], [greet], to, {})).toBe(1)
  expect(to.noted).toEqual(['--times must be a whole number from 1 to 3.'])
})

it('has help for every command, which tells each of its options', async () => {
  for (const { name, load } of commands) {
    const to = terminal()
    expect(await runCli([...name.split(' '), '--help'], commands, to, {})).toBe(0)
    const { options } = await load()
    for (const option of Object.keys(options ?? {})) expect(to.said.join('\n')).toContain(`--${option}`)
  }
})

it('shows the commands of a group that was named alone', async () => {
  const to = terminal()
  expect(await runCli(['key'], commands, to, {})).toBe(2)
  expect(to.said.join('\n')).toMatch(/key add[\s\S]*key list[\s\S]*key revoke/)
})
