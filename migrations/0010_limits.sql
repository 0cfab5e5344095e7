-- Limits of a key, requests by what they ask for (src/model/rate-limits.ts); null: none.
alter table api_keys add column limits jsonb;

-- What a key has spent of each limit in the window that runs: processes take tokens from here, a tenth of a limit at a time.
-- Unlogged: nothing waits for the disk, and a database that crashed begins its windows anew.
create unlogged table rate_windows (
  api_key_id bigint not null references api_keys on delete cascade,
  limit_name text not null,
  begins_at timestamptz not null,
  taken integer not null,
  -- Of these, by the statement that wrote this row last.
  granted integer not null,
  primary key (api_key_id, limit_name)
) with (fillfactor = 50);
grant select, insert, update, delete on rate_windows to slotbridge_app;
