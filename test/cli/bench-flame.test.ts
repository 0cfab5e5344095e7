import { expect, it } from 'vitest'
import { flameGraph, framesOf, widthsOf } from '../../src/cli/bench-flame.ts'
import type { CpuProfile } from '../../src/cli/bench-profile.ts'

const root = new URL('../../', import.meta.url)
const at = (functionName: string, url: string, lineNumber = 0) => ({ functionName, url, lineNumber })
const ours = new URL('src/http/register.ts', root).href
const theirs = new URL('node_modules/pg/lib/client.js', root).href

/** (root) calls (idle) and, twice as two nodes, `answer`, which calls itself and `query`. */
const profile: CpuProfile = {
  nodes: [
    { id: 1, callFrame: at('(root)', ''), children: [2, 3, 4] },
    { id: 2, callFrame: at('(idle)', '') },
    { id: 3, callFrame: at('answer', ours, 9), children: [5] },
    { id: 4, callFrame: at('answer', ours, 9), children: [6] },
    { id: 5, callFrame: at('query', theirs, 99) },
    { id: 6, callFrame: at('answer', ours, 9) },
  ],
  samples: [2, 3, 5, 5, 6, 4],
  timeDeltas: [5_000, 100, 200, 300, 150, 250],
}

it('a flame graph has one frame for a function called from one place, and leaves out what was idle', () => {
  const all = framesOf(profile)
  expect(all.total).toBe(1_000)
  expect(all.children).toHaveLength(1)
  const [answer] = all.children
  expect(answer).toMatchObject({ name: 'answer', place: 'src/http/register.ts:10', self: 350, total: 1_000 })
  expect(answer?.children.map(({ place, total }) => [place, total])).toEqual([
    ['pg/lib/client.js:100', 500],
    ['src/http/register.ts:10', 150],
  ])
})

it('what a function takes with all that it calls counts once where it calls itself', () => {
  const widths = widthsOf(framesOf(profile))
  expect(widths).toEqual([
    { name: 'answer', place: 'src/http/register.ts:10', self: 0.5, total: 1 },
    { name: 'query', place: 'pg/lib/client.js:100', self: 0.5, total: 0.5 },
  ])
})

it('the picture names each frame and its share, and no folder of the machine', () => {
  const svg = flameGraph(framesOf(profile), 'a < b')
  expect(svg).toContain('<title>query pg/lib/client.js:100: 50.0 %, itself 50.0 %</title>')
  expect(svg).toContain('width="599.5"')
  expect(svg).toContain('a &lt; b')
  expect(svg).not.toContain(root.pathname)
})

it('a name stands in its frame only as far as there is room', () => {
  const frame = { name: 'all', place: '', self: 0, total: 10_000, children: [] }
  const child = (name: string, total: number) => ({ ...frame, name, self: total, total })
  const children = [child('a_name_of_some_length', 9_975), child('another_of_the_same', 25)]
  const svg = flameGraph({ ...frame, children }, 'title')
  expect(svg).toContain('>a_name_of_some_length</text>')
  expect(svg).not.toMatch(/another[^<]*<.text>/)
})
