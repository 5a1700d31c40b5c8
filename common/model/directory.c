/*
 * Keys and the reading side of the directory. A record is checked as it is copied out: no text of it
 * reaches beyond its end, whatever an older program left there.
 */
#include "model/directory.h"

#include <string.h>

#include "ipc/shm.h"
#include "model/directory_key.h"

enum { OTHER_RECORDS = 4096, OTHER_ENTRIES = 1024 /* of them */ };

static struct span
key_span(struct dir_key *k)
{
	return buf_ok(&k->b) ? buf_span(&k->b) : SPAN_NONE;
}

static void
key_begin(struct dir_key *k, char letter)
{
	k->b = buf_on(k->bytes, sizeof(k->bytes));
	buf_char(&k->b, letter);
}

struct span
dir_key_of(struct dir_key *k, char letter, uint32_t tenant, struct span name)
{
	key_begin(k, letter);
	buf_put(&k->b, span_of(&tenant, sizeof(tenant)));
	buf_put(&k->b, name);
	return key_span(k);
}

struct span
dir_key_domain(struct dir_key *k, struct span domain)
{
	key_begin(k, 'd');
	for (size_t i = 0; i < domain.len; i++) {
		char c = domain.p[i];
		buf_char(&k->b, c >= 'A' && c <= 'Z' ? (char)(c + 'a' - 'A') : c);
	}
	return key_span(k);
}

struct span
dir_key_gateway(struct dir_key *k, uint64_t id)
{
	key_begin(k, 'g');
	buf_put(&k->b, span_of(&id, sizeof(id)));
	return key_span(k);
}

struct span
dir_key_address(struct dir_key *k, const struct netaddr *a)
{
	key_begin(k, 'a');
	buf_put(&k->b, span_of(a->ip, sizeof(a->ip)));
	buf_char(&k->b, (char)a->family);
	return key_span(k);
}

struct span
dir_key_listed(
    struct dir_key *k, uint64_t subscriber, enum dir_list list, struct span caller, bool prefix)
{
	key_begin(k, 'l');
	buf_put(&k->b, span_of(&subscriber, sizeof(subscriber)));
	buf_char(&k->b, (char)list);
	buf_put(&k->b, caller);
	buf_str(&k->b, prefix ? "*" : "");
	return key_span(k);
}

struct span
dir_key_speed(struct dir_key *k, uint64_t subscriber, unsigned place)
{
	if (place >= DIR_SPEED_PLACES)
		return SPAN_NONE;
	key_begin(k, 'q');
	buf_put(&k->b, span_of(&subscriber, sizeof(subscriber)));
	buf_char(&k->b, (char)place);
	return key_span(k);
}

uint64_t
directory_layout(uint64_t l)
{
	const size_t sizes[] = { sizeof(struct dir_lengths), sizeof(struct dir_domain),
		sizeof(struct dir_tenant), sizeof(struct dir_subscriber), sizeof(struct dir_number),
		sizeof(struct dir_gateway), sizeof(struct dir_gateway_at), sizeof(struct dir_route),
		sizeof(struct dir_group), sizeof(struct dir_member), sizeof(struct dir_delegates),
		sizeof(struct dir_code), sizeof(struct dir_class), sizeof(struct dir_listed),
		sizeof(struct dir_emergency), sizeof(struct dir_speed), sizeof(struct dir_rules) };

	for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		l = shm_layout(l, sizes[i]);
	return l;
}

size_t
directory_bytes(uint32_t subscribers)
{
	/* A subscriber, the number it may have and as many DIDs again, and as many entries in their
	 * lists and places of their speed dial each, and his rules; gateways, routes, domains. */
	return sizeof(struct dir_head) + records_bytes(subscribers, 448) +
	       records_bytes(5 * subscribers, 128) + records_bytes(OTHER_RECORDS, 1024);
}

uint32_t
directory_entries(uint32_t subscribers)
{
	return 2 * subscribers + OTHER_ENTRIES;
}

