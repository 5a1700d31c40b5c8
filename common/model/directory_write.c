/*
 * The writing side of the directory: the store's. A record that stands there already as it is to be
 * is left alone. While the directory is renewed, the keys that were put are remembered, and in the end
 * what was not among them goes.
 */
#include "model/directory.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/rand.h"
#include "base/table.h"
#include "model/directory_key.h"

struct dir_renewal {
	struct hash_key key;
	struct table put; /* 64-bit keyed hashes of the keys: none will meet by chance */
};

static void
remember(struct directory *d, struct span key)
{
	uint64_t hash;
	uint32_t cursor = 0, value;

	if (d->renewal == NULL)
		return;
	hash = hash_span(&d->renewal->key, key);
	if (!table_find(&d->renewal->put, hash, &cursor, &value))
		table_put(&d->renewal->put, hash, 0);
}

static bool
stands(const struct directory *d, struct span key, const void *record, size_t len)
{
	struct dir_buf now;

	return records_get(&d->records, key, now.words, sizeof(now.words), &now.len) == ERR_NONE &&
	       now.len == len && memcmp(now.words, record, len) == 0;
}

/* Before the record, so that nobody who knows the lengths can pass it over. */
static void
note_length(struct directory *d, struct span key)
{
	uint64_t *lengths = dir_lengths_of(d->head, key.p[0]);
	const size_t n = key.len - DIR_KEY_NAME;

	if (lengths != NULL && key.len >= DIR_KEY_NAME && n <= DIR_PREFIX_MAX)
		__atomic_store_n(lengths, *lengths | 1ull << n, __ATOMIC_RELEASE);
}

enum err
directory_restore(struct directory *d, struct span key, struct span record)
{
	if (key.len > 0)
		note_length(d, key);
	return records_put(&d->records, key, record);
}

enum err
dir_put(struct directory *d, struct span key, const void *record, size_t len)
{
	if (key.p == NULL)
		return ERR_RANGE;
	remember(d, key);
	if (stands(d, key, record, len))
		return ERR_NONE;
	return directory_restore(d, key, span_of(record, len));
}

enum err
dir_forget(struct directory *d, struct span key)
{
	return key.p == NULL ? ERR_RANGE : records_delete(&d->records, key);
}

struct dir_text
dir_pack(struct buf *b, struct span s)
{
	struct dir_text t = { (uint16_t)b->len, (uint16_t)s.len };

	if (s.len == 0)
		return (struct dir_text){ 0, 0 };
	if (s.len > DIR_RECORD_MAX)
		b->overrun = true;
	buf_put(b, s);
	return t;
}

enum err
directory_put_domain(struct directory *d, struct span domain, uint32_t tenant)
{
	struct dir_key k;
	struct dir_domain record = { .tenant = tenant };

	return dir_put(d, dir_key_domain(&k, domain), &record, sizeof(record));
}

enum err
directory_put_tenant(struct directory *d, const struct dir_tenant *t)
{
	struct dir_key k;

	return dir_put(d, dir_key_of(&k, 't', t->tenant, SPAN_NONE), t, sizeof(*t));
}

enum err
directory_put_subscriber(
    struct directory *d, const struct dir_subscriber *s, const struct dir_subscriber_text *text)
{
	struct dir_key k;
	struct dir_buf room;
	struct dir_subscriber *record = (struct dir_subscriber *)room.words;
	struct buf b = buf_on(room.words, sizeof(room.words));

	buf_put(&b, span_of(s, sizeof(*s)));
	record->user = dir_pack(&b, text->user);
	record->display_name = dir_pack(&b, text->display_name);
	record->number = dir_pack(&b, text->number);
	record->pickup_group = dir_pack(&b, text->pickup_group);
	record->follow_me_numbers = dir_pack(&b, text->follow_me_numbers);
	record->cfu = dir_pack(&b, text->cfu);
	record->cfb = dir_pack(&b, text->cfb);
	record->cfnr = dir_pack(&b, text->cfnr);
	record->cfnrc = dir_pack(&b, text->cfnrc);
	record->cfs = dir_pack(&b, text->cfs);
	record->hotline = dir_pack(&b, text->hotline);
	if (!buf_ok(&b))
		return ERR_RANGE;
	return dir_put(d, dir_key_of(&k, 's', s->tenant, text->user), record, b.len);
}

