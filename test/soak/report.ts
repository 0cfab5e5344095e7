/** What the seeds of one source tree come to, beside what is asked for. */
import { KINDS, type Kind, type ResultLine } from './results.ts'

interface Target {
  seeds: number
  /** Counts that must be nought. */
  none: string[]
  /** A count that must be so much of another, from 0 to 1. */
  share?: { of: string; is: string; least: number }
}

const TARGETS: Record<Kind, Target> = {
  crash: {
    seeds: 200,
    none: ['lost', 'twice', 'misreported'],
    share: { is: 'as_asked', of: 'accepted', least: 0.99 },
  },
  contention: { seeds: 100, none: ['over', 'untyped'] },
  reading: { seeds: 1000, none: [] },
  rolling: { seeds: 1, none: ['lost', 'twice', 'misreported', 'events_lost', 'events_twice', 'untold'] },
}

/** Lines of text: for each source tree each kind's sums beside their targets, the tree that was judged last first. */
export function report(results: ResultLine[]): string[] {
  const trees = [...new Set(results.map(({ tree }) => tree))].reverse()
  return trees.flatMap((tree) => {
    const own = results.filter((one) => one.tree === tree)
    const commits = [...new Set(own.map(({ commit }) => commit))].join(', ')
    const kinds = KINDS.filter((kind) => own.some((one) => one.kind === kind))
    return [
      `source tree ${tree} (commits ${commits})`,
      ...kinds.flatMap((kind) => reportKind(kind, once(own.filter((one) => one.kind === kind)))),
    ]
  })
}

/** A seed that is there twice counts once: its worst. */
function once(lines: ResultLine[]): ResultLine[] {
  const seeds = new Map<number, ResultLine>()
  for (const line of lines) if (seeds.get(line.seed)?.verdict !== 'bad') seeds.set(line.seed, line)
  return [...seeds.values()]
}

function reportKind(kind: Kind, lines: ResultLine[]): string[] {
  const { seeds, none, share } = TARGETS[kind]
  const bad = lines.filter(({ verdict }) => verdict === 'bad').map(({ seed }) => seed)
  const sum = (name: string): number => lines.reduce((all, { counts }) => all + (counts[name] ?? 0), 0)
  const checks = [
    `${lines.length} of ${seeds} seeds`,
    `${bad.length} bad (target 0)${bad.length > 0 ? `: ${bad.join(', ')}` : ''}`,
    ...none.map((name) => `${name} ${sum(name)} (target 0)`),
  ]
  if (share) {
    const part = sum(share.of) === 0 ? 0 : (100 * sum(share.is)) / sum(share.of)
    checks.push(`${share.is} ${part.toFixed(2)} % of ${share.of} (target ${100 * share.least} %)`)
  }
  const names = [...new Set(lines.flatMap(({ counts }) => Object.keys(counts)))]
  const others = names.filter((name) => !none.includes(name)).map((name) => `${name} ${sum(name)}`)
  const seconds = lines.reduce((all, line) => all + line.seconds, 0)
  const each = lines.length === 0 ? 0 : seconds / lines.length
  return [
    `  ${kind}: ${checks.join(', ')}`,
    `    ${others.join(', ')}; ${Math.round(seconds)} s, ${each.toFixed(1)} s a seed`,
  ]
}
