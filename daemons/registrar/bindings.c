/*
 * What a REGISTER makes of the bindings of an address-of-record: RFC 3261 10.3 (6) and (7), RFC
 * 5626 6, and how many there may be (FLOWS.md S3-24). Pure: a list and a request give another
 * list, or a refusal; tests compare it with a model of a few lines.
 */
#include "registrar/registrar.h"

#include <stdlib.h>
#include <string.h>

#define REFUSE(status, reason) ((struct verdict){ status, reason })
#define GOOD		       REFUSE(0, NULL)

/* --- from and to the table ---------------------------------------------------------------------*/

void
bindings_read(const struct location *loc, int64_t now_ms, struct bindings *b_r)
{
	b_r->n = 0;
	b_r->tell = false;
	for (unsigned i = 0; loc != NULL && i < loc->n; i++) {
		const struct binding *from = &loc->bindings[i];
		struct bound *to = &b_r->of[b_r->n];

		*to = (struct bound){ .binding = *from,
			.text = { loc_text(loc, from->contact), loc_text(loc, from->path),
			    loc_text(loc, from->call_id), loc_text(loc, from->instance),
			    loc_text(loc, from->user_agent), loc_text(loc, from->node),
			    loc_text(loc, from->registered_by) } };
		if (from->expires_ms > now_ms &&
		    sip_uri_parse(to->text.contact, &to->uri) == ERR_NONE)
			b_r->n++;
		else
			b_r->tell = true;
	}
}

struct span
bindings_write(const struct bindings *b, uint32_t tenant, struct loc_buf *to)
{
	struct loc_maker m;

	loc_begin(&m, to->words, sizeof(to->words), tenant, b->n);
	for (unsigned i = 0; i < b->n; i++)
		loc_add(&m, &b->of[i].binding, &b->of[i].text);
	return loc_end(&m);
}

/* --- the list ----------------------------------------------------------------------------------*/

static void
take_out(struct bindings *b, unsigned i)
{
	memmove(&b->of[i], &b->of[i + 1], (--b->n - i) * sizeof(b->of[0]));
	b->tell = true;
}

/*
 * Is this the binding that the Contact is about? Two flows of one device (RFC 5626) are told apart
 * by instance and reg-id, whatever their URIs; everything else by the URI (3261 19.1.4).
 */
static bool
is_same(const struct bound *x, const struct asked *a)
{
	if (x->binding.reg_id != 0 && a->reg_id != 0)
		return x->binding.reg_id == a->reg_id && span_eq(x->text.instance, a->instance);
	return sip_uri_equal(&x->uri, &a->uri);
}

/* The rule on Call-ID and CSeq: what is of the same Call-ID and not newer must not change anything.
 * What this request itself has just written is not in its own way. */
static bool
is_old(const struct bound *x, const struct registration *reg)
{
	return !x->touched && span_eq(x->text.call_id, reg->call_id) &&
	       reg->cseq <= x->binding.cseq;
}

static bool
same_flow(const struct sip_flow *a, const struct sip_flow *b)
{
	return a->transport == b->transport && a->listener == b->listener && a->conn == b->conn &&
	       netaddr_eq(&a->peer, &b->peer);
}

/* Nothing new but the time: a pure refresh. */
static bool
is_refresh(const struct bound *x, const struct bound *now)
{
	const struct loc_binding_text *a = &x->text, *b = &now->text;

	return same_flow(&x->binding.flow, &now->binding.flow) && x->binding.q == now->binding.q &&
	       x->binding.reg_id == now->binding.reg_id &&
	       x->binding.ring_s == now->binding.ring_s && span_eq(a->contact, b->contact) &&
	       span_eq(a->path, b->path) && span_eq(a->call_id, b->call_id) &&
	       span_eq(a->instance, b->instance) && span_eq(a->user_agent, b->user_agent) &&
	       span_eq(a->node, b->node) && span_eq(a->registered_by, b->registered_by);
}

/*
 * A pure refresh need not go to the database each time (THREATS.md C7: all phones of a town after
 * an outage), but what stands there must serve for a cold start: its expiry may be off by a tenth
 * of the binding's life, and never by more than 30 s.
 */
static bool
is_behind(const struct binding *b, uint32_t told_s, uint32_t life_s)
{
	int64_t off = b->expires_ms / 1000 - told_s;
	int64_t allowed = life_s / 10 < 30 ? life_s / 10 : 30;

	return off >= allowed || off <= -allowed;
}

