/*
 * Publications: each device's word on its subscriber, kept until it expires (RFC 3903 4.4). An entity-tag is
 * the token of the slot and a serial number: a tag of before names nothing any more.
 */
#include "registrar/registrar.h"

#include <string.h>

#include "base/log.h"
#include "sip/token.h"

enum { SERIAL_DIGITS = 8 };

static uint64_t
now_of(const struct registrar *r)
{
	return r->child.clock.mono_ns;
}

static void
arm(struct registrar *r, const struct publication *p)
{
	wheel_set(r->wheel, &r->publication_timers[pool_index(&r->publications, p)], p->expires_ns);
}

static void
tell_watchers(struct registrar *r, const struct publication *p)
{
	subscriptions_changed(r, PACKAGE_PRESENCE, p->tenant, span_of(p->name, p->name_len));
}

/* --- entity-tags -------------------------------------------------------------------------------*/

static void
put_serial(struct buf *b, const struct publication *p)
{
	const uint8_t bytes[] = { p->serial >> 24 & 0xff, p->serial >> 16 & 0xff,
		p->serial >> 8 & 0xff, p->serial & 0xff };

	buf_hex(b, bytes, sizeof(bytes));
}

void
publication_put_etag(struct registrar *r, struct buf *b, const struct publication *p)
{
	token_put(b, &r->challenge.key, TOKEN_CONTACT, pool_handle(&r->publications, p));
	put_serial(b, p);
}

struct publication *
publication_find(struct registrar *r, struct span etag, const struct dir_subscriber *owner)
{
	char text[SERIAL_DIGITS];
	struct buf serial = buf_on(text, sizeof(text));
	struct publication *p;
	handle h;

	if (etag.len != TOKEN_LEN + SERIAL_DIGITS ||
	    token_read(&r->challenge.key, TOKEN_CONTACT, etag, &h) != ERR_NONE)
		return NULL;
	p = pool_find(&r->publications, h);
	if (p == NULL || p->publisher != owner->id)
		return NULL;
	put_serial(&serial, p);
	return span_eq(span_from(etag, TOKEN_LEN), buf_span(&serial)) ? p : NULL;
}

/* --- their life --------------------------------------------------------------------------------*/

static void
forget(struct registrar *r, struct publication *p)
{
	uint32_t index = pool_index(&r->publications, p);

	wheel_set(r->wheel, &r->publication_timers[index], 0);
	table_remove(&r->published, p->user, index);
	pool_drop(&r->publications, p);
}

void
publication_drop(struct registrar *r, struct publication *p)
{
	struct publication was = *p;

	forget(r, p);
	tell_watchers(r, &was);
}

struct publication *
publication_put(struct registrar *r, struct publication *old, const struct publishing *of)
{
	struct span name = dir_text(of->owner, of->owner->user);
	struct publication *p =
	    name.len <= PUBLICATION_NAME_MAX ? pool_take(&r->publications, old != NULL) : NULL;

	if (p == NULL)
		return NULL;
	p->user = call_user_hash(&r->challenge.key, of->owner->tenant, name);
	p->publisher = of->owner->id;
	p->tenant = of->owner->tenant;
	p->pidf = *of->pidf;
	memcpy(p->name, name.p, name.len);
	p->name_len = (uint8_t)name.len;
	p->made_ns = now_of(r);
	/* Last: without it the slot is one that was half filled at a kill. */
	__atomic_store_n(&p->expires_ns, now_of(r) + of->expires_s * NS_PER_S, __ATOMIC_RELEASE);
	table_put(&r->published, p->user, pool_index(&r->publications, p));
	arm(r, p);
	if (old != NULL)
		forget(r, old);
	tell_watchers(r, p);
	return p;
}

void
publication_refresh(struct registrar *r, struct publication *p, uint32_t expires_s)
{
	p->serial++;
	p->expires_ns = now_of(r) + expires_s * NS_PER_S;
	arm(r, p);
}

void
publication_on_timer(struct registrar *r, struct publication *p)
{
	if (p->expires_ns <= now_of(r))
		publication_drop(r, p);
	else
		arm(r, p);
}

/* --- a user's ----------------------------------------------------------------------------------*/

unsigned
publications_of(const struct registrar *r, uint64_t user)
{
	uint32_t cursor = 0, index;
	unsigned n = 0;

	while (table_find(&r->published, user, &cursor, &index))
		n++;
	return n;
}

bool
publications_join(struct registrar *r, uint64_t user, struct pidf *all_r)
{
	const struct publication *newest = NULL;
	uint32_t cursor = 0, index;

	*all_r = (struct pidf){ 0 };
	while (table_find(&r->published, user, &cursor, &index)) {
		const struct publication *p = pool_at(&r->publications, index);

		all_r->open = all_r->open || p->pidf.open;
		all_r->activities |= p->pidf.activities;
		if (p->pidf.note_len > 0 &&
		    (all_r->note_len == 0 || p->made_ns >= newest->made_ns)) {
			memcpy(all_r->note, p->pidf.note, sizeof(all_r->note));
			all_r->note_len = p->pidf.note_len;
			newest = p;
		}
		newest = newest == NULL ? p : newest;
	}
	return newest != NULL;
}

/* --- the start ---------------------------------------------------------------------------------*/

void
publications_lay_out(struct registrar *r, char *region)
{
	pool_init(&r->publications, region + r->shape.publications_at, REGISTRAR_PUBLICATION_BYTES,
	    r->shape.publications, handle_owner_of(KIND_PUBLICATION, r->child.proc), 1);
	table_init(&r->published, 64);
}

void
publications_recover(struct registrar *r)
{
	struct publication *next;

	for (struct publication *p = pool_next(&r->publications, NULL); p != NULL; p = next) {
		next = pool_next(&r->publications, p);
		if (p->expires_ns == 0 || p->pidf.note_len > NOTE_MAX) {
			pool_drop(&r->publications, p);
			continue;
		}
		table_put(&r->published, p->user, pool_index(&r->publications, p));
		arm(r, p);
	}
}
