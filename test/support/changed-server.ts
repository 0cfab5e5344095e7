/** The embedded server's own binaries on its own cluster, with settings that it does not have by itself. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import pg from 'pg'
import { findCluster } from '../../src/db/embedded-place.ts'
import { until } from './until.ts'

/** How each way of stopping is asked for. */
const SIGNALS = { fast: 'SIGINT', immediate: 'SIGQUIT' } as const

/**
 * Starts the server of a data directory whose server has stopped, by its own last command line.
 * @param settings such as `wal_level=replica`
 */
export async function startChanged(dataDir: string, settings: string[], url: string) {
  const cluster = findCluster(dataDir) ?? ''
  // <binary> "<argument>" "<argument>", where an argument may end in a space.
  const line = readFileSync(join(cluster, 'postmaster.opts'), 'utf8').trim()
  const binary = line.slice(0, line.indexOf(' "'))
  const own = line.slice(binary.length + 2, -1).split('" "')
  const { uid, gid } = statSync(cluster)
  const child = spawn(binary, [...own, ...settings.flatMap((setting) => ['-c', setting])], {
    ...(process.getuid?.() === 0 ? { uid, gid } : {}),
    cwd: cluster,
    stdio: 'ignore',
  })
  const ended = once(child, 'exit')
  await until('the changed server', async () => {
    if (child.exitCode !== null) throw new Error(`the changed server ended with ${child.exitCode}`)
    return await canConnect(url)
  })
  return {
    async stop(mode: keyof typeof SIGNALS): Promise<void> {
      child.kill(SIGNALS[mode])
      await ended
    },
  }
}

async function canConnect(url: string): Promise<boolean> {
  const client = new pg.Client({ connectionString: url })
  client.on('error', () => undefined)
  try {
    await client.connect()
    await client.end()
    return true
  } catch {
    return false
  }
}
