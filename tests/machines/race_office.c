/* Who is there: alice, bob with his phones and his services, carol, who may take bob's calls. */
#include <stdio.h>
#include <string.h>

#include "race.h"
#include "worker_rig.h"

enum { CFNR_S = 5 };

const struct race_phone race_phones[RACE_PHONES] = { { "alice", "192.0.2.1" },
	{ "bob", "192.0.2.2" }, { "bob", "192.0.2.3" }, { "bob", "192.0.2.4" },
	{ "carol", "192.0.2.5" } };

static void
add(uint64_t id, const char *user, const char *number, unsigned services)
{
	struct dir_subscriber s = { .trust = DIR_TRUST_ADDRESS,
		.tenant = 1,
		.call_limit = services & SERVICE_LIMIT ? 2 : 0,
		.call_waiting = !(services & SERVICE_NO_WAITING),
		.cfnr_timeout_s = CFNR_S };
	struct dir_subscriber_text text = {
		.user = span_str(user), .number = span_str(number), .pickup_group = SPAN("office")
	};

	if (services & SERVICE_CFB)
		text.cfb = SPAN("1003");
	if (services & SERVICE_CFNR)
		text.cfnr = SPAN("1003");
	s.id = id;
	digest_ha1(DIGEST_MD5, span_str(user), SPAN("example.com"), SPAN("secret"), s.ha1.md5);
	s.ha1.has = 1 << DIGEST_MD5;
	cr_assert_eq(directory_put_subscriber(&rig->directory, &s, &text), ERR_NONE);
	cr_assert_eq(directory_put_number(&rig->directory, 1, span_str(number),
			 DIR_NUMBER_SUBSCRIBER, span_str(user)),
	    ERR_NONE);
}

static void
bind_phone(unsigned who, unsigned q)
{
	const struct race_phone *p = &race_phones[who];
	char contact[64];

	snprintf(contact, sizeof(contact), "sip:%s@%s", p->user, p->host);
	rig_bind(p->user, contact, p->host, q, 0);
}

void
office_open(const struct race_script *s)
{
	rig_new(s->workers);
	rig->settings.timers.session_s = 90; /* what stays up is refreshed (RFC 4028) */
	if (s->ring_s != 0)
		rig->settings.timers.ring_s = s->ring_s;
	if (s->session_s != 0)
		rig->settings.timers.session_s = s->session_s;
	add(5001, "alice", "1001", 0);
	add(5002, "bob", "1002", s->services);
	add(5003, "carol", "1003", 0);
	bind_phone(0, 1000);
	for (unsigned i = 1; i <= s->phones; i++)
		bind_phone(i, s->in_turn ? 1100 - 100 * i : 1000);
	bind_phone(4, 1000);
}
