#include "worker_several.h"

#include <stdlib.h>

void
several_begin(void)
{
	rig_begin();
	phone_new("carol", "192.0.2.3");
	phone_new("dave", "192.0.2.4");
	rig_subscriber("carol", "1003", DIR_TRUST_BINDING);
	rig_subscriber("dave", "1004", DIR_TRUST_BINDING);
}

static struct span
text_of(const char *s)
{
	return span_str(s == NULL ? "" : s);
}

void
wishes(const char *user, const char *number, struct wishes x)
{
	struct dir_subscriber s = { .id = strtoul(number, NULL, 10),
		.tenant = 1,
		.trust = DIR_TRUST_BINDING,
		.cfnr_timeout_s = (uint16_t)x.cfnr_s,
		.call_waiting = !x.no_waiting,
		.dnd = (uint8_t)x.dnd,
		.acr = (uint8_t)x.acr,
		.clir = (uint8_t)x.clir,
		.barring = (uint8_t)x.barring,
		.follow_me = (uint8_t)x.follow_me,
		.notify_caller = (uint8_t)x.notify };
	struct dir_subscriber_text text = { .user = span_str(user),
		.number = span_str(number),
		.cfu = text_of(x.cfu),
		.cfb = text_of(x.cfb),
		.cfnr = text_of(x.cfnr),
		.cfnrc = text_of(x.cfnrc),
		.follow_me_numbers = text_of(x.follow_me_numbers) };

	cr_assert_eq(directory_put_subscriber(&rig->directory, &s, &text), ERR_NONE);
}

void
alice_dials(const char *number)
{
	dials(alice, number, "", SDP_A);
	hears(alice, "100");
}

void
is_rung(struct phone *p)
{
	hears(p, "INVITE");
	replies(p, "INVITE", 180, "", "");
}

void
takes(struct phone *p)
{
	replies(p, "INVITE", 200, "", SDP_B);
	hears(p, "ACK");
	hears(alice, "200 INVITE");
	acks(alice, "");
}

void
rings_and_takes(struct phone *p)
{
	replies(p, "INVITE", 180, "", "");
	hears(alice, "180");
	takes(p);
}

void
refuses(struct phone *p, unsigned status)
{
	replies(p, "INVITE", status, "", "");
	hears(p, "ACK");
}

void
is_cancelled(struct phone *p)
{
	hears(p, "CANCEL");
	replies(p, "CANCEL", 200, "", "");
	refuses(p, 487);
}
