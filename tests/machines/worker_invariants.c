/* What must hold for every message (FLOWS.md 1.1). */
#include <stdlib.h>
#include <string.h>

#include "worker_phone.h"

static void
check_frame(const char *text)
{
	cr_expect_eq(headers(text, "Content-Length"), 1, "INV-9:\n%s", text);
	cr_expect_eq(strtoul(header(text, "Content-Length"), NULL, 10), strlen(body_of(text)),
	    "INV-9:\n%s", text);
}

/* Nothing that names one phone's dialog or place reaches another (INV-1). Its SDP may. */
static void
check_others(const struct phone *p, const char *text)
{
	char head[RIG_TEXT];

	snprintf(head, sizeof(head), "%.*s", (int)(body_of(text) - text), text);
	for (unsigned i = 0; i < rig->n_phones; i++) {
		const struct phone *q = rig->phones[i];

		if (q == p || q->call_id[0] == '\0' || strcmp(q->call_id, p->call_id) == 0)
			continue;
		/* The branches of one call may share the Call-ID that we made (S2-27). */
		if (strncmp(q->call_id, "cid-", 4) == 0)
			cr_expect_null(
			    strstr(head, q->call_id), "INV-1: %s in\n%s", q->call_id, text);
		cr_expect_null(strstr(head, q->local_tag), "INV-1: %s in\n%s", q->local_tag, text);
		cr_expect_null(strstr(header(text, "Contact"), q->host), "INV-1:\n%s", text);
	}
}

void
must_hold_for_request(const char *text)
{
	cr_expect_eq(headers(text, "Via"), 1, "INV-2:\n%s", text);
	cr_expect_not_null(strstr(header(text, "Via"), ";branch=z9hG4bK"), "INV-2:\n%s", text);
	cr_expect_eq(headers(text, "Max-Forwards"), 1, "%s", text);
	cr_expect_not_null(strstr(header(text, "From"), ";tag="), "%s", text);
}

void
must_hold_for_response(struct phone *p, const char *text, unsigned status)
{
	char tag[160], via[128];

	snprintf(via, sizeof(via), "SIP/2.0/UDP %s:5060;branch=%s", p->host, p->invite_branch);
	cr_expect_eq(headers(text, "Via"), 1, "INV-2:\n%s", text);
	if (strstr(header(text, "CSeq"), "INVITE") != NULL)
		cr_expect_eq(strncmp(header(text, "Via"), via, strlen(via)), 0, "INV-2: %s in\n%s",
		    via, text);
	tag_of(header(text, "To"), tag, sizeof(tag));
	if (status == 100) {
		cr_expect_str_eq(tag, p->remote_tag, "INV-4:\n%s", text);
		cr_expect_eq(headers(text, "Contact"), 0, "INV-4:\n%s", text);
		return;
	}
	cr_expect(tag[0] != '\0', "INV-5:\n%s", text);
	/* A CANCEL may find its INVITE answered by a worker that died then. */
	if (p->remote_tag[0] != '\0' && rig->deaths == 0)
		cr_expect_str_eq(tag, p->remote_tag, "INV-5:\n%s", text);
}

void
must_hold(const struct phone *p, const char *text)
{
	check_frame(text);
	check_others(p, text);
}
