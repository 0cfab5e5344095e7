-- Statistics of what a load fills. A load is far on before autovacuum looks for the first time, and a plan that was made and
-- kept while a table was empty goes through the whole of it for each page. The application owns no table, so it asks by this.
create function note_size(noun text) returns void language plpgsql security definer set search_path = public as $$
begin
  case noun
    when 'patients' then analyze patients;
    when 'appointments' then analyze appointments, busy;
    when 'procedures' then analyze procedures;
  end case;
end $$;
revoke all on function note_size(text) from public;
grant execute on function note_size(text) to slotbridge_app;

-- No statement looks for values of these: statistics of them would be one more copy of patient data, and the dearest to make.
alter table appointments alter column draft set statistics 0, alter column mirror set statistics 0,
  alter column overlay set statistics 0, alter column note set statistics 0, alter column referrer set statistics 0,
  alter column mirror_hash set statistics 0;
alter table patients alter column first_name set statistics 0, alter column middle_name set statistics 0,
  alter column last_name set statistics 0, alter column cell_phone set statistics 0,
  alter column home_phone set statistics 0, alter column work_phone set statistics 0,
  alter column address_line_1 set statistics 0, alter column address_line_2 set statistics 0,
  alter column mirror_hash set statistics 0;

-- Whose time it is: rows of the record system are held against bookings of ours, which may be few among very many.
alter table busy add column booked_by_us boolean not null default false;
alter table busy no force row level security;
alter table appointments no force row level security;
update busy b set booked_by_us = true from appointments a
  where a.institution_id = b.institution_id and a.id = b.appointment_id and a.booked_by_api_key_id is not null;
alter table busy force row level security;
alter table appointments force row level security;
create index busy_booked_by_us on busy (institution_id, location_id, starts_at) where booked_by_us;
