/** Searches and histories: pages by their `next` links, and resources by their ids. */
import { Unavailable } from '../connector.ts'
import { readReply } from './answers.ts'
import type { FhirHttp } from './http.ts'
import { describeRefusal } from './outcome-text.ts'
import { type Bundle, type BundleEntry, nameOf, readResource } from './resources.ts'
import { parseInstant } from './values.ts'

export interface BundlePage {
  entries: BundleEntry[]
  /** The server's clock when it answered, epoch milliseconds; null where it tells none. */
  serverMs: number | null
}

/** No search of ours is so long; a server whose links never end is stopped here. */
const MOST_PAGES = 20_000
/** Ids in one request: a URL stays well under the 8 kB that proxies allow. */
const IDS_AT_ONCE = 100

/**
 * The pages of a search or history. Each is fetched when it is asked for and not before: the sync takes its instant then,
 * and must not be given what was true earlier. Links are followed within the server's origin only, each once.
 * @throws Unavailable
 */
export async function* pagesOf(http: FhirHttp, path: string): AsyncGenerator<BundlePage> {
  const seen = new Set<string>()
  let next: string | undefined = path
  while (next !== undefined) {
    if (seen.has(next) || seen.size >= MOST_PAGES)
      throw new Unavailable('the pages of the FHIR server have no end')
    seen.add(next)
    const { bundle, page } = await fetchBundle(http, next)
    next = bundle.link?.find((link) => link.relation === 'next')?.url
    yield page
  }
}

async function fetchBundle(http: FhirHttp, path: string): Promise<{ bundle: Bundle; page: BundlePage }> {
  const reply = await readReply(http, { method: 'GET', path })
  const bundle = readResource('Bundle', reply.body)
  if ('misfit' in bundle) throw new Unavailable(`the FHIR server answered no bundle: ${bundle.misfit}`)
  const trouble = bundle.entry?.find(({ resource }) => isError(resource))
  if (trouble !== undefined) throw new Unavailable(describeRefusal(reply.status, trouble.resource))
  const told = parseInstant(bundle.meta?.lastUpdated)
  const serverMs = told === null ? reply.dateMs : Date.parse(told)
  return { bundle, page: { entries: bundle.entry ?? [], serverMs } }
}

/** A search may say within its results that they are not whole (hl7.org/fhir/R4/search.html#errors). */
function isError(resource: unknown): boolean {
  if (nameOf(resource).type !== 'OperationOutcome') return false
  const { issue } = resource as { issue?: unknown }
  const grave = (one: { severity?: unknown } | null) => one?.severity === 'error' || one?.severity === 'fatal'
  return Array.isArray(issue) && issue.some(grave)
}

/** The resources of one type with these ids, as they came; ids that are not there are left out. @throws Unavailable */
export async function fetchByIds(http: FhirHttp, type: string, ids: Iterable<string>): Promise<unknown[]> {
  const all = [...ids]
  const found: unknown[] = []
  for (let at = 0; at < all.length; at += IDS_AT_ONCE) {
    const some = all.slice(at, at + IDS_AT_ONCE)
    for await (const page of pagesOf(http, `${type}?_id=${some.join(',')}&_count=${some.length}`)) {
      found.push(...page.entries.flatMap(({ resource }) => (resource === undefined ? [] : [resource])))
    }
  }
  return found
}