enum err
directory_own(struct directory *d, void *mem, size_t size, uint32_t subscribers)
{
	if (size < sizeof(struct dir_head))
		return ERR_RANGE;
	*d = (struct directory){ .head = mem };
	return records_own(&d->records, d->head + 1, size - sizeof(struct dir_head),
	    6 * subscribers + OTHER_RECORDS);
}

enum err
directory_open(struct directory *d, const void *mem, size_t size)
{
	if (size < sizeof(struct dir_head))
		return ERR_RANGE;
	*d = (struct directory){
		.head = (struct dir_head *)mem
	}; /* read-only for us; nothing here writes through it */
	return records_open(
	    &d->records, (const struct dir_head *)mem + 1, size - sizeof(struct dir_head));
}

bool
directory_filled(const struct directory *d)
{
	return d->head != NULL && __atomic_load_n(&d->head->filled, __ATOMIC_ACQUIRE) != 0;
}

void
directory_set_filled(struct directory *d)
{
	__atomic_store_n(&d->head->filled, 1, __ATOMIC_RELEASE);
}

struct span
dir_text(const void *record, struct dir_text t)
{
	return t.len == 0 ? SPAN_NONE : span_of((const char *)record + t.at, t.len);
}

/* Copies a record out; NULL when there is none or it is shorter than its struct. */
static void *
look_up(const struct directory *d, struct span key, size_t least, struct dir_buf *b)
{
	if (key.p == NULL ||
	    records_get(&d->records, key, b->words, sizeof(b->words), &b->len) != ERR_NONE)
		return NULL;
	return b->len < least ? NULL : b->words;
}

static bool
texts_inside(const struct dir_text *t, unsigned n, const struct dir_buf *b)
{
	for (unsigned i = 0; i < n; i++) {
		if ((size_t)t[i].at + t[i].len > b->len)
			return false;
	}
	return true;
}

enum err
directory_tenant_of(const struct directory *d, struct span domain, uint32_t *tenant_r)
{
	struct dir_key k;
	struct dir_domain found;
	size_t len;
	struct span key = dir_key_domain(&k, domain);

	if (key.p == NULL ||
	    records_get(&d->records, key, &found, sizeof(found), &len) != ERR_NONE ||
	    len != sizeof(found))
		return ERR_ABSENT;
	*tenant_r = found.tenant;
	return ERR_NONE;
}

const struct dir_tenant *
directory_tenant(const struct directory *d, uint32_t tenant, struct dir_buf *b)
{
	struct dir_key k;
	struct dir_tenant *t =
	    look_up(d, dir_key_of(&k, 't', tenant, SPAN_NONE), sizeof(struct dir_tenant), b);

	if (t == NULL)
		return NULL;
	t->name[sizeof(t->name) - 1] = '\0';
	t->realm[sizeof(t->realm) - 1] = '\0';
	t->orbit[sizeof(t->orbit) - 1] = '\0';
	t->country[sizeof(t->country) - 1] = '\0';
	t->voicemail[sizeof(t->voicemail) - 1] = '\0';
	return t;
}

const struct dir_subscriber *
directory_subscriber(
    const struct directory *d, uint32_t tenant, struct span user, struct dir_buf *b)
{
	struct dir_key k;
	const struct dir_subscriber *s =
	    look_up(d, dir_key_of(&k, 's', tenant, user), sizeof(struct dir_subscriber), b);

	if (s == NULL)
		return NULL;
	const struct dir_text texts[] = { s->user, s->display_name, s->number, s->pickup_group,
		s->cfu, s->cfb, s->cfnr, s->cfnrc, s->cfs, s->follow_me_numbers, s->hotline };
	return texts_inside(texts, sizeof(texts) / sizeof(texts[0]), b) ? s : NULL;
}

const struct dir_number *
directory_number(const struct directory *d, uint32_t tenant, struct span number, struct dir_buf *b)
{
	struct dir_key k;
	const struct dir_number *n =
	    look_up(d, dir_key_of(&k, 'n', tenant, number), sizeof(struct dir_number), b);

	return n != NULL && texts_inside(&n->target, 1, b) ? n : NULL;
}

