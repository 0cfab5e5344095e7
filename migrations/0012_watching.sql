-- What the work role may see of the health of the whole installation: ids, states and ages. No name, no configuration, no text
-- of a record system, nothing of a patient.

grant select (institution_id, id, connector, poll_seconds, created_at, loaded_at, pull_started_at, read_status, write_status,
  writing_stopped_at) on data_sources to slotbridge_work;
grant select (institution_id, id, data_source_id, state, created_at, ended_at) on writes to slotbridge_work;
grant select (institution_id, id, data_source_id) on set_aside to slotbridge_work;
create policy watcher on data_sources for select to slotbridge_work using (true);
create policy watcher on writes for select to slotbridge_work using (true);
create policy watcher on set_aside for select to slotbridge_work using (true);