enum err
directory_put_number(struct directory *d, uint32_t tenant, struct span number,
    enum dir_number_kind kind, struct span target)
{
	struct dir_key k;
	struct dir_buf room;
	struct dir_number head = { .tenant = tenant, .kind = (uint8_t)kind };
	struct dir_number *record = (struct dir_number *)room.words;
	struct buf b = buf_on(room.words, sizeof(room.words));

	buf_put(&b, span_of(&head, sizeof(head)));
	record->target = dir_pack(&b, target);
	if (!buf_ok(&b))
		return ERR_RANGE;
	return dir_put(d, dir_key_of(&k, 'n', tenant, number), record, b.len);
}

enum err
directory_put_group(
    struct directory *d, const struct dir_group *g, const struct dir_group_text *text)
{
	struct dir_key k;
	struct dir_buf room;
	struct dir_group *record = (struct dir_group *)room.words;
	struct buf b = buf_on(room.words, sizeof(room.words));

	if (g->n > DIR_MEMBERS_MAX)
		return ERR_RANGE;
	buf_put(&b, span_of(g, sizeof(*g)));
	record->name = dir_pack(&b, text->name);
	record->number = dir_pack(&b, text->number);
	record->overflow = dir_pack(&b, text->overflow);
	for (unsigned i = 0; i < g->n; i++)
		record->members[i].user = dir_pack(&b, text->members[i]);
	if (!buf_ok(&b))
		return ERR_RANGE;
	return dir_put(d, dir_key_of(&k, 'h', g->tenant, text->name), record, b.len);
}

/* Takes a gateway out of those at an address. */
static enum err
leave_address(struct directory *d, const struct netaddr *a, uint64_t id)
{
	struct dir_key k;
	struct dir_gateway_at at;
	uint32_t n = 0;

	dir_at_address(d, a, &at);
	for (uint32_t i = 0; i < at.n; i++) {
		if (at.ids[i] != id)
			at.ids[n++] = at.ids[i];
	}
	if (n == at.n)
		return ERR_NONE;
	at.n = n;
	memset(&at.ids[n], 0, sizeof(at.ids) - n * sizeof(at.ids[0]));
	if (n == 0)
		return dir_forget(d, dir_key_address(&k, a));
	return dir_put(d, dir_key_address(&k, a), &at, sizeof(at));
}

static enum err
join_address(struct directory *d, const struct netaddr *a, uint64_t id)
{
	struct dir_key k;
	struct dir_gateway_at at;

	dir_at_address(d, a, &at);
	for (uint32_t i = 0; i < at.n; i++) {
		if (at.ids[i] == id)
			return dir_put(d, dir_key_address(&k, a), &at, sizeof(at));
	}
	if (at.n == sizeof(at.ids) / sizeof(at.ids[0]))
		return ERR_FULL;
	at.ids[at.n++] = id;
	return dir_put(d, dir_key_address(&k, a), &at, sizeof(at));
}

enum err
directory_put_gateway(
    struct directory *d, const struct dir_gateway *g, const struct dir_gateway_text *text)
{
	struct dir_key k;
	struct dir_buf room, old_room;
	struct dir_gateway *record = (struct dir_gateway *)room.words;
	struct buf b = buf_on(room.words, sizeof(room.words));
	const struct dir_gateway *old = directory_gateway(d, g->id, &old_room);
	enum err e;

