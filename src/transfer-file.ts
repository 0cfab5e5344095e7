/**
 * The file of a move: gzip of JSON lines. First a head, then for each table and institution a section line and its rows, at last an
 * end with counts and the checksum of all before. It holds patients in plain: as dear as the database.
 */
import { createHash } from 'node:crypto'
import {
  closeSync,
  createReadStream,
  createWriteStream,
  fsyncSync,
  openSync,
  renameSync,
  rmSync,
} from 'node:fs'
import { dirname } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGunzip, createGzip } from 'node:zlib'
import { Failure } from './model/failures.ts'

export const TRANSFER_FORMAT = 1

export interface TransferHead {
  slotbridge: 'data'
  format: number
  /** Numbers of the migrations of the database. */
  migrations: number[]
  taken_at: string
  /** Sealed under the master key, which must travel by another way. */
  key_check: string
}

export interface Section {
  table: string
  /** Null: a table of the installation. */
  institution: number | null
  columns: string[]
}

export interface TransferEnd {
  /** By table. */
  rows: Record<string, number>
  /** The highest id of each sequence when the export ended. */
  handed_out: Record<string, number>
  epoch: number
}

/** Rows come as JSON text, everything else as objects. */
export type TransferPart = TransferHead | Section | { end: TransferEnd } | { row: string }

/** Writes the file whole or not at all, for its owner alone. @throws Failure where it is there already */
export async function writeTransfer(file: string, parts: AsyncIterable<TransferPart>): Promise<void> {
  const fresh = `${file}.part`
  try {
    const out = createWriteStream(fresh, { flags: 'wx', mode: 0o600, flush: true })
    await pipeline(Readable.from(linesOf(parts)), createGzip({ level: 3 }), out)
    renameSync(fresh, file)
    const folder = openSync(dirname(file), 'r')
    fsyncSync(folder)
    closeSync(folder)
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST'))
      rmSync(fresh, { force: true })
    else throw new Failure('invalid_request', `${fresh} is there already: does another export run?`)
    throw error
  }
}

const CHUNK = 64 * 1024

async function* linesOf(parts: AsyncIterable<TransferPart>): AsyncGenerator<string> {
  const hash = createHash('sha256')
  let chunk = ''
  for await (const part of parts) {
    if ('end' in part) {
      hash.update(chunk)
      yield chunk
      yield `${JSON.stringify({ ...part, sha256: hash.digest('hex') })}\n`
      return
    }
    chunk += 'row' in part ? `${part.row}\n` : `${JSON.stringify(part)}\n`
    if (chunk.length < CHUNK) continue
    hash.update(chunk)
    yield chunk
    chunk = ''
  }
}

/** What a whole file says of itself. */
export interface Checked {
  head: TransferHead
  end: TransferEnd
}

/** Reads it to its end. @throws Failure where it is no such file, cut short, or changed */
export async function checkTransfer(file: string): Promise<Checked> {
  const hash = createHash('sha256')
  let head: TransferHead | null = null
  let last: string | null = null
  for await (const line of readLines(file)) {
    if (last === null) head = readHead(file, line)
    else hash.update(`${last}\n`)
    last = line
  }
  const end = last?.startsWith('{"end":') ? (JSON.parse(last) as { end: TransferEnd; sha256: string }) : null
  if (!head || !end) throw broken(file, 'it ends before its end')
  if (hash.digest('hex') !== end.sha256) throw broken(file, 'its checksum is another')
  return { head, end: end.end }
}

function readHead(file: string, line: string): TransferHead {
  const head = line.startsWith('{"slotbridge":"data"') ? (JSON.parse(line) as TransferHead) : null
  if (!head) throw new Failure('invalid_request', `${file} is no export of ./slotbridge data export.`)
  if (head.format !== TRANSFER_FORMAT)
    throw new Failure(
      'invalid_request',
      `${file} is of format ${head.format}, this version reads ${TRANSFER_FORMAT}.`,
    )
  return head
}

function broken(file: string, why: string): Failure {
  return new Failure(
    'invalid_request',
    `${file} is not whole (${why}): export again, or copy it again. Nothing was imported.`,
  )
}

/** Sections and rows of a file that `checkTransfer` found whole. */
export async function* readTransfer(file: string): AsyncGenerator<Section | string> {
  let isFirst = true
  for await (const line of readLines(file)) {
    if (line.startsWith('[')) yield line
    else if (!isFirst && !line.startsWith('{"end":')) yield JSON.parse(line) as Section
    isFirst = false
  }
}

async function* readLines(file: string): AsyncGenerator<string> {
  const unzip = createGunzip()
  const source = createReadStream(file)
  source.on('error', (error) => unzip.destroy(error))
  let rest = ''
  try {
    for await (const chunk of source.pipe(unzip).setEncoding('utf8')) {
      const lines = (rest + chunk).split('\n')
      rest = lines.pop() ?? ''
      yield* lines
    }
  } catch (error) {
    if (error instanceof Error && 'code' in error && String(error.code).startsWith('Z_'))
      throw broken(file, error.message)
    throw error
  } finally {
    source.destroy()
  }
  if (rest !== '') throw broken(file, 'its last line is cut')
}
