-- The decisions of a call: which features acted on it, in their order, and why.

alter table tandem.call add column decisions jsonb;
comment on column tandem.call.decisions is 'each feature that acted on it: ms since the first, feature, of whom, reason';

insert into tandem.schema_version (version, name) values (21, 'decisions');