	buf_put(&b, span_of(g, sizeof(*g)));
	record->name = dir_pack(&b, text->name);
	record->host = dir_pack(&b, text->host);
	record->proxy = dir_pack(&b, text->proxy);
	record->user = dir_pack(&b, text->user);
	record->secret = dir_pack(&b, text->secret);
	record->realm = dir_pack(&b, text->realm);
	if (!buf_ok(&b))
		return ERR_RANGE;
	if ((e = dir_put(d, dir_key_gateway(&k, g->id), record, b.len)) != ERR_NONE)
		return e;
	if (old != NULL && old->address.family != 0 && !netaddr_eq_ip(&old->address, &g->address))
		leave_address(d, &old->address, g->id);
	return g->address.family == 0 ? ERR_NONE : join_address(d, &g->address, g->id);
}

enum err
directory_put_route(
    struct directory *d, uint32_t tenant, struct span prefix, const struct dir_route *r)
{
	struct dir_key k;

	if (prefix.len > DIR_PREFIX_MAX)
		return ERR_RANGE;
	return dir_put(d, dir_key_of(&k, 'r', tenant, prefix), r, sizeof(*r));
}

enum err
directory_put_delegates(
    struct directory *d, uint32_t tenant, struct span user, const uint64_t *ids, uint32_t n)
{
	struct dir_key k;
	struct dir_delegates record = { .n = n };

	if (n > DIR_DELEGATES_MAX)
		return ERR_RANGE;
	if (n == 0) {
		enum err e = dir_forget(d, dir_key_of(&k, 'x', tenant, user));
		return e == ERR_ABSENT ? ERR_NONE : e;
	}
	memcpy(record.ids, ids, n * sizeof(ids[0]));
	return dir_put(d, dir_key_of(&k, 'x', tenant, user), &record,
	    offsetof(struct dir_delegates, ids) + n * sizeof(ids[0]));
}

enum err
directory_put_code(struct directory *d, uint32_t tenant, struct span pattern, struct span action)
{
	struct dir_key k;
	struct dir_code record = { 0 };

	if (!span_cstr(action, record.action, sizeof(record.action)))
		return ERR_RANGE;
	return dir_put(d, dir_key_of(&k, 'c', tenant, pattern), &record, sizeof(record));
}

enum err
directory_put_listed(
    struct directory *d, uint64_t subscriber, enum dir_list list, struct span caller)
{
	struct dir_key k;
	struct dir_listed record = { .list = list };

	if (caller.len > DIR_CALLER_MAX)
		return ERR_RANGE;
	return dir_put(
	    d, dir_key_listed(&k, subscriber, list, caller, false), &record, sizeof(record));
}

enum err
directory_delete_listed(
    struct directory *d, uint64_t subscriber, enum dir_list list, struct span caller)
{
	struct dir_key k;

	return dir_forget(d, dir_key_listed(&k, subscriber, list, caller, false));
}

enum err
directory_put_emergency(struct directory *d, struct span country_number)
{
	struct dir_key k;
	struct dir_emergency record = { .is = 1 };

	return dir_put(d, dir_key_of(&k, 'e', 0, country_number), &record, sizeof(record));
}

enum err
directory_delete_emergency(struct directory *d, struct span country_number)
{
	struct dir_key k;

	return dir_forget(d, dir_key_of(&k, 'e', 0, country_number));
}

enum err
directory_put_speed(struct directory *d, uint64_t subscriber, unsigned place, struct span number)
{
	struct dir_key k;
	struct dir_speed record = { 0 };
	enum err e;

	if (number.len == 0) {
		e = dir_forget(d, dir_key_speed(&k, subscriber, place));
		return e == ERR_ABSENT ? ERR_NONE : e;
	}
	if (!span_cstr(number, record.number, sizeof(record.number)))
		return ERR_RANGE;
	return dir_put(d, dir_key_speed(&k, subscriber, place), &record, sizeof(record));
}

