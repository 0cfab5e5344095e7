/**
 * The simulated practice as a program of its own:
 * `node src/sandbox/main.ts --file <path> [--port 0] [--seed 1] [--key <text>] [--desk-seconds <n>|off]`
 * `[--desk-touches own|all] [--clock-offset-ms <n>] [--start-day <YYYY-MM-DD>]`
 * `[--references unique|stored] [--times checked|unchecked]`.
 * Prints one line of JSON, `{"port":…}`, when it serves. Started by another program (over IPC, or with a pipe as its
 * standard input) it ends when that one does, and leaves Ctrl-C, which the whole group hears, to it.
 */
import { fstatSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { type SandboxOptions, startSandbox } from './start-sandbox.ts'

function readOptions(args: string[]): SandboxOptions {
  const text = { type: 'string' } as const
  const { values } = parseArgs({
    args,
    options: {
      file: text,
      port: text,
      seed: text,
      key: text,
      'desk-seconds': text,
      'desk-touches': text,
      'clock-offset-ms': text,
      'start-day': text,
      references: text,
      times: text,
    },
  })
  const number = (name: keyof typeof values): number | undefined => {
    const value = values[name]
    if (value === undefined) return undefined
    if (value.trim() === '' || !Number.isFinite(Number(value))) throw new Error(`--${name} must be a number`)
    return Number(value)
  }
  if (values.file === undefined) throw new Error('--file is missing')
  const touches = values['desk-touches'] ?? 'own'
  if (touches !== 'own' && touches !== 'all') throw new Error('--desk-touches must be own or all')
  const { references, times } = values
  if (references !== undefined && references !== 'unique' && references !== 'stored')
    throw new Error('--references must be unique or stored')
  if (times !== undefined && times !== 'checked' && times !== 'unchecked')
    throw new Error('--times must be checked or unchecked')
  const deskSeconds = values['desk-seconds'] === 'off' ? undefined : number('desk-seconds')
  if (deskSeconds !== undefined && deskSeconds <= 0) throw new Error('--desk-seconds must be above 0, or off')
  return {
    file: values.file,
    port: number('port') ?? 0,
    seed: number('seed') ?? 1,
    clockOffsetMs: number('clock-offset-ms') ?? 0,
    deskTouches: touches,
    manner: { ...(references ? { references } : {}), ...(times ? { times } : {}) },
    ...(values.key === undefined ? {} : { key: values.key }),
    ...(values['start-day'] === undefined ? {} : { startDay: values['start-day'] }),
    ...(deskSeconds === undefined ? {} : { deskSeconds }),
  }
}

function hasPipe(): boolean {
  try {
    const input = fstatSync(0)
    return input.isFIFO() || input.isSocket()
  } catch {
    return false // closed: nobody to watch
  }
}

/** Calls `stop` when the program that started this one is gone; answers whether there is one to watch. */
function watchStarter(stop: () => void): boolean {
  if (process.connected) {
    process.on('disconnect', stop)
    return true
  }
  if (!hasPipe()) return false
  process.stdin.on('end', stop).on('close', stop).on('error', stop).resume()
  return true
}

async function main(): Promise<void> {
  const sandbox = await startSandbox(readOptions(process.argv.slice(2)))
  let stopping = false
  const stop = (): void => {
    if (stopping) process.exit(1)
    stopping = true
    sandbox.close().then(
      () => process.exit(0),
      () => process.exit(1),
    )
  }
  const stopOnce = (): void => {
    if (!stopping) stop()
  }
  const watched = watchStarter(stopOnce)
  process.on('SIGINT', watched ? () => {} : stop)
  process.on('SIGTERM', stopOnce)
  process.stdout.write(`${JSON.stringify({ port: sandbox.port })}\n`)
}

main().catch((error: unknown) => {
  process.stderr.write(
    `The simulated practice cannot start: ${error instanceof Error ? error.message : 'unknown'}\n`,
  )
  process.exit(1)
})
