/** Repeatable chance: the same parts give the same throws on every machine, so that a seed tells the whole practice. */

export interface Dice {
  /** A whole number from 0 up to but not including `count`. */
  below(count: number): number
  pick<T>(list: readonly T[]): T
  /** True with this probability (0 to 1). */
  chance(probability: number): boolean
}

/** FNV-1a over UTF-16 units: small, and equal everywhere. */
function hash(words: string): number {
  let state = 0x811c9dc5
  for (let at = 0; at < words.length; at += 1) {
    state = Math.imul(state ^ words.charCodeAt(at), 0x01000193)
  }
  return state >>> 0
}

/** Dice whose throws follow from `parts` alone (mulberry32). */
export function dice(...parts: (string | number)[]): Dice {
  let state = hash(parts.join('|'))
  function next(): number {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = state
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
  function below(count: number): number {
    return Math.floor(next() * count)
  }
  return {
    below,
    chance: (probability) => next() < probability,
    pick<T>(list: readonly T[]): T {
      if (list.length === 0) throw new Error('nothing to pick from')
      return list[below(list.length)] as T
    },
  }
}
