-- On a record system that does not refuse a second copy of an insertion we look once more, when no copy of the request can
-- take effect any longer, and cancel what is there twice (design section 3, 2).
alter table writes add column look_again_at timestamptz;
create index writes_look_again on writes (institution_id, data_source_id, look_again_at) where look_again_at is not null;
