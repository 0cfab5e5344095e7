/** What an API key may do. No scope includes another: `admin` sets up practices and reads no patient. */

export const SCOPES = [
  'admin',
  'appointments:read',
  'appointments:write',
  'appointments:overbook',
  'patients:read',
  'patients:write',
  'webhooks',
] as const
export type Scope = (typeof SCOPES)[number]

export function isScope(text: string): text is Scope {
  return (SCOPES as readonly string[]).includes(text)
}
