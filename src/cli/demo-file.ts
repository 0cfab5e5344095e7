/** `<data-dir>/demo.json`: what a program needs to use the demo that runs there. There only while it answers. */
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

export interface DemoFile {
  url: string
  api_key: string
  subdomain: string
  institution_id: number
  location_id: number
  provider_id: number
  operatory_id: number
  patient_id: number
  appointment_type_id: number
  sandbox_url: string
  /** Twenty starts, ISO 8601 with offset, a day or more ahead, each with 30 free minutes for provider and operatory. */
  free_starts: string[]
}

const NAME = 'demo.json'

/** Writes the file whole or not at all: readers never see half of it. */
export function writeDemoFile(dataDir: string, file: DemoFile): void {
  const half = join(dataDir, `${NAME}.half`)
  writeFileSync(half, `${JSON.stringify(file, null, 2)}\n`, { mode: 0o600 })
  renameSync(half, join(dataDir, NAME))
}

export function removeDemoFile(dataDir: string): void {
  for (const name of [NAME, `${NAME}.half`]) rmSync(join(dataDir, name), { force: true })
}

/** What the demo on this data directory says of itself; null where none runs. */
export function readDemoFile(dataDir: string): DemoFile | null {
  try {
    return JSON.parse(readFileSync(join(dataDir, NAME), 'utf8'))
  } catch {
    return null
  }
}
