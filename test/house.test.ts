/** Rules of the house that no tool checks. */
import { globSync, readFileSync } from 'node:fs'
import { expect, it } from 'vitest'

const linesOf = (file: string) => readFileSync(file, 'utf8').trimEnd().split('\n')
const LINES_MAX = 400
const NAMES = /\/(utils?|common|shared|core|helpers?)(\/|\.ts$)/

it('no test is skipped, focused or left to be written', () => {
  const marked = globSync('test/**/*.test.ts').filter((file) =>
    // Put together here, so that this file does not find itself.
    new RegExp(`\\b(it|test|describe)${'\\.'}(only|skip|todo|fails|skipIf|runIf)\\b`).test(
      readFileSync(file, 'utf8'),
    ),
  )
  expect(marked).toEqual([])
})

it('every file of ours is short, and named for what it knows', () => {
  const files = globSync(['src/**/*.ts', 'test/**/*.ts']).filter((file) => file !== 'src/db/tables.ts')
  expect(files.length).toBeGreaterThan(40)
  expect(files.filter((file) => linesOf(file).length > LINES_MAX)).toEqual([])
  expect(files.filter((file) => NAMES.test(file))).toEqual([])
})

it('only the command line writes to the terminal', () => {
  const writers = globSync('src/**/*.ts').filter(
    (file) => !file.startsWith('src/cli/') && /\bconsole\.\w+\(/.test(readFileSync(file, 'utf8')),
  )
  expect(writers).toEqual([])
})
