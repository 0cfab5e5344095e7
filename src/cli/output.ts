/** How commands show rows: a table for people, one JSON value for programs. */
import type { Input, Option } from './command.ts'
import { table } from './terminal.ts'

export const asJson: Record<string, Option> = {
  json: { type: 'boolean', about: 'Print JSON' },
}

type Cell = string | number | boolean | null

/** Prints rows with these columns; with `--json` the whole rows. */
export function showRows<Row>(
  { terminal, values }: Input,
  rows: Row[],
  columns: Record<string, (row: Row) => Cell>,
): void {
  const cells = rows.map((row) => Object.values(columns).map((read) => read(row)))
  if (values.flag('json')) terminal.say(JSON.stringify(rows, null, 2))
  else terminal.say(rows.length > 0 ? table(Object.keys(columns), cells) : 'none')
}

/** Prints what was made: its JSON with `--json`, else the sentence. */
export function showMade({ terminal, values }: Input, made: object, sentence: string): void {
  terminal.say(values.flag('json') ? JSON.stringify(made) : sentence)
}
