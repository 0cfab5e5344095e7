/** The terminal of this process. */
import { text } from 'node:stream/consumers'
import type { Terminal } from './command.ts'

/** Standard output, error and input. A reader that went away (`| head`, a closed window) ends nothing. */
export function openTerminal(): Terminal {
  process.stdout.on('error', () => undefined)
  process.stderr.on('error', () => undefined)
  return {
    say: (line) => void process.stdout.write(`${line}\n`),
    note: (line) => void process.stderr.write(`${line}\n`),
    readInput: () => text(process.stdin),
  }
}

/** Rows under their headings, columns as wide as their widest value; null shows as a dash. */
export function table(headings: string[], rows: (string | number | boolean | null)[][]): string {
  const cells = [headings, ...rows.map((row) => row.map((cell) => (cell === null ? '-' : String(cell))))]
  const widths = headings.map((_, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)))
  return cells
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}
