/** A body as it came. It is judged where the request is: who asks, and whether this is a retry, comes before. */
export interface GivenBody {
  /** As it was read, without white space around it. */
  text: string
  /** Undefined where the text is no JSON, or empty. */
  value: unknown
  isJson: boolean
}

/** Reads a body; an empty one is none (decision 17). */
export function readBody(given: string): GivenBody | undefined {
  const text = given.trim()
  if (text === '') return undefined
  try {
    return { text, value: JSON.parse(text), isJson: true }
  } catch {
    return { text, value: undefined, isJson: false }
  }
}
