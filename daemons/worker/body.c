/*
 * Bodies that pass from leg to leg (FLOWS.md S2-11; RFC 5621). The session description is found where it
 * stands, alone or among other parts, and gets the origin of the leg; all else passes as it is. What
 * telephone networks say to each other (ISUP, QSIG) is for gateways that are marked so, not for phones.
 */
#include "worker/worker.h"

#include "sip/fields.h"
#include "sip/multipart.h"

#define SDP_TYPE SPAN("application/sdp")

/* NULL: it is not one of several parts, or cannot be read as such. */
static struct multipart *
parts_of(struct worker *w, struct span type, struct span body)
{
	struct multipart *parts;

	if (body.len == 0 || !sip_is_multipart(type))
		return NULL;
	parts = scratch_take(w, sizeof(*parts));
	return parts == NULL || multipart_parse(type, body, parts) != ERR_NONE ? NULL : parts;
}

struct span
body_sdp(struct worker *w, struct span type, struct span body)
{
	size_t used = w->scratch_used;
	const struct body_part *sdp = NULL;
	struct multipart *parts;

	if (body.len == 0 || span_eq(type, SDP_TYPE) || sip_type_is(type, SDP_TYPE))
		return body;
	parts = parts_of(w, type, body);
	if (parts != NULL)
		sdp = multipart_find(parts, SDP_TYPE);
	w->scratch_used = used;
	return sdp == NULL ? SPAN_NONE : sdp->content;
}

bool
note_has_sdp(struct worker *w, const struct note *n)
{
	return body_sdp(w, n->text[T_CONTENT_TYPE], n->text[T_BODY]).len > 0;
}

bool
body_heard(struct worker *w, struct leg *l, const struct sip_msg *m)
{
	size_t used = w->scratch_used;
	struct span text = body_sdp(w, sip_span(m, m->content_type), sip_span(m, m->body));
	struct sdp *sdp = text.len == 0 ? NULL : scratch_take(w, sizeof(*sdp));
	bool other;

	other = sdp != NULL && sdp_parse(text, sdp) == ERR_NONE && offer_heard(&l->offer, sdp);
	w->scratch_used = used;
	return other;
}

/* --- what comes to a leg ------------------------------------------------------------------------*/

static bool
is_optional(const struct sip_msg *m)
{
	struct span disposition = sip_header_get(m, SIP_H_CONTENT_DISPOSITION), handling;

	span_cut(disposition, ';', &handling);
	disposition = span_from(disposition, handling.len + 1);
	return sip_param(disposition, SPAN("handling"), &handling) &&
	       span_ieq(handling, SPAN("optional"));
}

static bool
is_plain(const struct sip_msg *m)
{
	return !sip_has(m, SIP_H_CONTENT_ENCODING) ||
	       span_ieq(sip_header_get(m, SIP_H_CONTENT_ENCODING), SPAN("identity"));
}

struct verdict
body_check(const struct sip_msg *m, struct span *lines_r)
{
	struct span type = sip_span(m, m->content_type);

	*lines_r = SPAN_NONE;
	if (m->body.len > 0 && !is_optional(m)) {
		if (!sip_type_is(type, SDP_TYPE) && !sip_is_multipart(type)) {
			*lines_r = SPAN("Accept: application/sdp, multipart/mixed\r\n");
			return (struct verdict){ 415, NULL };
		}
		if (!is_plain(m)) {
			*lines_r = SPAN("Accept-Encoding: identity\r\n");
			return (struct verdict){ 415, NULL };
		}
	}
	/* What answers it is a session description. */
	if (!sip_accepts(m, SDP_TYPE))
		return (struct verdict){ 406, NULL };
	return (struct verdict){ 0 };
}

/* --- toward a leg -------------------------------------------------------------------------------*/

/* With the leg's own o= line; as it came when it cannot be read. */
static struct span
put_origin(struct worker *w, struct leg *l, struct span text)
{
	struct netaddr ours = flow_local(w, &l->flow);
	struct sdp *sdp = scratch_take(w, sizeof(*sdp));
	struct buf b;

	if (sdp == NULL || sdp_parse(text, sdp) != ERR_NONE)
		return text;
	b = scratch_buf(w, text.len + 1024);
	offer_put(&b, &l->offer, sdp, &ours);
	if (!buf_ok(&b))
		return text;
	scratch_end(w, &b);
	return buf_span(&b);
}

static bool
is_network_talk(const struct multipart *parts)
{
	for (unsigned i = 0; i < parts->n; i++)
		if (sip_type_is(parts->part[i].type, SPAN("application/isup")) ||
		    sip_type_is(parts->part[i].type, SPAN("application/qsig")))
			return true;
	return false;
}

struct span
body_toward(struct worker *w, struct leg *l, struct span *type, struct span body)
{
	struct multipart *parts;
	const struct body_part *sdp;
	struct span text;
	struct buf b;

	if (body.len > 0 && sip_type_is(*type, SDP_TYPE))
		return put_origin(w, l, body);
	parts = parts_of(w, *type, body);
	sdp = parts == NULL ? NULL : multipart_find(parts, SDP_TYPE);
	if (sdp == NULL)
		return body;
	text = put_origin(w, l, sdp->content);
	if (is_network_talk(parts) && !l->isup) {
		*type = SDP_TYPE;
		return text;
	}
	b = scratch_buf(w, body.len + text.len + 64);
	multipart_put(&b, parts, sdp, text);
	if (!buf_ok(
		&b)) { /* its parts cannot be told from one another any more: the call matters */
		*type = SDP_TYPE;
		return text;
	}
	scratch_end(w, &b);
	return buf_span(&b);
}

/* --- nobody speaks ------------------------------------------------------------------------------*/

/* Sound is taken with its first formats that need no rtpmap, and neither sent nor heard; other
 * streams are refused. Nothing offered: one of G.711. */
static void
put_stream(struct buf *b, const struct sdp_media *m)
{
	struct span rest = m->formats, format, first = SPAN_NONE;
	uint32_t number;

	while (rest.p != NULL && first.len == 0) {
		rest = span_cut(rest, ' ', &format);
		if (span_u32(format, 34, &number) == ERR_NONE)
			first = format;
	}
	buf_lit(b, "m=");
	buf_put(b, m->kind);
	buf_str(
	    b, first.len > 0 && span_eq(m->kind, SPAN("audio")) && m->port != 0 ? " 9 " : " 0 ");
	buf_put(b, m->proto);
	buf_char(b, ' ');
	buf_put(b, first.len > 0 ? first : m->formats);
	buf_lit(b, "\r\na=inactive\r\n");
}

struct span
body_silence(struct worker *w, struct span type, struct span body, const struct netaddr *ours)
{
	struct span text = body_sdp(w, type, body);
	struct sdp *sdp = scratch_take(w, sizeof(*sdp));
	struct buf b = scratch_buf(w, text.len + 512);

	buf_lit(&b, "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nc=IN ");
	buf_str(&b, ours->family == 6 ? "IP6 ::" : "IP4 0.0.0.0");
	buf_lit(&b, "\r\nt=0 0\r\n");
	if (text.len == 0 || sdp == NULL || sdp_parse(text, sdp) != ERR_NONE)
		buf_lit(&b, "m=audio 9 RTP/AVP 0 8\r\na=inactive\r\n");
	else
		for (unsigned i = 0; i < sdp->n_media; i++)
			put_stream(&b, &sdp->media[i]);
	return buf_ok(&b) ? buf_span(&b) : SPAN_NONE;
}
