-- Functions that run with their owner's rights looked into the caller's temporary tables first, as PostgreSQL does wherever a
-- search path does not name pg_temp: one named like a table of ours took its place there, and its triggers ran as the owner.

do $$
declare f regprocedure;
begin
  for f in select oid::regprocedure from pg_proc where pronamespace = 'public'::regnamespace and prosecdef
      and pg_get_userbyid(proowner) = current_user loop
    execute format('alter function %s set search_path = public, pg_temp', f);
  end loop;
end $$;
