/** A CPU profile as a flame graph: a frame is as wide as the time with it on the stack, and stands on who called it. */
import { join, relative, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { CpuProfile, ProfileNode } from './bench-profile.ts'

/** A function where it was called from, with everything it called from there. */
export interface Frame {
  name: string
  /** `src/http/register.ts:120`, `pg/lib/client.js:300`, `node:net:740`; empty for the engine's own. */
  place: string
  /** In microseconds, as all times here. */
  self: number
  total: number
  children: Frame[]
}

const root = join(import.meta.dirname, '..', '..')

/** Nothing was at work then. */
const IDLE = '(idle)'

/** The same function called from the same place is one frame. What was idle is left out. */
export function framesOf({ nodes, samples, timeDeltas }: CpuProfile): Frame {
  const byId = new Map(nodes.map((node) => [node.id, node]))
  const selfOf = new Map<number, number>()
  samples.forEach((id, at) => {
    selfOf.set(id, (selfOf.get(id) ?? 0) + (timeDeltas[at] ?? 0))
  })
  const childrenOf = ({ children = [] }: ProfileNode) => children.flatMap((id) => byId.get(id) ?? [])
  const frameOf = (same: ProfileNode[]): Frame => {
    const [{ callFrame } = { callFrame: { functionName: '', url: '', lineNumber: 0 } }] = same
    const groups = Map.groupBy(
      same.flatMap(childrenOf).filter(({ callFrame }) => callFrame.functionName !== IDLE),
      (node) => `${node.callFrame.functionName} ${placeOf(node)}`,
    )
    const children = [...groups.values()].map(frameOf).sort((a, b) => b.total - a.total)
    const self = same.reduce((sum, { id }) => sum + (selfOf.get(id) ?? 0), 0)
    const total = children.reduce((sum, child) => sum + child.total, self)
    const [first] = same
    return {
      name: callFrame.functionName || '(anonymous)',
      place: first ? placeOf(first) : '',
      self,
      total,
      children,
    }
  }
  return frameOf(nodes.slice(0, 1))
}

/** Without the folders of the machine. */
function placeOf({ callFrame: { url, lineNumber } }: ProfileNode): string {
  if (url === '') return ''
  const path = url.startsWith('file:') ? relative(root, fileURLToPath(url)).split(sep).join('/') : url
  return `${path.split('node_modules/').at(-1)}:${lineNumber + 1}`
}

export interface Width {
  name: string
  place: string
  /** Shares of all that was not idle. */
  self: number
  total: number
}

/** Each function wherever it was called from, the widest first. */
export function widthsOf(all: Frame): Width[] {
  const widths = new Map<string, Width>()
  const visit = (frame: Frame, above: Set<string>) => {
    const key = `${frame.name} ${frame.place}`
    const width = widths.get(key) ?? { name: frame.name, place: frame.place, self: 0, total: 0 }
    widths.set(key, width)
    width.self += frame.self / all.total
    // Called by itself, it is on the stack once.
    if (!above.has(key)) width.total += frame.total / all.total
    for (const child of frame.children) visit(child, new Set([...above, key]))
  }
  for (const child of all.children) visit(child, new Set())
  return [...widths.values()].sort((a, b) => b.self - a.self)
}

const WIDTH = 1200
const ROW = 16
/** Frames narrower than this, in pixels, are left out. */
const NARROWEST = 1
const PER_LETTER = 6.6
const colourOf = (place: string) =>
  place === ''
    ? '#b0b0b0'
    : place.startsWith('src/')
      ? '#e8853a'
      : place.startsWith('node:')
        ? '#7fb069'
        : '#e6c85c'

/** An SVG; a frame's own words come up where the pointer rests. */
export function flameGraph(all: Frame, title: string): string {
  const boxes: string[] = []
  let deepest = 0
  const draw = (frame: Frame, x: number, depth: number) => {
    const width = (frame.total / all.total) * WIDTH
    if (width < NARROWEST) return
    deepest = Math.max(deepest, depth)
    boxes.push(boxOf(frame, all, { x, width, depth }))
    let left = x
    for (const child of frame.children) {
      draw(child, left, depth + 1)
      left += (child.total / all.total) * WIDTH
    }
  }
  draw({ ...all, name: 'all that was not idle' }, 0, 1)
  const height = (deepest + 1) * ROW
  // The first row is the lowest.
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" font-family="monospace" font-size="11">`,
    `<title>${escaped(title)}</title>`,
    `<rect width="${WIDTH}" height="${height}" fill="#ffffff"/>`,
    `<text x="4" y="12">${escaped(title)}</text>`,
    `<g transform="translate(0 ${height})">`,
    ...boxes,
    '</g></svg>',
    '',
  ].join('\n')
}

function boxOf(
  { name, place, self, total }: Frame,
  all: Frame,
  { x, width, depth }: { x: number; width: number; depth: number },
): string {
  const share = (time: number) => `${((time / all.total) * 100).toFixed(1)} %`
  const words = `${`${name} ${place}`.trim()}: ${share(total)}, itself ${share(self)}`
  const shown = name.slice(0, Math.max(0, Math.floor((width - 4) / PER_LETTER)))
  const [left, top] = [x.toFixed(1), -depth * ROW]
  const box = `<rect x="${left}" y="${top}" width="${Math.max(width - 0.5, 0.5).toFixed(1)}" height="${ROW - 1}" fill="${colourOf(place)}"/>`
  const label =
    shown.length < 3 ? '' : `<text x="${(x + 2).toFixed(1)}" y="${top + 12}">${escaped(shown)}</text>`
  return `<g><title>${escaped(words)}</title>${box}${label}</g>`
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}