const struct dir_group *
directory_group(const struct directory *d, uint32_t tenant, struct span name, struct dir_buf *b)
{
	struct dir_key k;
	const struct dir_group *g =
	    look_up(d, dir_key_of(&k, 'h', tenant, name), sizeof(struct dir_group), b);

	if (g == NULL || g->n > DIR_MEMBERS_MAX)
		return NULL;
	for (unsigned i = 0; i < g->n; i++)
		if (!texts_inside(&g->members[i].user, 1, b))
			return NULL;
	const struct dir_text texts[] = { g->name, g->number, g->overflow };
	return texts_inside(texts, sizeof(texts) / sizeof(texts[0]), b) ? g : NULL;
}

const struct dir_gateway *
directory_gateway(const struct directory *d, uint64_t id, struct dir_buf *b)
{
	struct dir_key k;
	const struct dir_gateway *g =
	    look_up(d, dir_key_gateway(&k, id), sizeof(struct dir_gateway), b);

	if (g == NULL)
		return NULL;
	const struct dir_text texts[] = { g->name, g->host, g->proxy, g->user, g->secret };
	return texts_inside(texts, sizeof(texts) / sizeof(texts[0]), b) ? g : NULL;
}

/* Who stands at an address; n is 0 when nobody does. */
void
dir_at_address(const struct directory *d, const struct netaddr *a, struct dir_gateway_at *at_r)
{
	struct dir_key k;
	size_t len;

	if (records_get(&d->records, dir_key_address(&k, a), at_r, sizeof(*at_r), &len) !=
		ERR_NONE ||
	    len != sizeof(*at_r) || at_r->n > sizeof(at_r->ids) / sizeof(at_r->ids[0]))
		memset(at_r, 0, sizeof(*at_r));
}

bool
dir_gateway_has_port(const struct dir_gateway *g, uint16_t port)
{
	if (g->port != 0)
		return g->port == port;
	return port == (g->transport == SIP_T_NONE
			       ? 5060
			       : sip_transport_port((enum sip_transport)g->transport));
}

const struct dir_gateway *
directory_gateway_at(const struct directory *d, const struct netaddr *source, struct dir_buf *b)
{
	struct dir_gateway_at at;
	const struct dir_gateway *g;

	if (source->family == 0)
		return NULL;
	dir_at_address(d, source, &at);
	for (uint32_t i = 0; i < at.n; i++) {
		g = directory_gateway(d, at.ids[i], b);
		if (g != NULL && (at.n == 1 || dir_gateway_has_port(g, source->port)))
			return g;
	}
	/* It sends from a port it does not listen on: whose it is cannot be told, so the first. */
	return at.n == 0 ? NULL : directory_gateway(d, at.ids[0], b);
}

bool
directory_gateway_is_at(const struct directory *d, uint64_t id, const struct netaddr *a)
{
	struct dir_gateway_at at;

	if (a->family == 0)
		return false;
	dir_at_address(d, a, &at);
	for (uint32_t i = 0; i < at.n; i++)
		if (at.ids[i] == id)
			return true;
	return false;
}

static size_t
prefix_most(struct span digits)
{
	return digits.len < DIR_PREFIX_MAX ? digits.len : DIR_PREFIX_MAX;
}

/* Can there be a prefix of n characters? */
static bool
has_length(const struct directory *d, char letter, size_t n)
{
	return d->head != NULL &&
	       __atomic_load_n(dir_lengths_of(d->head, letter), __ATOMIC_ACQUIRE) >> n & 1;
}

const struct dir_route *
directory_route(const struct directory *d, uint32_t tenant, struct span number, struct dir_buf *b)
{
	struct dir_key k;

	for (size_t n = prefix_most(number) + 1; n-- > 0;) {
		const struct dir_route *r;

		if (!has_length(d, 'r', n))
			continue;
		r = look_up(d, dir_key_of(&k, 'r', tenant, span_first(number, n)),
		    sizeof(struct dir_route), b);
		if (r != NULL && r->n > 0 && r->n <= DIR_ROUTES_MAX)
			return r;
	}
	return NULL;
}

