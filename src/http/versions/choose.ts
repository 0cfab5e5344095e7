/**
 * Which version a request speaks (reference, 1.2): `Nex-Api-Version` wins, then `Accept`, then v2. A path that v3 does
 * not redefine falls through to v2; a path that only v3 has is 404 without the header.
 */
import type { IncomingHttpHeaders } from 'node:http'

export type Version = 'v2' | 'v3'

const versions: Record<string, Version> = {
  v2: 'v2',
  'v2.2.2': 'v2',
  v20240412: 'v3',
  'v3.0.0': 'v3',
  // Edge: what v3.1 redefines is not built; the rest falls through to v3.0.0.
  'v3.1.0': 'v3',
}

export interface Chosen {
  version: Version
  warnings: string[]
}

/** Reads the version from a request's headers. */
export function chooseVersion(headers: IncomingHttpHeaders): Chosen {
  const asked = headers['nex-api-version']
  const header = (Array.isArray(asked) ? asked[0] : asked)?.trim().toLowerCase()
  if (header) {
    const version = versions[header] ?? versions[`v${header}`]
    if (version) return { version, warnings: [] }
  }
  const accepted = /version=v?(\d+)/i.exec(headers.accept ?? '')?.[1]
  const version = accepted === '20240412' || accepted === '3' ? 'v3' : 'v2'
  if (!header) return { version, warnings: [] }
  return { version, warnings: [`Nex-Api-Version ${header.slice(0, 40)} is unknown; ${version} was taken.`] }
}

/** find-my-way's constraint: one path may have a handler for each version, and v3 falls through to v2. */
export function versionConstraint<Handler>() {
  return {
    name: 'nexVersion',
    storage() {
      const handlers = new Map<string, Handler>()
      return {
        get: (version: string) =>
          handlers.get(version) ?? (version === 'v3' ? handlers.get('v2') : undefined) ?? null,
        set: (version: string, handler: Handler) => {
          handlers.set(version, handler)
        },
      }
    },
    deriveConstraint: (request: { headers: IncomingHttpHeaders }) => chooseVersion(request.headers).version,
    mustMatchWhenDerived: false,
  }
}
