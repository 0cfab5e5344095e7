/** `serve` as a process of its own, on a port of its own. */
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'

const main = new URL('../../src/main.ts', import.meta.url).pathname

export interface ServeProcess extends AsyncDisposable {
  url: string
  pid: number
}

/** Starts it and waits until it answers; ended with the scope. */
export async function serveProcess(env: Record<string, string>, ...args: string[]): Promise<ServeProcess> {
  const child = spawn(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', main, 'serve', '--port', '0', ...args],
    { env: { PATH: process.env.PATH, ...env }, stdio: ['ignore', 'pipe', 'inherit'] },
  )
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  const url = await new Promise<string>((resolve, reject) => {
    child.once('exit', () => reject(new Error('serve ended before it was ready')))
    createInterface({ input: child.stdout }).on('line', (line) => {
      const said = JSON.parse(line) as { msg?: string; url?: string }
      if (said.msg === 'ready' && said.url) resolve(said.url)
    })
  })
  return {
    url,
    pid: child.pid ?? 0,
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL')
      await ended
    },
  }
}
