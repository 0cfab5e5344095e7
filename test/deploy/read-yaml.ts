/**
 * Reads the YAML that ours is written in: maps, lists of plain values and of maps, a folded line (`>-`), and comments. Anything
 * else throws.
 */

export type Yaml = string | null | Yaml[] | { [name: string]: Yaml }

interface Line {
  indent: number
  text: string
  number: number
}

/** @throws Error with the number of the line that is something else */
export function readYaml(text: string): Yaml {
  const lines = text
    .split('\n')
    .map((line, at) => ({ indent: line.length - line.trimStart().length, text: line.trim(), number: at + 1 }))
    .filter((line) => line.text !== '' && !line.text.startsWith('#'))
  const value = readBlock(lines, 0)
  if (lines[0]) throw new Error(`line ${lines[0].number} is indented like nothing above it`)
  return value
}

function readBlock(lines: Line[], indent: number): Yaml {
  const [first] = lines
  return first?.text.startsWith('- ') ? readList(lines, indent) : readMap(lines, indent)
}

function readList(lines: Line[], indent: number): Yaml[] {
  const list: Yaml[] = []
  while (lines[0]?.indent === indent) {
    const [first] = lines
    if (/^- [\w-]+:( |$)/.test(first.text)) {
      // A map whose first name stands behind the dash.
      Object.assign(first, { indent: indent + 2, text: first.text.slice(2) })
      list.push(readMap(lines, indent + 2))
    } else list.push(readScalar(takeLine(lines, /^- (.+)$/)[1]))
  }
  return list
}

function readMap(lines: Line[], indent: number): { [name: string]: Yaml } {
  const map: { [name: string]: Yaml } = {}
  while (lines[0]?.indent === indent) {
    const { number } = lines[0]
    const [, name = '', given] = takeLine(lines, /^([\w-]+):(?: (.+))?$/)
    if (Object.hasOwn(map, name)) throw new Error(`line ${number} names ${name} a second time`)
    const next = lines[0]?.indent ?? 0
    if (given === '>-' && next > indent) map[name] = lines.shift()?.text ?? ''
    else map[name] = given === undefined && next > indent ? readBlock(lines, next) : readScalar(given)
  }
  return map
}

function takeLine(lines: Line[], shape: RegExp): string[] {
  const line = lines.shift()
  const match = shape.exec(line?.text ?? '')
  if (!match) throw new Error(`line ${line?.number} is no YAML that we write`)
  return [...match]
}

/** What YAML or a reader of it takes for something else than the text that stands there must be quoted. */
const TAKEN_OTHERWISE = /^(on|off|yes|no|y|n|~|null)$|^[[{&*!|>@`%"']|: | #/i

function readScalar(text: string | undefined): Yaml {
  if (text === undefined) return null
  const quoted = /^'([^']*)'$/.exec(text)
  if (quoted) return quoted[1] ?? ''
  if (TAKEN_OTHERWISE.test(text)) throw new Error(`${text} must be quoted`)
  return text
}
