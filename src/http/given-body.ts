/** Bodies, before they are judged. */
import { Failure } from '../model/failures.ts'

/** A body as it came. It is judged where the request is: who asks, and whether this is a retry, comes before. */
export interface GivenBody {
  /** As it was read, without white space around it. */
  text: string
  /** Undefined where the text is no JSON, or empty. */
  value: unknown
  isJson: boolean
}

/** Nothing of ours has more than a handful of levels; what walks a body may then do so by recursion. */
const LEVELS_MAX = 64

/**
 * Reads a body; an empty one is none (decision 17).
 * @throws Failure where it is nested too deeply to be looked at
 */
export function readBody(given: string): GivenBody | undefined {
  const text = given.trim()
  if (text === '') return undefined
  if (isTooDeep(text))
    throw new Failure('invalid_request', `The body is nested more than ${LEVELS_MAX} levels deep`)
  try {
    return { text, value: JSON.parse(text), isJson: true }
  } catch {
    return { text, value: undefined, isJson: false }
  }
}

/** Counts brackets outside of strings; of a text that is no JSON it says nothing wrong. */
function isTooDeep(text: string): boolean {
  let level = 0
  let isInText = false
  for (let at = 0; at < text.length; at++) {
    const character = text[at]
    if (isInText) {
      if (character === '\\') at++
      else if (character === '"') isInText = false
    } else if (character === '"') isInText = true
    else if (character === '[' || character === '{') level++
    else if (character === ']' || character === '}') level--
    if (level > LEVELS_MAX) return true
  }
  return false
}