enum err
directory_put_class(struct directory *d, uint32_t tenant, struct span prefix, bool premium)
{
	struct dir_key k;
	struct dir_class record = { .premium = premium };

	return dir_put(d, dir_key_of(&k, 'p', tenant, prefix), &record, sizeof(record));
}

enum err
directory_delete_class(struct directory *d, uint32_t tenant, struct span prefix)
{
	struct dir_key k;

	return dir_forget(d, dir_key_of(&k, 'p', tenant, prefix));
}

enum err
directory_delete_code(struct directory *d, uint32_t tenant, struct span pattern)
{
	struct dir_key k;

	return dir_forget(d, dir_key_of(&k, 'c', tenant, pattern));
}

enum err
directory_delete_domain(struct directory *d, struct span domain)
{
	struct dir_key k;

	return dir_forget(d, dir_key_domain(&k, domain));
}

enum err
directory_delete_tenant(struct directory *d, uint32_t tenant)
{
	struct dir_key k;

	return dir_forget(d, dir_key_of(&k, 't', tenant, SPAN_NONE));
}

enum err
directory_delete_subscriber(struct directory *d, uint32_t tenant, struct span user)
{
	struct dir_key k;

	return dir_forget(d, dir_key_of(&k, 's', tenant, user));
}

enum err
directory_delete_number(struct directory *d, uint32_t tenant, struct span number)
{
	struct dir_key k;

	return dir_forget(d, dir_key_of(&k, 'n', tenant, number));
}

enum err
directory_delete_group(struct directory *d, uint32_t tenant, struct span name)
{
	struct dir_key k;

	return dir_forget(d, dir_key_of(&k, 'h', tenant, name));
}

enum err
directory_delete_gateway(struct directory *d, uint64_t id)
{
	struct dir_key k;
	struct dir_buf room;
	const struct dir_gateway *old = directory_gateway(d, id, &room);

	if (old != NULL && old->address.family != 0)
		leave_address(d, &old->address, id);
	return dir_forget(d, dir_key_gateway(&k, id));
}

enum err
directory_delete_route(struct directory *d, uint32_t tenant, struct span prefix)
{
	struct dir_key k;

	return dir_forget(d, dir_key_of(&k, 'r', tenant, prefix));
}

void
directory_renew(struct directory *d)
{
	directory_renew_stop(d);
	d->renewal = calloc(1, sizeof(*d->renewal));
	if (d->renewal == NULL)
		fatal(errno, "no memory to renew the directory");
	rand_bytes(&d->renewal->key, sizeof(d->renewal->key));
	table_init(&d->renewal->put, records_count(&d->records));
}

void
directory_renew_stop(struct directory *d)
{
	if (d->renewal == NULL)
		return;
	table_done(&d->renewal->put);
	free(d->renewal);
	d->renewal = NULL;
}

/* A key that was not put since the renewal began; the next one from *cursor on. */
static bool
next_old(const struct directory *d, uint64_t *cursor, char *key, size_t *len_r)
{
	struct dir_buf value;
	uint32_t at, ignored;

	while (records_next(&d->records, cursor, key, len_r, value.words, sizeof(value.words),
		   &value.len) == ERR_NONE) {
		at = 0;
		if (!table_find(
			&d->renewal->put, hash_bytes(&d->renewal->key, key, *len_r), &at, &ignored))
			return true;
	}
	return false;
}

unsigned
directory_renewed(struct directory *d)
{
	char key[RECORDS_KEY_MAX];
	uint64_t cursor = 0, id;
	size_t len;
	unsigned gone = 0;

	while (next_old(d, &cursor, key, &len)) {
		if (key[0] == 'g' && len == 1 + sizeof(id)) {
			memcpy(&id, key + 1, sizeof(id));
			directory_delete_gateway(d, id);
		} else {
			records_delete(&d->records, span_of(key, len));
		}
		gone++;
	}
	directory_renew_stop(d);
	return gone;
}
