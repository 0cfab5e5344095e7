/** Arguments in, exit code out: finds the command, parses, runs it, and says for people what went wrong. */
import { readConfig } from '../config.ts'
import { Failure } from '../model/failures.ts'
import { type Command, type Listed, parse, type Terminal, UsageError } from './command.ts'
import { helpForAll, helpForGroup, helpForOne } from './help.ts'

/** Exit codes: done, refused or failed, used wrongly. */
const FAILED = 1
const MISUSED = 2

/** Runs the command that `args` name and answers its exit code; never throws. */
export async function runCli(
  args: string[],
  commands: (Command | Listed)[],
  terminal: Terminal,
  env?: Record<string, string | undefined>,
): Promise<number> {
  try {
    return await dispatch(args, commands, terminal, env)
  } catch (error) {
    if (error instanceof UsageError) {
      terminal.note(error.message)
      terminal.note(`./slotbridge ${error.command ? `${error.command} ` : ''}--help tells how it is used.`)
      return MISUSED
    }
    if (error instanceof Failure) for (const sentence of error.sentences) terminal.note(sentence)
    else terminal.note(describe(error, env?.SLOTBRIDGE_LOG_LEVEL === 'debug'))
    return FAILED
  }
}

async function dispatch(
  args: string[],
  commands: (Command | Listed)[],
  terminal: Terminal,
  env?: Record<string, string | undefined>,
): Promise<number> {
  const [first] = args
  if (first === undefined || first === 'help' || first === '--help' || first === '-h') {
    terminal.say(helpForAll(await loaded(commands)))
    return first === undefined ? MISUSED : 0
  }
  const found = findCommand(args, commands)
  if (!found) {
    const group = commands.filter(({ name }) => name.startsWith(`${first} `))
    if (group.length === 0) throw new UsageError(`There is no command ${first}.`, null)
    terminal.say(helpForGroup(first, await loaded(group)))
    return args.includes('--help') ? 0 : MISUSED
  }
  const { rest } = found
  const command = await load(found.command)
  const { values, positionals } = parse(command, rest)
  if (values.flag('help')) {
    terminal.say(helpForOne(command))
    return 0
  }
  const config = readConfig(env)
  const dataDir = values.text('data-dir') ?? config.dataDir
  return (await command.run({ config: { ...config, dataDir }, terminal, values, positionals })) ?? 0
}

/** The command whose words begin the arguments; the longer name wins. */
function findCommand(
  args: string[],
  commands: (Command | Listed)[],
): { command: Command | Listed; rest: string[] } | null {
  for (const words of [2, 1]) {
    const name = args.slice(0, words).join(' ')
    const command = commands.find((each) => each.name === name)
    if (command) return { command, rest: args.slice(words) }
  }
  return null
}

async function load(command: Command | Listed): Promise<Command> {
  return 'load' in command ? await command.load() : command
}

function loaded(commands: (Command | Listed)[]): Promise<Command[]> {
  return Promise.all(commands.map(load))
}

/** One sentence for what the operating system or the database says; the whole story with SLOTBRIDGE_LOG_LEVEL=debug. */
function describe(error: unknown, whole: boolean): string {
  if (!(error instanceof Error)) return String(error)
  if (whole) return error.stack ?? error.message
  const inner = error instanceof AggregateError ? error.errors[0] : error
  const code = inner instanceof Error && 'code' in inner ? inner.code : undefined
  if (code === 'ECONNREFUSED') return `The database cannot be reached: ${inner.message}.`
  if (code === 'EADDRINUSE' && 'port' in inner)
    return `Port ${inner.port} is in use: choose another with --port.`
  return error.message
}
