/* One text, read as a URI, a name-addr, a Via and a list; what is good is equal to itself, and a user
 * part survives being written. */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "sip/addr.h"
#include "sip/via.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_user(const struct sip_uri *u)
{
	static char text[4096], again[4096 * 3 + 16], back[4096];
	struct buf b = buf_on(text, sizeof(text)), w = buf_on(again, sizeof(again));
	struct buf r = buf_on(back, sizeof(back));
	struct sip_uri second;

	sip_unescape(&b, u->user);
	if (!buf_ok(&b) || b.len == 0)
		return;
	buf_lit(&w, "sip:");
	sip_put_user(&w, buf_span(&b));
	buf_lit(&w, "@h");
	must(buf_ok(&w));
	must(sip_uri_parse(buf_span(&w), &second) == ERR_NONE);
	sip_unescape(&r, second.user);
	must(span_eq(buf_span(&b), buf_span(&r)));
}

static void
check_uri(struct span text)
{
	char user[256];
	struct buf b = buf_on(user, sizeof(user));
	struct sip_uri u, v;

	if (sip_uri_parse(text, &u) != ERR_NONE)
		return;
	/* Another copy of the parsed text, so that equality is not that of one pointer. */
	must(sip_uri_parse(u.text, &v) == ERR_NONE);
	must(sip_uri_equal(&u, &v) && sip_uri_equal(&v, &u));
	sip_uri_transport(&u);
	sip_uri_user(&u, &b);
	if (u.user.p != NULL)
		check_user(&u);
}

static void
check_addr(struct span text)
{
	static char shown[4096], quoted[8192 + 2];
	struct buf b = buf_on(shown, sizeof(shown)), q = buf_on(quoted, sizeof(quoted));
	struct sip_addr a;

	if (sip_addr_parse(text, &a) != ERR_NONE || a.star)
		return;
	must(a.uri.len > 0);
	check_uri(a.uri);
	sip_put_display_text(&b, a.display);
	if (buf_ok(&b))
		sip_put_quoted(&q, buf_span(&b));
}

/* Equality is symmetric, whatever the two URIs are. */
static void
check_pair(struct span x, struct span y)
{
	struct sip_uri u, v;

	if (sip_uri_parse(x, &u) == ERR_NONE && sip_uri_parse(y, &v) == ERR_NONE)
		must(sip_uri_equal(&u, &v) == sip_uri_equal(&v, &u));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *copy = malloc(size + 1);
	struct span text = span_of(copy, size), first, rest, name, value;
	struct sip_via via;

	must(copy != NULL);
	memcpy(copy, data, size);
	check_uri(text);
	check_addr(text);
	sip_via_parse(text, &via);
	rest = span_cut(text, '\n', &first);
	check_pair(first, rest);
	for (rest = text; sip_param_cut(&rest, &name, &value);)
		must(name.len > 0);
	for (rest = text; sip_value_cut(&rest, &value);)
		check_addr(value);
	free(copy);
	return 0;
}
