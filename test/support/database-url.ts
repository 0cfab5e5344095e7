/** `url` with another login or database. A socket folder or password in it stays. */
export function atDatabase(url: string, change: { login?: string; database?: string }): string {
  const parts = new URL(url)
  if (change.login !== undefined) parts.username = change.login
  if (change.database !== undefined) parts.pathname = `/${change.database}`
  return parts.href
}
