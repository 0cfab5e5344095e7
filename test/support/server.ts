/** The run's own PostgreSQL, from the same binaries as a demo's, in a folder that goes with it. */
import { chmodSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startEmbedded } from '../../src/db/embedded.ts'
import { readPostmaster, whoIs } from '../../src/db/embedded-cluster.ts'
import { asideFolder, findCluster } from '../../src/db/embedded-place.ts'
import { holdDataDir } from '../../src/db/owner-lock.ts'

export interface TestServer {
  /** A superuser's. */
  url: string
  /** Ends it without a checkpoint, as a crash would, and starts it again: the URL stays. */
  restart(): Promise<void>
  stop(): Promise<void>
}

const prefix = 'slotbridge-test-'
const silent = { info: () => undefined, warn: () => undefined }

/** Starts a server in a new folder, after removing what runs that were killed have left. */
export async function startTestServer(): Promise<TestServer> {
  sweep()
  const dataDir = mkdtempSync(join(tmpdir(), prefix))
  chmodSync(dataDir, 0o711)
  const aside = asideFolder(dataDir)
  const remove = () => {
    for (const folder of [dataDir, aside]) rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
  }
  let server = await startEmbedded({ dataDir, log: silent })
  // A second Ctrl-C ends the run without its teardown.
  const atExit = () => {
    process.kill(server.pid, 'SIGQUIT')
    remove()
  }
  process.once('exit', atExit)
  return {
    url: server.url,
    async restart() {
      await server.stop('immediate')
      server = await startEmbedded({ dataDir, log: silent })
    },
    async stop() {
      process.off('exit', atExit)
      await server.stop('immediate')
      remove()
    },
  }
}

/** A folder younger than this may be one whose lock is not taken yet. */
const youngMs = 60_000

/** Ends the servers and removes the folders of runs that are no more: their lock is free. */
function sweep(): void {
  for (const name of readdirSync(tmpdir())) {
    if (!name.startsWith(prefix)) continue
    const dataDir = join(tmpdir(), name)
    try {
      if (Date.now() - statSync(dataDir).birthtimeMs < youngMs) continue
      using _lock = holdDataDir(dataDir)
      const cluster = findCluster(dataDir)
      const postmaster = cluster && readPostmaster(cluster)
      if (cluster && postmaster && whoIs(postmaster.pid, cluster) === 'server')
        process.kill(postmaster.pid, 'SIGQUIT')
      rmSync(asideFolder(dataDir), { recursive: true, force: true, maxRetries: 5 })
      rmSync(dataDir, { recursive: true, force: true, maxRetries: 5 })
    } catch {
      // a run that is alive, or another user's
    }
  }
}
