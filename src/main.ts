/** The program: arguments in, exit code out. */
import { commands } from './cli/commands.ts'
import { collectWholeSeldom } from './cli/heap.ts'
import { runCli } from './cli/run.ts'
import { openTerminal } from './cli/terminal.ts'

collectWholeSeldom()
process.exitCode = await runCli(process.argv.slice(2), commands, openTerminal())
