-- For billing programs that know other exchanges: the same rows under the names they read.

-- Asterisk's CDR. Seconds are whole, rounded down as there; an answered segment is ANSWERED from
-- its own point of view; linkedid is the call.
create view tandem.v_cdr_asterisk as
select case when c.calling_name is null then c.calling_number
	    else format('"%s" <%s>', c.calling_name, c.calling_number) end as clid,
	c.calling_number as src, c.called_number as dst, coalesce(t.name, '') as dcontext,
	'SIP/' || coalesce(c.calling_number, '') || '-' || left(c.cdr_id::text, 8) as channel,
	case when c.connected_number is null and c.out_trunk_id is null then ''
	    else 'SIP/' || coalesce(g.name, c.connected_number, '') || '-' || right(c.cdr_id::text, 8) end
	    as dstchannel,
	'Dial' as lastapp, coalesce(c.routed_number, c.called_number, '') as lastdata,
	c.start_at as start, c.answer_at as answer, c.end_at as "end",
	c.duration_ms / 1000 as duration, c.bill_ms / 1000 as billsec,
	case c.disposition when 'answered' then 'ANSWERED' when 'busy' then 'BUSY'
	    when 'noanswer' then 'NO ANSWER' when 'cancelled' then 'NO ANSWER'
	    when 'abandoned' then 'NO ANSWER' else 'FAILED' end as disposition,
	3 as amaflags, coalesce(c.account_code, c.payer_number, '') as accountcode,
	c.cdr_id::text as uniqueid, '' as userfield, '' as peeraccount,
	c.call_id::text as linkedid, c.seq as sequence
from tandem.cdr c
left join tandem.tenant t using (tenant_id)
left join tandem.gateway g on g.gateway_id = c.out_trunk_id
where c.record_type in ('normal', 'system_closed');

-- The main columns of FusionPBX's v_xml_cdr. Its ids are uuids; ours that are numbers are shown as
-- uuids whose last digits they are.
create view tandem.v_cdr_fusionpbx as
select c.cdr_id as xml_cdr_uuid, lpad(c.tenant_id::text, 32, '0')::uuid as domain_uuid,
	t.realm as domain_name,
	case when c.payer_kind = 'subscriber' then lpad(c.payer_account_id::text, 32, '0')::uuid end
	    as extension_uuid,
	coalesce(c.account_code, t.realm) as accountcode,
	case k.direction when 'internal' then 'local' when 'transit' then 'outbound'
	    else k.direction::text end as direction,
	c.calling_name as caller_id_name, c.calling_number as caller_id_number,
	c.dialed_digits as caller_destination, c.calling_number as source_number,
	coalesce(c.connected_number, c.called_number) as destination_number,
	extract(epoch from c.start_at)::bigint as start_epoch, c.start_at as start_stamp,
	extract(epoch from c.answer_at)::bigint as answer_epoch, c.answer_at as answer_stamp,
	extract(epoch from c.end_at)::bigint as end_epoch, c.end_at as end_stamp,
	c.duration_ms / 1000 as duration, c.duration_ms as mduration,
	c.bill_ms / 1000 as billsec, c.bill_ms as billmsec,
	c.call_id as bridge_uuid, c.codec_a as read_codec, c.codec_b as write_codec,
	host(c.in_ip) as network_addr, host(c.out_ip) as remote_media_ip, 'a'::text as leg,
	c.pdd_ms, c.mos_avg as rtp_audio_in_mos, 'bridge'::text as last_app,
	c.routed_number as last_arg, (c.answer_at is null) as missed_call,
	case when c.disposition = 'answered' then 'NORMAL_CLEARING'
	    when c.disposition = 'busy' then 'USER_BUSY'
	    when c.disposition = 'noanswer' then 'NO_ANSWER'
	    when c.disposition in ('cancelled', 'abandoned') then 'ORIGINATOR_CANCEL'
	    when c.disposition = 'rejected' then 'CALL_REJECTED'
	    when c.disposition = 'unreachable' then 'USER_NOT_REGISTERED'
	    when c.disposition in ('barred', 'nocredit') then 'OUTGOING_CALL_BARRED'
	    when c.disposition = 'redirected' then 'REDIRECTION_TO_NEW_DESTINATION'
	    else 'NORMAL_TEMPORARY_FAILURE' end as hangup_cause,
	c.q850_cause as hangup_cause_q850,
	case c.released_by when 'caller' then 'recv_bye' when 'callee' then 'send_bye' else '' end
	    as sip_hangup_disposition,
	c.in_sip_call_id as sip_call_id
from tandem.cdr c
left join tandem.tenant t using (tenant_id)
left join tandem.call k using (call_id)
where c.record_type in ('normal', 'system_closed');

insert into tandem.schema_version (version, name) values (13, 'compatibility');
