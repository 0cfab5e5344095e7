/** `demo`: everything on this machine, from nothing to lines that can be copied. */
import { type App, type AppOptions, startApp } from '../app.ts'
import type { Config } from '../config.ts'
import { holdDataDir } from '../db/owner-lock.ts'
import type { Installation } from '../installation.ts'
import { openLog } from '../log.ts'
import type { Command, Input, Terminal } from './command.ts'
import { checkRoutes } from './demo-check.ts'
import { chooseDemo, databaseNow, waitForPull } from './demo-choice.ts'
import { followEvents } from './demo-events.ts'
import { type DemoFile, removeDemoFile, writeDemoFile } from './demo-file.ts'
import { readyLines } from './demo-lines.ts'
import { DEMO_SUBDOMAIN, DEMO_ZONE, type SeededDemo, seedDemo } from './demo-seed.ts'
import { type SandboxProcess, startSandboxProcess } from './sandbox-process.ts'
import { listenForStop, type StopSignals, whenAborted } from './signals.ts'

/** Often enough to watch, seldom enough to read. */
const DESK_SECONDS = 15
const LOG_FILE = 'slotbridge.log'

export const demo: Command = {
  name: 'demo',
  about: 'Start everything on this machine with a simulated practice, and show how it is used',
  options: {
    port: { type: 'string', value: '<port>', about: 'Port to listen on, 0 for any (default 4010)' },
    'no-desk': { type: 'boolean', about: 'The front desk of the practice never acts by itself' },
  },
  details: [
    'Needs nothing but this clone. Ctrl-C stops everything, a second one at once; the data stays in the data directory.',
    'While it runs, <data-dir>/demo.json tells programs where everything is.',
  ].join('\n'),
  run,
}

async function run({ config, terminal, values }: Input): Promise<number> {
  const port = values.whole('port', 0, 65_535) ?? config.port
  using signals = listenForStop()
  using owner = holdDataDir(config.dataDir)
  const { dataDir } = owner
  removeDemoFile(dataDir)
  signals.killed.addEventListener('abort', () => removeDemoFile(dataDir))
  try {
    await using stack = new AsyncDisposableStack()
    const settings = {
      config: { ...config, dataDir, port, webhookAllow: [...config.webhookAllow, 'loopback'] },
      desk: !values.flag('no-desk'),
    }
    const demo = await start(settings, { owner, signals, terminal, stack })
    writeDemoFile(dataDir, demo.file)
    const typed = values.text('data-dir') ?? null
    for (const line of readyLines(demo.file, typed)) terminal.say(line)
    const { database } = demo.app.installation
    const following = followEvents(database, demo, terminal.say, signals.asked)
    await Promise.race([whenAborted(signals.asked), following])
    terminal.say('Stopping: what is at hand is finished first. Ctrl-C again stops at once.')
    removeDemoFile(dataDir)
    await following
  } catch (error) {
    if (!signals.asked.aborted) throw error
  } finally {
    removeDemoFile(dataDir)
  }
  terminal.say('Stopped.')
  return 0
}

interface Surroundings {
  owner: ReturnType<typeof holdDataDir>
  signals: StopSignals
  terminal: Terminal
  /** What is started is stopped by it, the last first: the practice outlives the writes to it. */
  stack: AsyncDisposableStack
}

async function start(
  { config, desk }: { config: Config; desk: boolean },
  { owner, signals, terminal, stack }: Surroundings,
): Promise<{ app: App; file: DemoFile; institutionId: number; zone: string; since: string }> {
  const { dataDir } = config
  const { asked, killed } = signals
  terminal.say(`Starting the simulated practice and the database in ${dataDir} ...`)
  const practice = stack.adopt(await startPractice(dataDir, desk, terminal), (one) => one.stop())
  killed.addEventListener('abort', () => practice.kill())
  asked.throwIfAborted()
  const log = openLog(config.logLevel, `${dataDir}/${LOG_FILE}`)
  let seeded: SeededDemo | undefined
  let since = ''
  // Before the workers: they must not look for the practice where it was the last time.
  const prepare = async ({ database }: Installation) => {
    seeded = await seedDemo(database, dataDir, practice.url)
    since = await databaseNow(database, seeded.institutionId)
  }
  const options: AppOptions = {
    config,
    role: 'all',
    log,
    owner,
    migrate: true,
    keepKey: true,
    killed,
    prepare,
  }
  const app = stack.adopt(await startApp(options), (one) => one.stop())
  asked.throwIfAborted()
  if (!seeded) throw new Error('the demo was not seeded')
  const { institutionId } = seeded
  const { database } = app.installation
  terminal.say('Reading the practice ...')
  await waitForPull(database, seeded, since, asked)
  const chosen = await chooseDemo(database, seeded, desk)
  const file: DemoFile = {
    url: String(app.url),
    api_key: seeded.apiKey,
    subdomain: DEMO_SUBDOMAIN,
    institution_id: institutionId,
    location_id: seeded.locationId,
    provider_id: chosen.providerId,
    operatory_id: chosen.operatoryId,
    patient_id: chosen.patientId,
    appointment_type_id: seeded.appointmentTypeId,
    sandbox_url: practice.url,
    free_starts: chosen.freeStarts,
  }
  await checkRoutes(file)
  asked.throwIfAborted()
  return { app, file, institutionId, zone: DEMO_ZONE, since: await databaseNow(database, institutionId) }
}

async function startPractice(dataDir: string, desk: boolean, { say }: Terminal): Promise<SandboxProcess> {
  return await startSandboxProcess({
    dataDir,
    deskSeconds: desk ? DESK_SECONDS : null,
    onRestart: () => say('The simulated practice had ended and was started again.'),
  })
}
