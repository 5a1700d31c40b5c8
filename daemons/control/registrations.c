/* Who is registered: the registrar's table, with the names of the store's. */
#include <stdio.h>
#include <string.h>

#include "control/control.h"
#include "model/registrar_shape.h"
#include "model/directory.h"
#include "model/location.h"

struct listing {
	struct control *control;
	struct client *client;
	struct directory directory;
	bool names;	  /* the directory can be read */
	struct span user; /* p NULL: all */
	bool one_tenant;
	uint32_t tenant;
	struct dir_buf tenant_buf;
	struct loc_buf loc;
};

static const void *
table_of(struct control *k, enum role role, size_t *size_r)
{
	const char *region = child_region(&k->child, proc_of(role, 0), size_r);

	if (region == NULL || *size_r < PROCESS_HEAD)
		return NULL;
	*size_r -= PROCESS_HEAD;
	return region + PROCESS_HEAD;
}

static void
put_span(json_t *row, const char *name, struct span s)
{
	json_t *value = json_stringn(s.p == NULL ? "" : s.p, s.len);

	/* What is no UTF-8 has no form in JSON. */
	json_object_set_new(row, name, value != NULL ? value : json_string("?"));
}

static json_t *
row_of(const struct listing *l, const struct location *loc, const struct binding *b,
    struct span user, const struct dir_tenant *t)
{
	int64_t left = b->expires_ms - child_steady_ms(&l->control->child);
	char address[80];
	struct buf a = buf_on(address, sizeof(address));
	json_t *row = json_object();

	if (row == NULL)
		return NULL;
	netaddr_put(&a, &b->flow.peer);
	put_span(row, "user", user);
	put_span(row, "domain", t == NULL ? SPAN_NONE : span_str(t->realm));
	put_span(row, "contact", loc_text(loc, b->contact));
	json_object_set_new(row, "expires", json_integer(left / 1000));
	put_span(row, "address", buf_span(&a));
	put_span(row, "transport",
	    b->flow.transport < SIP_N_TRANSPORTS ? sip_transport_param(b->flow.transport)
						 : SPAN_NONE);
	put_span(row, "user_agent", loc_text(loc, b->user_agent));
	return row;
}

static void
list_one(struct listing *l, struct span key)
{
	const struct location *loc = loc_check(&l->loc, child_steady_ms(&l->control->child));
	const struct dir_tenant *t = NULL;
	struct span user;

	if (loc == NULL || key.len < sizeof(uint32_t))
		return;
	user = span_from(key, sizeof(uint32_t));
	if (l->user.p != NULL && !span_eq(user, l->user))
		return;
	if (l->one_tenant && loc->tenant != l->tenant)
		return;
	if (l->names)
		t = directory_tenant(&l->directory, loc->tenant, &l->tenant_buf);
	for (unsigned i = 0; i < loc->n; i++)
		reply_row(l->client, row_of(l, loc, &loc->bindings[i], user, t));
}

/* USER or USER@DOMAIN; a user without a domain is of the first of the configuration. NULL, or why
 * there is nothing to list. */
static const char *
choose(struct listing *l, const char *name)
{
	const struct settings *s = control_settings(l->control);
	struct span domain;

	if (name == NULL)
		return NULL;
	domain = span_cut(span_str(name), '@', &l->user);
	if (domain.p == NULL)
		domain = span_str(s->domains[0]);
	if (!l->names || !directory_filled(&l->directory))
		return NULL;
	l->one_tenant = true;
	if (directory_tenant_of(&l->directory, domain, &l->tenant) != ERR_NONE)
		return "no such domain";
	return directory_subscriber(&l->directory, l->tenant, l->user, &l->tenant_buf) == NULL
		   ? "no such subscriber"
		   : NULL;
}

static void
walk(struct listing *l, const struct locations *locations)
{
	char key[RECORDS_KEY_MAX];
	uint64_t cursor = 0;
	size_t key_len;
	enum err e;

	reply_rows(l->client);
	do {
		e = records_next(&locations->records, &cursor, key, &key_len, l->loc.words,
		    sizeof(l->loc.words), &l->loc.len);
		if (e == ERR_NONE)
			list_one(l, span_of(key, key_len));
	} while (e == ERR_NONE);
	reply_rows_end(l->client);
}

void
list_registrations(struct control *k, struct client *c, const json_t *args)
{
	static struct listing l; /* its buffers are too large for the stack */
	struct registrar_shape shape;
	struct locations locations;
	const char *mem, *why;
	size_t size;

	memset(&l, 0, sizeof(l));
	l.control = k;
	l.client = c;
	registrar_shape(child_settings(&k->child), &shape);
	mem = child_region(&k->child, proc_of(ROLE_REGISTRAR, 0), &size);
	if (mem == NULL || size < shape.size ||
	    locations_open(&locations, mem + shape.locations_at, shape.locations_size) !=
		ERR_NONE) {
		reply_error(c, "the registrar has not started yet");
		return;
	}
	mem = table_of(k, ROLE_STORE, &size);
	l.names = mem != NULL && directory_open(&l.directory, mem, size) == ERR_NONE;
	why = choose(&l, argument(args, "user"));
	if (why != NULL)
		reply_error(c, "%s: %s", why, argument(args, "user"));
	else
		walk(&l, &locations);
	records_close(&locations.records);
	if (l.names)
		records_close(&l.directory.records);
}
