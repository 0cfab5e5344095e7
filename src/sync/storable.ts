/** Texts of a record system that PostgreSQL cannot hold: one of them would stop its page, and every page after it, for ever. */

/** The record without NUL characters and halves of characters, which nobody can read; lists in it are of foreign ids, and stay. */
export function storable<T extends object>(record: T): T {
  if (Object.values(record).every((value) => cleanValue(value) === value)) return record
  return Object.fromEntries(Object.entries(record).map(([name, value]) => [name, cleanValue(value)])) as T
}

function cleanValue(value: unknown): unknown {
  return typeof value === 'string' ? value.replaceAll('\0', '').toWellFormed() : value
}
