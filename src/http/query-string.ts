/** Query strings: `a[]=1&a[]=2` is the list `a`; a name given twice without brackets is a list too. */

const PARAMETERS_MAX = 1000

/** Reads a query string into texts and lists of texts. A malformed escape stays as it was sent. */
export function parseQuery(text: string): Record<string, string | string[]> {
  const query: Record<string, string | string[]> = Object.create(null)
  let count = 0
  for (const pair of text.split('&')) {
    if (pair === '' || ++count > PARAMETERS_MAX) continue
    const at = pair.indexOf('=')
    const given = decode(at < 0 ? pair : pair.slice(0, at))
    const value = at < 0 ? '' : decode(pair.slice(at + 1))
    const list = /\[\d*\]$/.test(given)
    const name = list ? given.replace(/\[\d*\]$/, '') : given
    const before = query[name]
    if (before === undefined) query[name] = list ? [value] : value
    else query[name] = [before, value].flat()
  }
  return query
}

function decode(text: string): string {
  const spaced = text.replaceAll('+', ' ')
  try {
    return decodeURIComponent(spaced)
  } catch {
    return spaced
  }
}
