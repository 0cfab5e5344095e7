/** One HAPI FHIR for the whole peers' run, with the made-up practice in it. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestProject } from 'vitest/node'
import { loadPractice, makePractice, type PracticeOptions } from './practice.ts'
import { startHapi } from './start-hapi.ts'

declare module 'vitest' {
  export interface ProvidedContext {
    /** The base URL of the HAPI server, and what `makePractice` was given: it makes the same practice again. */
    hapi: { base: string; practice: PracticeOptions }
  }
}

/** `HAPI_BASE`: a HAPI that runs already with the practice in it, for work on the tests. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const practice: PracticeOptions = { today: new Date().toISOString().slice(0, 10) }
  const running = process.env.HAPI_BASE
  if (running) {
    project.provide('hapi', { base: running, practice })
    return async () => undefined
  }
  const dir = mkdtempSync(join(tmpdir(), 'slotbridge-hapi-'))
  const hapi = await startHapi({ dir })
  let next = 0
  await loadPractice(hapi.base, makePractice(practice), (done, of) => {
    if (done < next && done < of) return
    next = done + 1000
    process.stderr.write(`[hapi] ${done} of ${of} resources loaded\n`)
  })
  project.provide('hapi', { base: hapi.base, practice })
  return async () => {
    await hapi.stop()
    rmSync(dir, { recursive: true, force: true })
  }
}
