/** The tables to test on: our own definition, and the real ones of a 21.1 practice where their file is there. */
import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

export interface Definition {
  title: string
  sql: string
}

const own = fileURLToPath(new URL('./tables.sql', import.meta.url))
/** Beside the repository; it is not part of it, being Open Dental's own. */
const real =
  process.env.OPEN_DENTAL_SQL ??
  fileURLToPath(new URL('../../../../shared/data/open-dental-21.1.sql', import.meta.url))

export const definitions: [Definition, ...Definition[]] = [
  { title: 'our own definition of the tables', sql: readFileSync(own, 'utf8') },
  ...(existsSync(real) ? [{ title: 'the tables of Open Dental 21.1', sql: readFileSync(real, 'utf8') }] : []),
]