static struct bound
make(const struct registration *reg, const struct asked *a, const struct policy *p)
{
	return (struct bound){ .binding = { .expires_ms = p->now_ms + (int64_t)a->expires_s * 1000,
				   .registered_ms = p->now_ms,
				   .flow = a->flow,
				   .cseq = reg->cseq,
				   .q = a->q,
				   .reg_id = a->reg_id,
				   .ring_s = a->ring_s },
		.text = { a->uri.text, reg->path, reg->call_id, a->instance, reg->user_agent,
		    p->node, reg->by },
		.uri = a->uri,
		.touched = true };
}

/* --- (7): one Contact --------------------------------------------------------------------------*/

static struct verdict
apply(const struct registration *reg, const struct asked *a, const struct policy *p,
    struct bindings *b)
{
	struct bound new = make(reg, a, p);
	bool found = false;

	for (unsigned i = 0; i < b->n;) {
		struct bound *x = &b->of[i];

		if (!is_same(x, a)) {
			i++;
			continue;
		}
		if (is_old(x, reg))
			return REFUSE(500, "CSeq Too Low");
		/* URI comparison is not transitive: what it finds besides is replaced as well. */
		if (a->expires_s == 0 || found) {
			take_out(b, i);
			continue;
		}
		found = true;
		if (!is_refresh(x, &new) ||
		    is_behind(&new.binding, x->binding.told_s, a->expires_s))
			b->tell = true;
		new.binding.told_s = x->binding.told_s;
		*x = new;
		i++;
	}
	if (!found && a->expires_s > 0) {
		b->of[b->n++] = new;
		b->tell = true;
	}
	return GOOD;
}

/* (6): Contact: * */
static struct verdict
remove_all(const struct registration *reg, struct bindings *b)
{
	for (unsigned i = 0; i < b->n; i++)
		if (is_old(&b->of[i], reg))
			return REFUSE(500, "CSeq Too Low");
	b->tell = b->tell || b->n > 0;
	b->n = 0;
	return GOOD;
}

/* --- how many ----------------------------------------------------------------------------------*/

/* What this request has just put is not what goes; of those that are equally old the least
 * preferred goes, which stands last. */
static unsigned
oldest(const struct bindings *b)
{
	unsigned found = 0;

	for (unsigned i = 1; i < b->n; i++) {
		const struct bound *x = &b->of[i], *y = &b->of[found];

		if (x->touched != y->touched ? y->touched
					     : x->binding.registered_ms <= y->binding.registered_ms)
			found = i;
	}
	return found;
}

/* S3-24. A refresh is never refused: `before` is how many there were. */
static struct verdict
limit(const struct policy *p, struct bindings *b, unsigned before)
{
	unsigned most = p->contacts == DIR_CONTACTS_SINGLE ? 1 : p->most;

	if (most > LOCATION_BINDINGS_MAX)
		most = LOCATION_BINDINGS_MAX;
	if (p->contacts == DIR_CONTACTS_REJECT && b->n > most && b->n > before)
		return REFUSE(503, "Too Many Contacts");
	while (b->n > (p->contacts == DIR_CONTACTS_REJECT ? LOCATION_BINDINGS_MAX : most))
		take_out(b, oldest(b));
	return GOOD;
}

/* Best q first, then the most recent, also when both came within a millisecond. */
static int
order(const void *a, const void *b)
{
	const struct bound *x = a, *y = b;
	const struct binding *p = &x->binding, *q = &y->binding;

	if (p->q != q->q)
		return p->q > q->q ? -1 : 1;
	if (p->registered_ms != q->registered_ms)
		return p->registered_ms > q->registered_ms ? -1 : 1;
	return y->touched - x->touched;
}

struct verdict
bindings_apply(const struct registration *reg, const struct policy *p, struct bindings *b)
{
	unsigned before = b->n;
	struct verdict v = GOOD;

	if (reg->star)
		return remove_all(reg, b);
	for (unsigned i = 0; i < reg->n && v.status == 0; i++)
		v = apply(reg, &reg->asked[i], p, b);
	if (v.status == 0)
		v = limit(p, b, before);
	if (v.status != 0)
		return v;
	qsort(b->of, b->n, sizeof(b->of[0]), order);
	for (unsigned i = 0; b->tell && i < b->n; i++)
		b->of[i].binding.told_s = (uint32_t)(b->of[i].binding.expires_ms / 1000);
	return v;
}
