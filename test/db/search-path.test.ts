/** Functions that run with their owner's rights look at nothing that their caller put in the way. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type TestDatabase, testDatabase } from '../support/database.ts'

let t: TestDatabase
beforeAll(async () => {
  t = await testDatabase()
})
afterAll(() => t[Symbol.asyncDispose]())

it('a temporary table stands in for none of ours in a function of the owner', async () => {
  const client = await t.database.pool.connect()
  try {
    await client.query(`begin;
      set local role slotbridge_app;
      create temporary table log_partitions
        (ids text, first_id bigint, entered_at timestamptz, as_role text, primary key (ids, first_id)) on commit drop;
      create function pg_temp.note_role() returns trigger language plpgsql as
        $$ begin new.as_role := current_user; return new; end $$;
      create trigger note_role before insert on pg_temp.log_partitions
        for each row execute function pg_temp.note_role();
      grant all on pg_temp.log_partitions to public;
      select public.keep_partitions()`)
    const { rows } = await client.query('select distinct as_role from pg_temp.log_partitions')
    expect(rows).toEqual([])
  } finally {
    await client.query('rollback')
    client.release()
  }
})

it('every such function says so', async () => {
  const open = await t.look(
    `select proname from pg_proc where pronamespace = 'public'::regnamespace and prosecdef
      and not coalesce(proconfig, '{}') @> array['search_path=public, pg_temp'] order by 1`,
  )
  expect(open).toEqual([])
})
