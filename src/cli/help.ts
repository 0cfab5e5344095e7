/** What `--help` prints. */
import { type Command, everywhere, type Option } from './command.ts'

/** All commands, a line each. */
export function helpForAll(commands: Command[]): string {
  const width = Math.max(...commands.map(({ name }) => name.length))
  const lines = commands.map(({ name, about }) => `  ${name.padEnd(width)}  ${about}`)
  return [
    'Usage: ./slotbridge <command> [options]',
    '',
    ...lines,
    '',
    './slotbridge <command> --help tells more. Settings come from the environment: docs/operations/settings.md.',
  ].join('\n')
}

/** The commands that begin with one word, such as `key`. */
export function helpForGroup(word: string, own: Command[]): string {
  const width = Math.max(...own.map(({ name }) => name.length))
  return [
    `Usage: ./slotbridge ${word} <command> [options]`,
    '',
    ...own.map(({ name, about }) => `  ${name.padEnd(width)}  ${about}`),
  ].join('\n')
}

/** One command with its options. */
export function helpForOne(command: Command): string {
  const options = { ...command.options, ...everywhere }
  const rows = Object.entries(options).map(([name, option]): [string, string] => [
    flagOf(name, option),
    option.about,
  ])
  const width = Math.max(...rows.map(([flag]) => flag.length))
  const usage = ['Usage: ./slotbridge', command.name, ...(command.positionals ?? []), '[options]'].join(' ')
  return [
    usage,
    '',
    `${command.about}.`,
    ...(command.details ? ['', command.details] : []),
    '',
    ...rows.map(([flag, about]) => `  ${flag.padEnd(width)}  ${about}`),
  ].join('\n')
}

function flagOf(name: string, { type, value, multiple }: Option): string {
  const flag = type === 'boolean' ? `--${name}` : `--${name} ${value ?? '<text>'}`
  return multiple ? `${flag} …` : flag
}
