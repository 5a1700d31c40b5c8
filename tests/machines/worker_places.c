#include "worker_places.h"

struct phone *first, *second;

void
places_begin(void)
{
	static const uint64_t gateways[] = { GW };

	rig_begin();
	resolver_begin();
	rig_gateway(GW, "gw.test", true);
	rig_route("00", 1, gateways);
	first = phone_at("gw", "203.0.113.1");
	second = phone_at("gw", "203.0.113.2");
}

void
places_end(void)
{
	resolver_end();
	rig_end();
}

/* A server that is down hears its INVITE again and again. */
void
wait_beside(struct phone *dead, uint64_t ms)
{
	for (uint64_t t = 0; t <= ms; t += 500) {
		rig_wait_ms(t < ms ? 500 : 0);
		while (has_mail(dead))
			hears(dead, "INVITE");
	}
}

/* Until the next one is rung, and not much longer. */
void
until_given_up(struct phone *dead)
{
	wait_beside(dead, 4500);
	rig_wait_ms(520);
	wait_beside(dead, 0);
}

void
takes_call(struct phone *p)
{
	hears(p, "INVITE");
	replies(p, "INVITE", 200, "", SDP_B);
	hears(alice, "200 INVITE");
	acks(alice, "");
	hears(p, "ACK");
}

void
calls(const char *places)
{
	dials(alice, "0012345", "", SDP_A);
	hears(alice, "100");
	resolver_hears("gw.test");
	resolver_says("gw.test", 60, places);
}
