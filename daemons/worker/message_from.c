/* Who a message is from, toward who gets it. A subscriber speaks as himself, whatever his phone says
 * (THREATS.md A2); where it says so, its From passes as it came (FLOWS.md S4-14). */
#include "worker/worker.h"

#include "sip/addr.h"
#include "sip/build.h"

/* The name the directory has goes before the one that the phone claims. */
static bool
says_who_he_is(
    struct worker *w, const struct sip_msg *m, const struct origin *o, struct span display)
{
	const struct dir_subscriber *s = o->subscriber;
	struct span name = dir_text(s, s->display_name);
	struct buf user = scratch_buf(w, 256);
	struct sip_uri uri;
	uint32_t tenant;

	if (name.len > 0 && !span_eq(name, display))
		return false;
	return sip_uri_parse(sip_span(m, m->from_uri), &uri) == ERR_NONE &&
	       sip_uri_user(&uri, &user) && span_eq(buf_span(&user), dir_text(s, s->user)) &&
	       domain_tenant(&w->directory, w->settings, uri.host, &m->flow.local, &tenant) ==
		   ERR_NONE &&
	       tenant == o->tenant;
}

static bool
as_directory_has_him(
    struct worker *w, const struct sip_msg *m, const struct origin *o, struct message_from *from_r)
{
	const struct dir_subscriber *s = o->subscriber;
	struct dir_buf *rec = scratch_take(w, sizeof(*rec));
	const struct dir_tenant *t =
	    rec == NULL ? NULL : directory_tenant(&w->directory, o->tenant, rec);
	struct buf uri = scratch_buf(w, 1024), value = scratch_buf(w, 2048);

	buf_lit(&uri, "sip:");
	sip_put_user(&uri, dir_text(s, s->user));
	buf_char(&uri, '@');
	buf_str(&uri, t == NULL ? w->settings->domains[0] : t->realm);
	from_r->uri = buf_span(&uri);
	if (s->display_name.len > 0)
		from_r->display = dir_text(s, s->display_name);
	if (from_r->display.len > 0) {
		sip_put_quoted(&value, from_r->display);
		buf_char(&value, ' ');
	}
	buf_char(&value, '<');
	buf_put(&value, from_r->uri);
	buf_char(&value, '>');
	if (m->from_tag.len > 0) {
		buf_lit(&value, ";tag=");
		buf_put(&value, sip_span(m, m->from_tag));
	}
	from_r->value = buf_span(&value);
	return buf_ok(&uri) && buf_ok(&value);
}

bool
message_from(
    struct worker *w, const struct sip_msg *m, const struct origin *o, struct message_from *from_r)
{
	struct buf name = scratch_buf(w, 256);
	struct sip_addr from;

	*from_r =
	    (struct message_from){ .value = sip_span(m, m->from), .uri = sip_span(m, m->from_uri) };
	if (sip_addr_parse(sip_span(m, m->from), &from) == ERR_NONE)
		sip_put_display_text(&name, from.display);
	from_r->display = buf_span(&name);
	if (o->kind != ORIGIN_SUBSCRIBER)
		return true;
	from_r->user = dir_text(o->subscriber, o->subscriber->user);
	return says_who_he_is(w, m, o, from_r->display) || as_directory_has_him(w, m, o, from_r);
}
