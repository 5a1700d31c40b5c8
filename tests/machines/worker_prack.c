#include "worker_prack.h"

#include <stdio.h>

void
rings_first(const char *more, const char *offer)
{
	dials(alice, "bob", more, offer);
	hears(alice, "100");
	hears(bob, "INVITE");
}

void
pracks(struct phone *p, const char *response, const char *body)
{
	char rack[96];

	snprintf(rack, sizeof(rack), "RAck: %s %u INVITE\r\n%s", header(response, "RSeq"),
	    p->invite_cseq, body[0] == '\0' ? "" : "Content-Type: application/sdp\r\n");
	says(p, "PRACK", rack, body);
}

void
ends(void)
{
	hangs_up(alice, bob);
	rig_ends_clean("answered 200 16 caller normal", 0);
}
