/** Long lists in pieces, so that PostgreSQL is at one while the next is prepared. */
import { setImmediate } from 'node:timers/promises'

/** Tried with `bench sync merge`: with 125 it took a tenth longer, with one piece a fifth. */
const PIECE = 60

/**
 * Sends the items piece by piece, in order, without waiting for an answer in between, and answers the answers. What is asked for
 * meanwhile by somebody else may come between two pieces.
 */
export async function inPieces<Item, Result>(
  items: Item[],
  send: (piece: Item[]) => Promise<Result>,
): Promise<Result[]> {
  const sent: Promise<Result>[] = []
  for (let at = 0; at < items.length; at += PIECE) {
    // The piece before it leaves with the end of this turn.
    if (at > 0) await setImmediate()
    const piece = send(items.slice(at, at + PIECE))
    // Told below, by who waits for all.
    piece.catch(() => undefined)
    sent.push(piece)
  }
  return await Promise.all(sent)
}
