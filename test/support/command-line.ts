/** The command line as a person uses it, within the test's process: what was said, noted, and the exit code. */
import type { Terminal } from '../../src/cli/command.ts'
import { commands } from '../../src/cli/commands.ts'
import { runCli } from '../../src/cli/run.ts'
import type { TestDatabase } from './database.ts'

export interface Said {
  code: number
  said: string
  noted: string
}

/**
 * @param line words, quoted with `"` where they hold spaces
 * @param input what standard input holds
 */
export async function type(line: string, env: Record<string, string>, input = ''): Promise<Said> {
  const said: string[] = []
  const noted: string[] = []
  const terminal: Terminal = {
    say: (text) => void said.push(text),
    note: (text) => void noted.push(text),
    readInput: async () => input,
  }
  const args = [...line.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? '')
  const code = await runCli(args, commands, terminal, env)
  return { code, said: said.join('\n'), noted: noted.join('\n') }
}

/** The environment in which commands work on a test's database. */
export function environmentOf(t: TestDatabase): Record<string, string> {
  return { DATABASE_URL: t.url, SLOTBRIDGE_MASTER_KEY: t.database.masterKey.toString('base64') }
}
