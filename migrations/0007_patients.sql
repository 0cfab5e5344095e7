-- Who is who: merges of the practice followed through chains, decisions that a person takes, and foreign ids that a restored
-- backup gives out a second time.

-- The survivor as the practice names it, which may come later than the one that was merged away; null where it names none.
alter table patients add column merged_foreign_id text;
-- A person said that the record system holds nobody who is this one.
alter table patients add column surely_new boolean not null default false;
create index patients_merged_foreign on patients (institution_id, data_source_id, merged_foreign_id)
  where merged_foreign_id is not null;
create index patients_merged_into on patients (institution_id, merged_into) where merged_into is not null;

-- While a write waits for a person: whom its patient may be, as ids and what agrees, never a name.
alter table writes add column candidates jsonb;
create index writes_undecided on writes (institution_id) where state = 'needs_decision';

-- When a high-water mark was last found to have gone back.
alter table data_sources add column restored_at timestamptz;

-- Whom a patient's id means now: the end of the chain of merges; the patient itself where the chain ends nowhere.
create function survivor_of(patient bigint) returns bigint language sql stable parallel safe as $$
  with recursive chain(id) as (
    select patient
    union
    select p.merged_into from chain c join patients p on p.institution_id = tenant() and p.id = c.id
    where p.merged_into is not null)
  select coalesce((select c.id from chain c join patients p on p.institution_id = tenant() and p.id = c.id
    where p.merged_into is null), patient)
$$;
