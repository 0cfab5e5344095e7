-- Where a write and an event stand in a trace (W3C Trace Context: `00-<trace>-<span>-<flags>`), so that whoever carries the
-- write out, or tells the event, later and elsewhere, goes on with the trace of the request that was accepted. Null unless
-- traces are switched on.
alter table writes add column traceparent text;
alter table events add column traceparent text;
