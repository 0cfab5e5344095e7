/** Starts the simulated practice within this process; `main.ts` makes a program of it. */
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { startPace, type Touches } from './desk-pace.ts'
import { deskRoutes } from './desk-routes.ts'
import { FaultDial } from './fault-dial.ts'
import { faultRoutes } from './fault-routes.ts'
import { listen } from './http.ts'
import { SANDBOX_KEY } from './key.ts'
import { keepManner, type Manner } from './manner.ts'
import { Practice } from './practice.ts'
import { programRoutes } from './routes.ts'
import { seedPractice } from './seed.ts'

const ZONE = 'America/New_York'

export interface SandboxOptions {
  /** The SQLite file; made and seeded where it does not exist. */
  file: string
  /** 0 picks a free one. */
  port?: number
  /** What callers must send in `x-practice-key`. */
  key?: string
  /** Used when the file is made; a file keeps its seed. */
  seed?: number
  /** The day that seeding takes for today; the practice's own today where not given. */
  startDay?: string
  /** Pause between two acts of the desk by itself, in seconds; never where not given. */
  deskSeconds?: number
  deskTouches?: Touches
  clockOffsetMs?: number
  /** How many deletions the feed remembers. */
  goneKept?: number
  /** Kept in the file; a part left out stays as the file has it. */
  manner?: Partial<Manner>
}

export interface Sandbox extends AsyncDisposable {
  port: number
  url: string
  close(): Promise<void>
}

/** Ends all connections and listens again on the same port after `ms` milliseconds, unless it was closed for good by then. */
function restart(server: Server, port: number, ms: number, closed: () => boolean): void {
  server.close()
  server.closeAllConnections()
  setTimeout(() => {
    if (!closed()) server.listen(port, '127.0.0.1')
  }, ms).unref()
}

/** Opens, seeds and serves the practice; ready when the promise ends. */
export async function startSandbox(options: SandboxOptions): Promise<Sandbox> {
  const practice = new Practice(options.file, ZONE)
  practice.clockOffsetMs = options.clockOffsetMs ?? 0
  if (options.goneKept !== undefined) practice.goneKept = options.goneKept
  const touches = options.deskTouches ?? 'own'
  const dial = new FaultDial(practice)
  try {
    seedPractice(practice, options.seed ?? 1, options.startDay ?? null)
    keepManner(practice, options.manner ?? {})
    const routes = {
      ...programRoutes(practice),
      ...deskRoutes(practice, touches),
      ...faultRoutes(practice, dial),
    }
    const between = dial.answer.bind(dial)
    let closing: Promise<void> | undefined
    const server = await listen(options.port ?? 0, options.key ?? SANDBOX_KEY, routes, between)
    const { port } = server.address() as AddressInfo
    dial.restart = (ms) => restart(server, port, ms, () => closing !== undefined)
    const seconds = options.deskSeconds
    const stopPace = seconds === undefined ? () => {} : startPace(practice, seconds, touches)
    const close = (): Promise<void> => {
      closing ??= new Promise<void>((resolve) => {
        stopPace()
        dial.stop()
        server.close(() => {
          practice.close()
          resolve()
        })
        server.closeIdleConnections()
        setTimeout(() => server.closeAllConnections(), 500).unref()
      })
      return closing
    }
    return { port, url: `http://127.0.0.1:${port}`, close, [Symbol.asyncDispose]: close }
  } catch (error) {
    practice.close()
    throw error
  }
}
