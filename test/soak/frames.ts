/** What a stream of bytes is made of: the messages of PostgreSQL's protocol (version 3), and of HTTP/1.1 with lengths. */

/** One message, whole, with a word for what kind of message it is. */
export interface Frame {
  bytes: Buffer
  kind: string
}

/** Takes bytes as they come, and gives the messages that are whole by now. */
export type Framer = (chunk: Buffer) => Frame[]

export type Protocol = 'postgres' | 'practice'

/** Framers of the two directions of one connection: what the client says, and what it is told. */
export function framersOf(protocol: Protocol): { said: Framer; told: Framer } {
  if (protocol === 'postgres') return { said: postgresFramer(true), told: postgresFramer(false) }
  // An answer is named by what was asked: on one connection answers come in order.
  const asked: string[] = []
  return {
    said: httpFramer((head) => noteAsked(asked, head)),
    told: httpFramer((head) => nameAnswer(asked, head)),
  }
}

/** The length of the first message in `bytes`, or null where that is not known yet; and its kind. */
type Measure = (bytes: Buffer) => { length: number; kind: string } | null

function framer(measure: Measure): Framer {
  let rest: Buffer = Buffer.alloc(0)
  return (chunk) => {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk])
    const frames: Frame[] = []
    for (;;) {
      const found = measure(rest)
      if (found === null || rest.length < found.length) return frames
      frames.push({ bytes: rest.subarray(0, found.length), kind: found.kind })
      rest = rest.subarray(found.length)
    }
  }
}

const TYPE = 1
const LENGTH = 4
/** How much of a statement tells it from others. */
const STATEMENT_SHOWN = 60

/** A type byte, then a length that counts itself; only the first message of a client has no type byte. */
function postgresFramer(isClient: boolean): Framer {
  let begun = !isClient
  return framer((bytes) => {
    if (!begun) {
      if (bytes.length < LENGTH) return null
      const length = bytes.readInt32BE(0)
      if (bytes.length >= length) begun = true
      return { length, kind: 'postgres > startup' }
    }
    if (bytes.length < TYPE + LENGTH) return null
    const length = TYPE + bytes.readInt32BE(TYPE)
    const type = String.fromCharCode(bytes[0] ?? 0)
    const detail =
      isClient && bytes.length >= length ? detailOf(type, bytes.subarray(TYPE + LENGTH, length)) : ''
    return { length, kind: `postgres ${isClient ? '>' : '<'} ${type}${detail}` }
  })
}

/** Which statement a message runs: a prepared one by its name, a simple one by its words. */
function detailOf(type: string, body: Buffer): string {
  const texts = body.toString('latin1').split('\0', 2)
  if (type === 'B') return ` ${texts[1]}`
  if (type === 'P' || type === 'Q') return ` ${(texts[0] || texts[1] || '').slice(0, STATEMENT_SHOWN)}`
  return ''
}

/** A head up to an empty line, then as many bytes as it says. */
function httpFramer(name: (head: string) => string): Framer {
  let measured: { length: number; kind: string } | null = null
  return framer((bytes) => {
    if (measured !== null) {
      const known = measured
      if (bytes.length >= known.length) measured = null
      return known
    }
    const end = bytes.indexOf('\r\n\r\n')
    if (end < 0) return null
    const head = bytes.toString('latin1', 0, end)
    const length = end + 4 + Number(/\r\ncontent-length: *(\d+)/i.exec(head)?.[1] ?? 0)
    const found = { length, kind: name(head) }
    measured = bytes.length < length ? found : null
    return found
  })
}

/** `POST /visits`, `GET /visits/:`: ids and queries left out. */
function noteAsked(asked: string[], head: string): string {
  const [method, path = ''] = head.split(' ', 2)
  const what = `${method} ${path.replace(/\?.*/, '').replace(/\/(\d+|[0-9a-f-]{36})(?=\/|$)/g, '/:')}`
  asked.push(what)
  return `practice > ${what}`
}

function nameAnswer(asked: string[], head: string): string {
  return `practice < ${head.split(' ', 2)[1]} to ${asked.shift() ?? 'nothing'}`
}
