/**
 * The practice's own database. Instants are epoch milliseconds. Every row that the change feed carries has a
 * `revision`, drawn from one counter inside the transaction that commits it: SQLite has one writer at a time, so
 * revisions become visible in their own order and no two rows share one.
 */
export const SCHEMA = `
create table if not exists settings (name text primary key, value text not null) strict;
create table if not exists counters (name text primary key, value integer not null) strict;

create table if not exists sites (
  id integer primary key autoincrement, name text not null, phone text not null, street text not null,
  city text not null, state text not null, zip text not null, zone text not null) strict;
create table if not exists clinicians (
  id integer primary key autoincrement, first_name text not null, last_name text not null, title text not null,
  role text not null, npi text, active integer not null default 1) strict;
create table if not exists chairs (
  id integer primary key autoincrement, site_id integer not null references sites, name text not null,
  active integer not null default 1) strict;
create table if not exists visit_kinds (
  id integer primary key autoincrement, name text not null, minutes integer not null,
  active integer not null default 1) strict;
create table if not exists procedure_codes (code text primary key, name text not null, active integer not null default 1) strict;
create table if not exists weekly_hours (
  id integer primary key autoincrement, clinician_id integer not null references clinicians,
  chair_id integer not null references chairs, weekdays text not null, opens text not null, closes text not null) strict;

create table if not exists people (
  id integer primary key autoincrement, first_name text not null, middle_name text, last_name text not null,
  first_folded text not null, last_folded text not null, birth_date text, sex text, email text, phone text,
  phone_digits text, street text, city text, state text, zip text, chart text, payer_id integer references people,
  active integer not null default 1, external_reference text unique, version integer not null default 1,
  revision integer not null unique, entered_at integer not null, changed_at integer not null) strict;
create index if not exists people_by_name on people (last_folded, birth_date);
create index if not exists people_by_phone on people (phone_digits);

-- Files that the desk laid into others.
create table if not exists merged_people (
  person_id integer primary key references people, into_id integer not null references people) strict;

create table if not exists visits (
  id integer primary key autoincrement, person_id integer not null references people,
  clinician_id integer references clinicians, chair_id integer references chairs, kind_id integer references visit_kinds,
  procedure_codes text not null default '[]', begins integer not null, finishes integer not null, remark text,
  confirmed_at integer, arrived_at integer, left_at integer, missed_at integer, cancelled_at integer,
  external_reference text, entered_by text not null, version integer not null default 1,
  revision integer not null unique, entered_at integer not null, changed_at integer not null,
  check (finishes > begins), check (chair_id is not null or clinician_id is not null)) strict;
create index if not exists visits_by_time on visits (begins);
create index if not exists visits_by_reference on visits (external_reference);

create table if not exists closures (
  id integer primary key autoincrement, chair_id integer references chairs, clinician_id integer references clinicians,
  begins integer not null, finishes integer not null, reason text, lifted_at integer,
  external_reference text, entered_by text not null, version integer not null default 1,
  revision integer not null unique, entered_at integer not null, changed_at integer not null,
  check (finishes > begins)) strict;
create index if not exists closures_by_end on closures (finishes);
create index if not exists closures_by_reference on closures (external_reference);

-- What was deleted, for readers of the feed; trimmed, so that a reader who stays away too long must read windows.
create table if not exists gone (revision integer primary key, noun text not null, row_id integer not null, at integer not null) strict;

-- Never trimmed: a reference that was used once stays used, even after its row was deleted.
create table if not exists used_references (
  noun text not null, reference text not null, row_id integer not null, primary key (noun, reference)) strict, without rowid;

create table if not exists journal (
  seq integer primary key autoincrement, revision integer not null, at integer not null, by text not null,
  reference text, act text not null, noun text not null, row_id integer not null, before text, after text) strict;
create index if not exists journal_by_row on journal (noun, row_id);

insert or ignore into counters values ('revision', 0), ('trimmed_through', 0), ('desk_acts', 0);
`
