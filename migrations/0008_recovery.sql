-- When one side was away or went back: the pace of each record system, what outlives our own database's past, and rows read
-- again after the practice restored a backup.

alter table data_sources
  -- Most requests a second, over all processes; null: no limit is known.
  add column requests_per_second double precision check (requests_per_second > 0),
  -- Where the pace is limited, nobody asks before this: the last request was a moment ago, or one is on its way.
  add column next_call_at timestamptz,
  -- The system said when to come back (Retry-After): nobody asks before.
  add column closed_until timestamptz;

-- One row. What tells this installation from others, and one life of its database from the next.
create table installation (
  one boolean primary key default true check (one),
  -- Given at the first start, so that databases copied from one that never ran are not the same installation.
  id uuid,
  -- Grows with each recovery. Cursors bear it.
  epoch bigint not null default 0,
  -- Grows every few seconds while a process runs; kept outside the database too. One that went back tells of a backup.
  beat bigint not null default 0
);
insert into installation default values;
grant select, update on installation to slotbridge_app;

-- What the markers of an institution begin with: it tells our rows in a record system from those of other programs, also
-- rows that we forgot with the hour that a backup lacks.
alter table institutions add column marker_tag text not null default substr(gen_random_uuid()::text, 1, 8);

create function new_seed() returns text language sql volatile set search_path = public as $$
  select marker_tag || substr(gen_random_uuid()::text, 9) from institutions where id = tenant()
$$;
-- What a connector makes an insertion's marker of. It is drawn when the insertion is accepted, not when it is sent: a backup
-- that holds the appointment holds the name under which it was written after that.
alter table writes add column seed text;
alter table writes alter column seed set default new_seed();

-- Raises sequences to what may have been handed out; never lowers one.
create function raise_ids(handed_out jsonb) returns void
language plpgsql security definer set search_path = public as $$
declare
  s record;
begin
  for s in select sequencename as name, coalesce(last_value, 0) as at, max_value from pg_sequences
      where schemaname = 'public' and (sequencename like '%\_ids' or sequencename = 'event_positions') loop
    if (handed_out ->> s.name)::bigint > s.at then
      perform setval(s.name::regclass, least((handed_out ->> s.name)::bigint, s.max_value));
    end if;
  end loop;
  perform keep_partitions();
end $$;
revoke all on function raise_ids(jsonb) from public;
grant execute on function raise_ids(jsonb) to slotbridge_app;
