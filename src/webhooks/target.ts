/**
 * Where deliveries may go. A target is a stranger's URL that we call from inside: it is resolved and checked at every attempt,
 * and the address that was checked is the one connected to, so that no name can answer one thing to us and another to the
 * socket. Nothing private, loopback, link-local or reserved is reached, unless the operator's setting names it.
 */
import { lookup, Resolver } from 'node:dns/promises'
import { BlockList, isIP, isIPv4 } from 'node:net'

/** Addresses that the operator allows besides public ones; plain HTTP goes to these only. */
export type Allowed = BlockList

export interface Target {
  url: URL
  /** The checked address to connect to. */
  address: string
}

/** Why a target is not called; a word of ours, never the answer of a name server. */
export type Refusal = 'bad_url' | 'plain_http' | 'unknown_host' | 'forbidden_address'

/** Answers the addresses of a name. Rejects where it has none. */
export type Resolve = (host: string) => Promise<string[]>

const URL_LENGTH_MAX = 2048

/** Special-purpose IPv4 (IANA registry): never another's public server. */
const closedIPv4 = [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/4',
  '240.0.0.0/4',
]
/** Inside 2000::/3, the only global IPv6 there is: special ranges, and those that carry an IPv4 address within. */
const closedIPv6 = ['2001::/23', '2001:db8::/32', '2002::/16', '3fff::/20']

const closed = listOf([...closedIPv4, ...closedIPv6])
const globalIPv6 = listOf(['2000::/3'])

/**
 * Reads the operator's setting: `loopback` and networks such as `10.1.0.0/16`.
 * @returns the list, or the part that cannot be read
 */
export function readAllowed(parts: readonly string[]): Allowed | string {
  const networks = parts.flatMap((part) => (part === 'loopback' ? ['127.0.0.0/8', '::1/128'] : [part]))
  const wrong = networks.find((network) => !isNetwork(network))
  return wrong ?? listOf(networks)
}

function isNetwork(text: string): boolean {
  const [address = '', bits = '', ...more] = text.split('/')
  const family = isIP(address)
  return (
    family !== 0 && more.length === 0 && /^\d{1,3}$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128)
  )
}

function listOf(networks: readonly string[]): BlockList {
  const list = new BlockList()
  for (const network of networks) {
    const [address = '', bits] = network.split('/')
    list.addSubnet(address, Number(bits), isIPv4(address) ? 'ipv4' : 'ipv6')
  }
  return list
}

/** What can be told of a URL before anything is resolved: sentences for the caller that sets it; empty where it is good. */
export function targetFaults(text: string, allowed: Allowed): string[] {
  const url = readUrl(text)
  if (typeof url === 'string')
    return ['Parameter target_url must be an https URL without user name, password or fragment']
  const literal = literalOf(url)
  if (literal !== null && !isOpen(literal, allowed))
    return ['Parameter target_url must not lead to a private, loopback, link-local or reserved address']
  if (
    url.protocol === 'http:' &&
    (allowed.rules.length === 0 || (literal !== null && !isIn(literal, allowed)))
  )
    return ['Parameter target_url must be https']
  return []
}

/**
 * Resolves and checks a target for one attempt.
 * Every address of the name must be open: a name that mixes in one that is not is refused whole.
 */
export async function findTarget(
  text: string,
  allowed: Allowed,
  resolve: Resolve,
): Promise<Target | Refusal> {
  const url = readUrl(text)
  if (typeof url === 'string') return url
  const literal = literalOf(url)
  let addresses: string[]
  try {
    addresses = literal === null ? await resolve(url.hostname) : [literal]
  } catch {
    return 'unknown_host'
  }
  const [address] = addresses
  if (address === undefined) return 'unknown_host'
  if (!addresses.every((one) => isOpen(one, allowed))) return 'forbidden_address'
  if (url.protocol === 'http:' && !addresses.every((one) => isIn(one, allowed))) return 'plain_http'
  return { url, address }
}

function readUrl(text: string): URL | 'bad_url' {
  if (text.length > URL_LENGTH_MAX || !URL.canParse(text)) return 'bad_url'
  const url = new URL(text)
  const isWeb = url.protocol === 'https:' || url.protocol === 'http:'
  return isWeb && url.username === '' && url.password === '' && url.hash === '' ? url : 'bad_url'
}

/** The address, where the host is one: the URL parser has made decimal, octal and hexadecimal forms plain. */
function literalOf({ hostname }: URL): string | null {
  const bare = hostname.replace(/^\[(.*)\]$/, '$1')
  return isIP(bare) === 0 ? null : bare
}

function isIn(address: string, list: BlockList): boolean {
  return list.check(address, isIPv4(address) ? 'ipv4' : 'ipv6')
}

/** Whether an address may be connected to. IPv4 inside IPv6 is never: who means an IPv4 address writes it. */
function isOpen(address: string, allowed: Allowed): boolean {
  const family = isIP(address)
  if (family === 0) return false
  if (family === 6 && /^::ffff:/i.test(address)) return false
  if (isIn(address, allowed)) return true
  return !isIn(address, closed) && (family === 4 || isIn(address, globalIPv6))
}

/** What c-ares says of a name that the servers know no address of; only then may the system's own table be asked. */
const NOT_THERE = new Set(['ENOTFOUND', 'ENODATA'])
const RESOLVE_MS = 5_000

/**
 * Resolves by the servers the system uses (or those given, as `address:port`), without a thread: getaddrinfo has four, and a
 * few names whose servers are silent would hold up every other receiver.
 */
export function openResolve(servers?: string[]): Resolve {
  const resolver = new Resolver({ timeout: RESOLVE_MS, tries: 1 })
  if (servers) resolver.setServers(servers)
  return async (host) => {
    if (host === 'localhost' || host.endsWith('.localhost')) return ['127.0.0.1']
    const answers = await Promise.allSettled([resolver.resolve4(host), resolver.resolve6(host)])
    const found = answers.flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : []))
    if (found.length > 0) return found
    const isAbsent = answers.every((one) => one.status === 'rejected' && NOT_THERE.has(one.reason?.code))
    if (!isAbsent || servers) throw new Error('the name has no address')
    return (await lookup(host, { all: true })).map(({ address }) => address)
  }
}
