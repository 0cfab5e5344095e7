/** What a database must have before our migrations can run in it: three roles, an extension, and who may take on what. */
import type pg from 'pg'

/**
 * Prepares the database at hand, where that was not done. Whoever may create roles and owns the database can do it (managed
 * services hand out no more than that), and else an administrator, once, with the statements that the error holds.
 * @param login the role that the application logs in as; it is made without a password where it is missing
 * @throws Error with those statements
 */
export async function prepareDatabase(client: pg.Client, login: string): Promise<void> {
  if (await isPrepared(client, login)) return
  const statements = await preparation(client, login)
  try {
    await client.query(statements)
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    throw new Error(
      `The migrating login may not prepare this database (${why}). Let an administrator run in it, once:\n${statements}`,
    )
  }
}

/** Safe to run twice. */
async function preparation(client: pg.Client, login: string): Promise<string> {
  const { rows } = await client.query('select current_user as me')
  const application = client.escapeIdentifier(login)
  const missing = (role: string) =>
    `if not exists (select from pg_roles where rolname = ${client.escapeLiteral(role)}) then`
  const role = (name: string) => `  ${missing(name)} create role ${name} nologin; end if;`
  return `do $$ begin
${['slotbridge_owner', 'slotbridge_app', 'slotbridge_work'].map(role).join('\n')}
  ${missing(login)} create role ${application} login noinherit; end if;
end $$;
grant slotbridge_owner to ${client.escapeIdentifier(rows[0].me)};
grant slotbridge_app, slotbridge_work to ${application};
create extension if not exists pg_trgm;
grant usage, create on schema public to slotbridge_owner;
grant usage on schema public to slotbridge_app, slotbridge_work;
`
}

/**
 * Whether all of that is there. From PostgreSQL 16 on a login is a member of a role that it made, so that it may grant it, and
 * may not take it on (`set`) until it was granted.
 */
async function isPrepared(client: pg.Client, login: string): Promise<boolean> {
  const { rows } = await client.query(
    `with manner as (
      select case when current_setting('server_version_num')::int < 160000 then 'member' else 'set' end as takes_on),
    logins as (
      select l.oid, current_user = l.rolname as migrates, $1 = l.rolname as serves
      from pg_roles l where l.rolname in (current_user, $1)),
    roles as (
      select r.oid, r.rolname = 'slotbridge_owner' as owns
      from pg_roles r where r.rolname in ('slotbridge_owner', 'slotbridge_app', 'slotbridge_work'))
    select (select count(*) from roles) = 3
      and exists (select from logins where serves)
      and not exists (select from logins l, roles r, manner where (l.migrates and r.owns or l.serves and not r.owns)
        and not pg_has_role(l.oid, r.oid, takes_on))
      and exists (select from pg_extension where extname = 'pg_trgm')
      and not exists (select from roles r where not has_schema_privilege(r.oid, 'public', 'usage'))
      and not exists (select from roles r where r.owns and not has_schema_privilege(r.oid, 'public', 'create')) as prepared`,
    [login],
  )
  return Boolean(rows[0]?.prepared)
}
