/** What a command is, and how the table in `commands.ts` names it; parsing is here. */
import { type ParseArgsOptionsConfig, parseArgs } from 'node:util'
import type { Config } from '../config.ts'
import { Failure } from '../model/failures.ts'

export interface Option {
  type: 'string' | 'boolean'
  /** One line for `--help`. */
  about: string
  /** Placeholder of the value in `--help`. */
  value?: string
  multiple?: boolean
}

export interface Terminal {
  /** Writes one line to standard output. */
  say(line: string): void
  /** Writes one line to standard error: progress and warnings. */
  note(line: string): void
  /** Reads standard input to its end. */
  readInput(): Promise<string>
}

export interface Input {
  /** Reads and checks the environment; the flags of all commands are laid over it. */
  config: Config
  terminal: Terminal
  /** What parseArgs gave, by option name. */
  values: Values
  positionals: string[]
}

export interface Command {
  /** As typed, such as `key add`. */
  name: string
  about: string
  /** Names of positional arguments, `<…>` required, `[…]` not; `…` at the end for all that follow. */
  positionals?: string[]
  options?: Record<string, Option>
  /** More for `--help`: examples and what one must know. */
  details?: string
  /** Answers the exit code; nothing means 0. */
  run: (input: Input) => Promise<number | undefined>
}

/** A command that is loaded when it is typed: `serve` need not hold what the benches are made of. */
export interface Listed {
  /** The loaded command's own. */
  name: string
  load(): Promise<Command>
}

/** The values of a command's options, read by name. */
export class Values {
  readonly #values: Record<string, unknown>

  constructor(values: Record<string, unknown>) {
    this.#values = values
  }

  text(name: string): string | undefined {
    const value = this.#values[name]
    return typeof value === 'string' ? value : undefined
  }

  /** @throws Failure where the option is missing */
  required(name: string): string {
    const value = this.text(name)
    if (value === undefined || value === '') throw new Failure('invalid_request', `Missing --${name}.`)
    return value
  }

  list(name: string): string[] {
    const value = this.#values[name]
    return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : []
  }

  flag(name: string): boolean {
    return this.#values[name] === true
  }

  /** @throws Failure where the value is no whole number of that range */
  whole(name: string, from: number, to = Number.MAX_SAFE_INTEGER): number | undefined {
    const value = this.text(name)
    if (value === undefined) return undefined
    const number = Number(value)
    if (!/^\d+$/.test(value) || number < from || number > to)
      throw new Failure('invalid_request', `--${name} must be a whole number from ${from} to ${to}.`)
    return number
  }

  /** `on` or `off`. */
  onOff(name: string): boolean | undefined {
    const value = this.text(name)
    if (value === undefined) return undefined
    if (value !== 'on' && value !== 'off')
      throw new Failure('invalid_request', `--${name} must be on or off.`)
    return value === 'on'
  }
}

/** A command was typed that does not exist or does not fit; exit code 2. */
export class UsageError extends Error {
  readonly command: string | null
  constructor(message: string, command: string | null) {
    super(message)
    this.name = 'UsageError'
    this.command = command
  }
}

/** Options that every command of the installation takes. */
export const everywhere: Record<string, Option> = {
  'data-dir': {
    type: 'string',
    value: '<folder>',
    about: 'Data of the embedded installation (default .slotbridge)',
  },
  help: { type: 'boolean', about: 'Show this help' },
}

/**
 * Splits the arguments of a command.
 * @throws UsageError naming what does not fit
 */
export function parse(command: Command, args: string[]): { values: Values; positionals: string[] } {
  const options: ParseArgsOptionsConfig = {}
  for (const [name, option] of Object.entries({ ...command.options, ...everywhere }))
    options[name] = { type: option.type, multiple: option.multiple ?? false }
  const names = command.positionals ?? []
  const parsed = readArgs(command.name, args, options)
  const required = names.filter((name) => name.startsWith('<'))
  const missing = required.slice(parsed.positionals.length)
  const isOpen = names.at(-1)?.includes('…') ?? false
  const values = new Values(parsed.values)
  if (values.flag('help')) return { values, positionals: [] }
  if (missing.length > 0) throw new UsageError(`Missing ${missing.join(' ')}.`, command.name)
  if (parsed.positionals.length > names.length && !isOpen)
    throw new UsageError(`Unexpected argument ${parsed.positionals[names.length]}.`, command.name)
  return { values, positionals: parsed.positionals }
}

function readArgs(name: string, args: string[], options: ParseArgsOptionsConfig) {
  try {
    return parseArgs({ args, options, allowPositionals: true, strict: true })
  } catch (error) {
    const message = error instanceof Error ? (error.message.split('. ')[0] ?? '') : String(error)
    throw new UsageError(message, name)
  }
}