bool
directory_delegate(const struct directory *d, uint32_t tenant, uint64_t by, struct span for_user)
{
	struct dir_key k;
	struct dir_buf room;
	const struct dir_delegates *x = look_up(
	    d, dir_key_of(&k, 'x', tenant, for_user), offsetof(struct dir_delegates, ids), &room);

	if (x == NULL || x->n > DIR_DELEGATES_MAX ||
	    room.len < offsetof(struct dir_delegates, ids) + x->n * sizeof(x->ids[0]))
		return false;
	for (uint32_t i = 0; i < x->n; i++) {
		if (x->ids[i] == by)
			return true;
	}
	return false;
}

bool
directory_code(
    const struct directory *d, uint32_t tenant, struct span pattern, struct dir_code *code_r)
{
	const uint32_t whose[] = { tenant, 0 };

	for (unsigned i = 0; i < 2; i++) {
		struct dir_key k;
		size_t len;

		if (records_get(&d->records, dir_key_of(&k, 'c', whose[i], pattern), code_r,
			sizeof(*code_r), &len) != ERR_NONE ||
		    len != sizeof(*code_r))
			continue;
		code_r->action[sizeof(code_r->action) - 1] = '\0';
		return true;
	}
	return false;
}

bool
directory_listed(
    const struct directory *d, uint64_t subscriber, enum dir_list list, struct span caller)
{
	struct dir_key k;
	struct dir_listed found;
	size_t len;

	if (caller.len > DIR_CALLER_MAX)
		return false;
	if (records_get(&d->records, dir_key_listed(&k, subscriber, list, caller, false), &found,
		sizeof(found), &len) == ERR_NONE)
		return true;
	for (size_t n = caller.len + 1; n-- > 0;)
		if (records_get(&d->records,
			dir_key_listed(&k, subscriber, list, span_first(caller, n), true), &found,
			sizeof(found), &len) == ERR_NONE)
			return true;
	return false;
}

bool
directory_emergency(const struct directory *d, uint32_t tenant, struct span number)
{
	struct dir_buf room;
	const struct dir_tenant *t =
	    number.len > DIR_EMERGENCY_MAX ? NULL : directory_tenant(d, tenant, &room);
	char text[DIR_EMERGENCY_MAX + sizeof(t->country)];
	struct buf b = buf_on(text, sizeof(text));
	struct dir_key k;
	struct dir_emergency found;
	size_t len;

	if (t == NULL || t->country[0] == '\0')
		return false;
	buf_str(&b, t->country);
	buf_put(&b, number);
	return records_get(&d->records, dir_key_of(&k, 'e', 0, buf_span(&b)), &found, sizeof(found),
		   &len) == ERR_NONE;
}

bool
directory_speed(
    const struct directory *d, uint64_t subscriber, unsigned place, struct dir_speed *speed_r)
{
	struct dir_key k;
	struct span key = dir_key_speed(&k, subscriber, place);
	size_t len;

	if (key.p == NULL ||
	    records_get(&d->records, key, speed_r, sizeof(*speed_r), &len) != ERR_NONE ||
	    len != sizeof(*speed_r))
		return false;
	speed_r->number[sizeof(speed_r->number) - 1] = '\0';
	return true;
}

bool
directory_premium(const struct directory *d, uint32_t tenant, struct span digits)
{
	const uint32_t whose[] = { tenant, 0 };

	for (size_t n = prefix_most(digits); n > 0; n--)
		for (unsigned i = 0; i < 2 && has_length(d, 'p', n); i++) {
			struct dir_key k;
			struct dir_class found;
			size_t len;

			if (records_get(&d->records,
				dir_key_of(&k, 'p', whose[i], span_first(digits, n)), &found,
				sizeof(found), &len) == ERR_NONE &&
			    len == sizeof(found))
				return found.premium != 0;
		}
	return false;
}
