/** What a bench says of many values, of a few runs, and of two sides that ran in turn. */
import type { LoadResult } from './bench-load.ts'

export interface Spread {
  n: number
  p50: number
  p95: number
  p99: number
  max: number
}

/** Of values in any order; rounded to hundredths. */
export function spreadOf(values: number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b)
  const at = (share: number) => Math.round((sorted[Math.ceil(sorted.length * share) - 1] ?? 0) * 100) / 100
  return { n: sorted.length, p50: at(0.5), p95: at(0.95), p99: at(0.99), max: at(1) }
}

export interface Runs {
  median: number
  least: number
  most: number
}

/** The middle one of a few runs, and the least and the most of them. */
export function medianOf(runs: number[]): Runs {
  const { p50, max } = spreadOf(runs)
  return { median: p50, least: Math.min(...runs), most: max }
}

/** What was measured of us and of the limit, in as many runs, and our part of it. */
export interface SideBySide {
  per_second: Runs
  limit_per_second: Runs
  ratio: number
  p99_ms: Runs
  limit_p99_ms: Runs
  p99_ratio: number
}

export function sideBySide(ours: LoadResult[], limit: LoadResult[]): SideBySide {
  const rates = (results: LoadResult[]) => medianOf(results.map(({ perSecond }) => perSecond))
  const late = (results: LoadResult[]) => medianOf(results.map(({ latencies }) => spreadOf(latencies).p99))
  const ratio = (a: Runs, b: Runs) => Math.round((a.median / b.median) * 100) / 100
  const perSecond = [rates(ours), rates(limit)] as const
  const p99 = [late(ours), late(limit)] as const
  return {
    per_second: perSecond[0],
    limit_per_second: perSecond[1],
    ratio: ratio(...perSecond),
    p99_ms: p99[0],
    limit_p99_ms: p99[1],
    p99_ratio: ratio(...p99),
  }
}
