-- The ladder of a call: what was said on its legs, message by message, and who stands at each leg.

alter table tandem.call add column ladder jsonb;
alter table tandem.cdr_leg add column party tandem.line;
comment on column tandem.call.ladder is 'each SIP message of its legs: ms since the first, leg, sent or heard';
comment on column tandem.cdr_leg.party is 'whose leg it is: a subscriber, or a number elsewhere';

insert into tandem.schema_version (version, name) values (17, 'ladder');
