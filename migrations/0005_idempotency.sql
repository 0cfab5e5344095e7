-- Answers kept for a day under the key that a client gave its request (Idempotency-Key), so that a retry is answered and not
-- carried out. A row is inserted when its request begins and filled before it commits: nobody else ever sees it without its
-- answer. Neither key nor fingerprint lies in plain: a client may put anything into the one, and the other is made of a body.

create table idempotency (
  institution_id bigint not null,
  account_id bigint not null,
  -- SHA-256 of the client's key.
  key_hash bytea not null,
  -- Fingerprint of the request, status and body; sealed under the institution's key.
  answer_sealed bytea,
  created_at timestamptz not null default app_now(),
  primary key (institution_id, account_id, key_hash)
);
create index idempotency_age on idempotency (created_at);

-- The same of routes without an institution; sealed under the master key, as the account's secrets are.
create table account_idempotency (
  account_id bigint not null,
  key_hash bytea not null,
  answer_sealed bytea,
  created_at timestamptz not null default app_now(),
  primary key (account_id, key_hash)
);
create index account_idempotency_age on account_idempotency (created_at);

-- Sealed bytes cannot be made smaller: PostgreSQL need not try.
alter table idempotency alter column answer_sealed set storage external;
alter table account_idempotency alter column answer_sealed set storage external;

-- Deletes at most `most` rows of each table that are too old to be answered. A row that a request holds is left for the next
-- time. Answers how many went. Called by the sequencer.
create function sweep_idempotency(kept interval, most integer) returns integer
language plpgsql security definer set search_path = public as $$
declare
  swept integer;
  more integer;
begin
  delete from idempotency where (institution_id, account_id, key_hash) in (
    select institution_id, account_id, key_hash from idempotency where created_at <= app_now() - kept
    order by created_at limit most for update skip locked);
  get diagnostics swept = row_count;
  delete from account_idempotency where (account_id, key_hash) in (
    select account_id, key_hash from account_idempotency where created_at <= app_now() - kept
    order by created_at limit most for update skip locked);
  get diagnostics more = row_count;
  return swept + more;
end $$;

alter table idempotency enable row level security;
alter table idempotency force row level security;
create policy tenant on idempotency to slotbridge_app using (institution_id = tenant()) with check (institution_id = tenant());
-- The sweep runs as the owner, who is under forced policies like everyone.
create policy sweep on idempotency to slotbridge_owner using (true);
grant select, insert, update, delete on idempotency, account_idempotency to slotbridge_app;
