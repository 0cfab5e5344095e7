/** The results file: one JSON line for each seed, appended when it is judged. Files of one commit may be put together. */
import { execFileSync } from 'node:child_process'
import { appendFileSync, existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

export const KINDS = ['crash', 'contention', 'reading'] as const
export type Kind = (typeof KINDS)[number]

export interface ResultLine {
  /** The last one that touched what is judged or what judges it; with `+` where there are changes on top of it. */
  commit: string
  kind: Kind
  seed: number
  /** `ok`; `bad` where something was lost, done twice, or is otherwise than it must be. */
  verdict: 'ok' | 'bad'
  seconds: number
  counts: Record<string, number>
  /** What a person should read of it. */
  findings: string[]
}

const root = join(import.meta.dirname, '..', '..')
const JUDGED = ['src', 'migrations', 'package-lock.json', 'test/soak', 'test/support']

/** The commit that a result speaks of: documents may change after it. */
export function judgedCommit(): string {
  const git = (...args: string[]): string =>
    execFileSync('git', [...args, '--', ...JUDGED], { cwd: root, encoding: 'utf8' }).trim()
  const commit = git('log', '-1', '--format=%h')
  return git('status', '--porcelain') === '' ? commit : `${commit}+`
}

export function readResults(file: string): ResultLine[] {
  if (!existsSync(file)) return []
  const lines = readFileSync(file, 'utf8').split('\n').filter(Boolean)
  return lines.map((line) => JSON.parse(line) as ResultLine)
}

/** A line is written whole or not at all, so that a run may be killed at any time. */
export function addResult(file: string, line: ResultLine): void {
  appendFileSync(file, `${JSON.stringify(line)}\n`)
}

/** Whether this seed was judged at this very commit. With changes on top of it nobody knows what was judged. */
export function isKnown(results: ResultLine[], commit: string, kind: Kind, seed: number): boolean {
  if (commit.endsWith('+')) return false
  return results.some((one) => one.commit === commit && one.kind === kind && one.seed === seed)
}

/** A line for each commit and kind, with all counts added up. A seed that is there twice counts once: its worst. */
export function summarise(results: ResultLine[]): string[] {
  const groups = new Map<string, Map<number, ResultLine>>()
  for (const one of results) {
    const group = groups.get(`${one.commit} ${one.kind}`) ?? new Map<number, ResultLine>()
    if (group.get(one.seed)?.verdict !== 'bad') group.set(one.seed, one)
    groups.set(`${one.commit} ${one.kind}`, group)
  }
  return [...groups].map(([name, seeds]) => {
    const lines = [...seeds.values()]
    const bad = lines.filter(({ verdict }) => verdict === 'bad').map(({ seed }) => seed)
    const counts: Record<string, number> = {}
    for (const line of lines)
      for (const [key, count] of Object.entries(line.counts)) counts[key] = (counts[key] ?? 0) + count
    const told = Object.entries(counts).map(([key, count]) => `${key} ${count}`)
    const seconds = Math.round(lines.reduce((sum, line) => sum + line.seconds, 0))
    return `${name}: ${lines.length} seeds, ${bad.length} bad${bad.length > 0 ? ` (${bad.join(', ')})` : ''}, ${told.join(', ')}, ${seconds} s`
  })
}
