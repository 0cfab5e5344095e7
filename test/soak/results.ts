/** The results file: one JSON line for each seed, appended when it is judged. Files of one source tree may be put together. */
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { appendFileSync, existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

export const KINDS = ['crash', 'contention', 'reading', 'rolling'] as const
export type Kind = (typeof KINDS)[number]

export interface ResultLine {
  /** What is judged, and what judges it; with `+` where there are changes on top of what is committed. */
  tree: string
  /** Where it was found. Others with the same tree judge the same. */
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
const JUDGED = ['src', 'migrations', 'package-lock.json', 'test/soak']

const git = (...args: string[]): string => execFileSync('git', args, { cwd: root, encoding: 'utf8' }).trim()

/** The source that a result speaks of, by the content of its folders: documents and other tests may change meanwhile. */
export function judgedTree(): Pick<ResultLine, 'tree' | 'commit'> {
  const parts = JUDGED.map((path) => git('rev-parse', `HEAD:${path}`))
  const tree = createHash('sha256').update(parts.join('\n')).digest('hex').slice(0, 12)
  const isChanged = git('status', '--porcelain', '--', ...JUDGED) !== ''
  return { tree: isChanged ? `${tree}+` : tree, commit: git('rev-parse', '--short', 'HEAD') }
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

/** Whether this seed was judged of this very source. With changes on top of it nobody knows what was judged. */
export function isKnown(results: ResultLine[], tree: string, kind: Kind, seed: number): boolean {
  if (tree.endsWith('+')) return false
  return results.some((one) => one.tree === tree && one.kind === kind && one.seed === seed)
}
