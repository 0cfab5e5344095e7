/** `bench start`: how soon the demo answers on a data directory that is there, and what `serve` holds while nobody asks. */
import { setTimeout as sleep } from 'node:timers/promises'
import { medianOf } from './bench-figures.ts'
import { ownFolder } from './bench-own.ts'
import type { Command, Input } from './command.ts'
import { readDemoFile } from './demo-file.ts'
import { asJson, showMade } from './output.ts'
import { startOwn } from './own-process.ts'
import { table } from './terminal.ts'

const RUNS = 5
const IDLE_SECONDS = 10
const READY_MS = 120_000
const LOOK_MS = 5
const MEGABYTE = 1024 * 1024

export const benchStart: Command = {
  name: 'bench start',
  about: 'Measure a warm start of the demo, and the memory of an idle serve',
  options: {
    runs: { type: 'string', value: '<n>', about: `Warm starts (default ${RUNS})` },
    idle: {
      type: 'string',
      value: '<seconds>',
      about: `Before memory is looked at (default ${IDLE_SECONDS})`,
    },
    ...asJson,
  },
  details: 'From the start of the program to demo.json, which is written when everything answers.',
  run,
}

async function run(input: Input): Promise<number> {
  const { terminal, values } = input
  const runs = values.whole('runs', 1, 100) ?? RUNS
  const idleSeconds = values.whole('idle', 0, 3_600) ?? IDLE_SECONDS
  await using stack = new AsyncDisposableStack()
  const dataDir = ownFolder(stack)
  terminal.note('The first start makes the data directory ...')
  await startDemo(dataDir)
  const warm: number[] = []
  for (let n = 1; n <= runs; n++) {
    terminal.note(`Warm start ${n} of ${runs} ...`)
    warm.push(await startDemo(dataDir))
  }
  terminal.note('Letting serve idle ...')
  // As with the demo, the first one makes what later ones find: its compiled code.
  await idle(dataDir, idleSeconds)
  const memory = await idle(dataDir, idleSeconds)
  const { median, least, most } = medianOf(warm)
  const result = {
    warm_start_ms: { median: Math.round(median), least: Math.round(least), most: Math.round(most) },
    serve_idle_mb: Math.round(memory / MEGABYTE),
  }
  const rows = [
    [
      'warm start of the demo, ms (least, most)',
      `${Math.round(median)} (${Math.round(least)}, ${Math.round(most)})`,
    ],
    ['memory of an idle serve, MB', String(result.serve_idle_mb)],
  ]
  showMade(input, result, table(['figure', 'value'], rows))
  return 0
}

/** Milliseconds to its file; it has ended again when the promise does. */
async function startDemo(dataDir: string): Promise<number> {
  const began = performance.now()
  await using demo = startOwn(['demo', '--no-desk', '--port', '0', '--data-dir', dataDir])
  while (readDemoFile(dataDir) === null) {
    demo.mustRun()
    if (performance.now() - began > READY_MS) throw new Error('The demo was not ready in time.')
    await sleep(LOOK_MS)
  }
  return performance.now() - began
}

/** What a serve holds that nobody has asked for so long, in bytes. */
async function idle(dataDir: string, seconds: number): Promise<number> {
  await using serve = startOwn(['serve', '--port', '0', '--data-dir', dataDir])
  await sleep(seconds * 1000)
  serve.mustRun()
  return serve.memory()
}
