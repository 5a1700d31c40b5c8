/* The first byte is a type, the rest a message of DNS: what is read of it is told to a question, which
 * ends in a sound plan. */
#include <stdlib.h>
#include <string.h>

#include "resolver/resolver.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const enum locate_type types[] = { LOCATE_A, LOCATE_AAAA, LOCATE_SRV, LOCATE_NAPTR };

static void
ask_it(const uint8_t *msg, size_t len)
{
	static struct locate l;
	struct locate_question q = { .ways = ~0u, .name = "h.test" };
	struct locate_place order[LOCATE_PLACES];
	struct locate_plan plan, again;
	struct locate_answer a;
	struct locate_ask ask;
	char alias[LOCATE_NAME];
	unsigned n = 0;

	locate_begin(&l, &q, 1);
	while (!locate_done(&l)) {
		must(locate_ask(&l, &ask) && n++ < 100);
		if (reply_read(msg, len, &ask, &a, alias) != ERR_NONE)
			a = (struct locate_answer){ .status = LOCATE_FAILED };
		must(a.n <= LOCATE_RECORDS && strlen(alias) < LOCATE_NAME);
		locate_tell(&l, &ask, &a);
	}
	locate_plan(&l, &plan);
	locate_order(&plan, 7, order);
	must(plan_read(&plan, plan_bytes(&plan), &again));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct locate_ask ask = { .name = "h.test" };
	struct locate_answer a;
	char alias[LOCATE_NAME];

	if (size == 0)
		return 0;
	ask.type = types[data[0] % 4];
	(void)reply_read(data + 1, size - 1, &ask, &a, alias);
	ask_it(data + 1, size - 1);
	return 0;
}
