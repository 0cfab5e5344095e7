import { expect, it } from 'vitest'
import { inPieces } from '../../src/store/in-pieces.ts'

const numbers = (count: number) => Array.from({ length: count }, (_, at) => at)

it('sends each item once, in order, the last piece before the first is answered', async () => {
  const answers: (() => void)[] = []
  const sent: number[] = []
  const answered = inPieces(numbers(301), (piece) => {
    sent.push(...piece)
    return new Promise<number>((resolve) => {
      answers.push(() => resolve(piece.length))
      if (sent.length === 301) for (const answer of answers.toReversed()) answer()
    })
  })
  const sizes = await answered
  expect(sent).toEqual(numbers(301))
  expect(sizes.length).toBeGreaterThan(1)
  expect(sizes.reduce((all, size) => all + size, 0)).toBe(301)
})

it('sends nothing for nothing', async () => {
  expect(await inPieces([], () => Promise.reject(new Error('sent')))).toEqual([])
})

it('fails as its first piece does, which nobody waited for yet', async () => {
  const unheard: unknown[] = []
  const hear = (error: unknown) => unheard.push(error)
  process.on('unhandledRejection', hear)
  try {
    let at = 0
    const failing = inPieces(numbers(500), () => Promise.reject(new Error(`piece ${at++}`)))
    await expect(failing).rejects.toThrow('piece 0')
    expect(at).toBeGreaterThan(1)
    expect(unheard).toEqual([])
  } finally {
    process.off('unhandledRejection', hear)
  }
})
