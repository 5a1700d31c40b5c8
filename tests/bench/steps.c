/*
 * usage: steps gateways|subscribers COUNT
 *
 * So many basic calls through the worker's real code, without sockets, processes and time: the bench of
 * tests/machines/worker_rig.c. Whatever else the machine does, the worker runs the same instructions, which
 * callgrind counts inside of inbox_message() (tests/bench/count.py).
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "worker_phone.h"

enum { CALLS_MOST = 100 }; /* the rig remembers so many messages */

void
race_assertion(const char *file, int line, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	fprintf(stderr, "steps: %s:%d:", file, line);
	vfprintf(stderr, fmt, args);
	fputc('\n', stderr);
	va_end(args);
	exit(1);
}

static void
one_call(struct phone *a, struct phone *b, const char *number)
{
	dials(a, number, "", SDP_A);
	hears(a, "100");
	hears(b, "INVITE");
	replies(b, "INVITE", 180, "", "");
	hears(a, "180");
	replies(b, "INVITE", 200, "", SDP_B);
	hears(b, "ACK");
	hears(a, "200 INVITE");
	acks(a, "");
	hangs_up(a, b);
	rig_read_store(0);
}

/* From where calls may leave by a route again. */
static void
transit(uint64_t id, const char *host)
{
	struct dir_gateway g = { .id = id,
		.tenant = 1,
		.transport = SIP_T_UDP,
		.port = 5060,
		.trusted = 1,
		.transit = 1 };

	if (netaddr_ip(span_str(host), &g.address) != ERR_NONE ||
	    directory_put_gateway(&rig->directory, &g,
		&(struct dir_gateway_text){ .name = SPAN("from"), .host = span_str(host) }) !=
		ERR_NONE)
		race_assertion(__FILE__, __LINE__, " ");
}

int
main(int argc, char **argv)
{
	const uint64_t ids[] = { 12 };
	long count = argc == 3 ? strtol(argv[2], NULL, 10) : 0;
	struct phone *from, *to;

	if (count < 1 || count > CALLS_MOST) {
		fprintf(stderr, "usage: steps gateways|subscribers COUNT\n");
		return 2;
	}
	rig_begin();
	if (strcmp(argv[1], "subscribers") == 0) {
		for (long i = 0; i < count; i++)
			one_call(alice, bob, "1002");
		return 0;
	}
	from = phone_at("from", "192.0.2.101");
	to = phone_at("to", "192.0.2.102");
	transit(11, "192.0.2.101");
	rig_gateway(12, "192.0.2.102", true);
	rig_route("+49", 1, ids);
	for (long i = 0; i < count; i++)
		one_call(from, to, "+493012345678");
	return 0;
}
