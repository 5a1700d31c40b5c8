/* What a gateway alone is told of our user and password (THREATS.md A9; FLOWS.md S2-17). */
#include <stdio.h>
#include <string.h>

#include "worker_places.h"

static struct phone *gw, *stranger;

#define ASKS(realm, nonce)                                                                         \
	"Proxy-Authenticate: Digest realm=\"" realm "\", nonce=\"" nonce "\", qop=\"auth\"\r\n"
#define ASKS_401(realm, nonce)                                                                     \
	"WWW-Authenticate: Digest realm=\"" realm "\", nonce=\"" nonce "\"\r\n"
#define RELIABLY "Require: 100rel\r\nRSeq: 1\r\n"

static void
gateway_of(uint64_t id, const char *host, const char *realm)
{
	struct dir_gateway g = { .id = id, .tenant = 1, .transport = SIP_T_UDP };
	struct dir_gateway_text text = { .name = SPAN("carrier"),
		.host = span_str(host),
		.user = SPAN("pbx"),
		.secret = SPAN("s3cr3t"),
		.realm = span_str(realm) };

	if (netaddr_ip(text.host, &g.address) == ERR_NONE)
		g.port = 5060;
	cr_assert_eq(directory_put_gateway(&rig->directory, &g, &text), ERR_NONE);
	rig_route("+1", 1, &id);
}

static void
gateway(uint64_t id, const char *host)
{
	gateway_of(id, host, "");
}

/* The carrier, a plain proxy, and who stands behind it. */
static void
begin(void)
{
	places_begin();
	gw = phone_at("gw", "192.0.2.101");
	stranger = phone_at("stranger", "198.51.100.66");
	gateway(11, gw->host);
}

TestSuite(worker_trunk, .init = begin, .fini = places_end);

/* With credentials for this nonce, used so often; nonce "": with none. */
static const char *
bears(const char *text, const char *nonce, unsigned nc)
{
	const char *value = header(text, "Proxy-Authorization");
	char want[64];

	cr_expect_eq(headers(text, "Authorization"), 0, "%s", text);
	cr_expect_eq(headers(text, "Proxy-Authorization"), nonce[0] != '\0', "%s", text);
	if (nonce[0] == '\0')
		return text;
	snprintf(want, sizeof(want), "nonce=\"%s\"", nonce);
	expect_has(value, want);
	snprintf(want, sizeof(want), "nc=%08x", nc);
	expect_has(value, want);
	return text;
}

static void
refuses(struct phone *p, const char *method, unsigned status, const char *lines)
{
	replies(p, method, status, lines, "");
	if (strcmp(method, "INVITE") == 0)
		hears(p, "ACK");
}

/* Alice's INVITE is at the gateway, with credentials. */
static void
calls_with_login(void)
{
	dials(alice, "+12125551234", "", SDP_A);
	hears(alice, "100");
	bears(hears(gw, "INVITE"), "", 0);
	refuses(gw, "INVITE", 407, ASKS("carrier", "N1"));
	bears(hears(gw, "INVITE"), "N1", 1);
}

static void
talks_with_login(void)
{
	calls_with_login();
	replies(gw, "INVITE", 200, "", SDP_B);
	hears(gw, "ACK");
	hears(alice, "200 INVITE");
	acks(alice, "");
}

/* From now on it says that it is there. */
static void
stands_at(struct phone *p, struct phone *where)
{
	snprintf(p->contact, sizeof(p->contact), "%s", where->contact);
	snprintf(where->local_tag, sizeof(where->local_tag), "%s", p->local_tag);
	snprintf(where->call_id, sizeof(where->call_id), "%s", p->call_id);
}

/* The callee's own Contact: what goes there bears nothing, and is not asked again with the password. */
Test(worker_trunk, A9_another_in_the_dialog)
{
	calls_with_login();
	stands_at(gw, stranger);
	replies(gw, "INVITE", 183, RELIABLY, SDP_B);
	bears(hears(stranger, "PRACK"), "", 0);
	hears(alice, "183");
	refuses(stranger, "PRACK", 401, ASKS_401("carrier", "E1"));
	hears_nothing(stranger);
	replies(gw, "INVITE", 200, "", SDP_B);
	bears(hears(stranger, "ACK"), "", 0);
	hears(alice, "200 INVITE");
	acks(alice, "");
	says(alice, "BYE", "", "");
	hears(alice, "200 BYE");
	bears(hears(stranger, "BYE"), "", 0);
	refuses(stranger, "BYE", 407, ASKS("carrier", "E2"));
	hears_nothing(stranger);
	/* And what the gateway asked stands. */
	dials(alice, "+12125551234", "", SDP_A);
	hears(alice, "100");
	bears(hears(gw, "INVITE"), "N1", 2);
	refuses(gw, "INVITE", 486, "");
	hears(alice, "486");
	rig_ends_empty(2);
}

/* The request went to the gateway, and somebody else answers it. */
Test(worker_trunk, A9_another_answers)
{
	struct netaddr own = gw->address;

	dials(alice, "+12125551234", "", SDP_A);
	hears(alice, "100");
	hears(gw, "INVITE");
	gw->address = stranger->address;
	replies(gw, "INVITE", 407, ASKS("carrier", "E1"), "");
	hears(alice, "480");
	gw->address = own;
	hears(gw, "ACK");
	hears_nothing(gw);
	rig_ends_empty(1);
}

/* A challenge from behind the gateway, as proxies pass them on. */
Test(worker_trunk, A9_another_realm)
{
	talks_with_login();
	says(alice, "BYE", "", "");
	hears(alice, "200 BYE");
	bears(hears(gw, "BYE"), "N1", 2);
	refuses(gw, "BYE", 401, ASKS_401("callee", "E1"));
	hears_nothing(gw);
	dials(alice, "+12125551234", "", SDP_A);
	hears(alice, "100");
	bears(hears(gw, "INVITE"), "N1", 3);
	refuses(gw, "INVITE", 407, ASKS("callee", "E2"));
	hears(alice, "480");
	hears_nothing(gw);
	rig_ends_empty(2);
}

/* The directory says which realm is its: no other, be it the first that is named. */
Test(worker_trunk, A9_the_realm_of_the_directory)
{
	gateway_of(11, gw->host, "carrier");
	dials(alice, "+12125551234", "", SDP_A);
	hears(alice, "100");
	hears(gw, "INVITE");
	refuses(gw, "INVITE", 407, ASKS("callee", "E1"));
	hears(alice, "480");
	hears_nothing(gw);
	calls_with_login();
	refuses(gw, "INVITE", 486, "");
	hears(alice, "486");
	rig_ends_empty(2);
}

/* It has another from now on, without a new start: what it asked in the name of the old one is forgotten. */
Test(worker_trunk, S2_17_another_realm_in_the_directory)
{
	calls_with_login();
	refuses(gw, "INVITE", 486, "");
	hears(alice, "486");
	gateway_of(11, gw->host, "new carrier");
	dials(alice, "+12125551234", "", SDP_A);
	hears(alice, "100");
	bears(hears(gw, "INVITE"), "", 0);
	refuses(gw, "INVITE", 407, ASKS("new carrier", "N2"));
	bears(hears(gw, "INVITE"), "N2", 1);
	refuses(gw, "INVITE", 486, "");
	hears(alice, "486");
	gateway(11, gw->host);
	dials(alice, "+12125551234", "", SDP_A);
	hears(alice, "100");
	bears(hears(gw, "INVITE"), "N2", 2);
	refuses(gw, "INVITE", 407, ASKS("carrier", "N3"));
	hears(alice, "480");
	rig_ends_empty(3);
}

/* A gateway redirects to somebody who is none. */
Test(worker_trunk, A9_redirected)
{
	calls_with_login();
	refuses(gw, "INVITE", 302, "Contact: <sip:x@198.51.100.66>\r\n");
	bears(hears(stranger, "INVITE"), "", 0);
	refuses(stranger, "INVITE", 407, ASKS("carrier", "E1"));
	hears(alice, "480");
	hears_nothing(stranger);
	rig_ends_empty(1);
}

/* Where DNS found it, it is itself. */
Test(worker_trunk, S2_17_by_name)
{
	gateway(12, "gw.test");
	dials(alice, "+12125551234", "", SDP_A);
	hears(alice, "100");
	resolver_hears("gw.test");
	resolver_says("gw.test", 60, "udp/203.0.113.1:5060");
	hears(first, "INVITE");
	refuses(first, "INVITE", 407, ASKS("carrier", "N1"));
	bears(hears(first, "INVITE"), "N1", 1);
	replies(first, "INVITE", 200, "", SDP_B);
	bears(hears(first, "ACK"), "N1", 1);
	hears(alice, "200 INVITE");
	acks(alice, "");
	rig_restart(0);
	resolver_attach(0);
	says(alice, "BYE", "", "");
	hears(alice, "200 BYE");
	hears(first, "BYE");
	refuses(first, "BYE", 407, ASKS("carrier", "N2"));
	bears(hears(first, "BYE"), "N2", 1);
	replies(first, "BYE", 200, "", "");
	rig_ends_empty(1);
}

/* The same nonce once more: its count goes on (RFC 7616 3.4). */
Test(worker_trunk, S2_17_nonce_given_again)
{
	talks_with_login();
	says(alice, "BYE", "", "");
	hears(alice, "200 BYE");
	bears(hears(gw, "BYE"), "N1", 2);
	refuses(gw, "BYE", 407, ASKS("carrier", "N1"));
	bears(hears(gw, "BYE"), "N1", 3);
	replies(gw, "BYE", 200, "", "");
	rig_ends_empty(1);
}

/* Behind the gateway two answer: it is told also in the dialog of the second. */
Test(worker_trunk, S2_17_two_branches)
{
	const char *m;

	talks_with_login();
	replies_as(gw, "two", "INVITE", 200, SDP_B);
	bears(m = hears(gw, "ACK"), "N1", 1);
	expect_has(header(m, "To"), "tag=two");
	bears(m = hears(gw, "BYE"), "N1", 2);
	expect_has(header(m, "To"), "tag=two");
	refuses(gw, "BYE", 407, ASKS("carrier", "N2"));
	bears(m = hears(gw, "BYE"), "N2", 1);
	expect_has(header(m, "To"), "tag=two");
	replies(gw, "BYE", 200, "", "");
	hangs_up(alice, gw);
	replies_as(gw, "three", "INVITE", 200, SDP_B);
	bears(hears(gw, "ACK"), "N1", 1);
	bears(hears(gw, "BYE"), "N2", 3);
	replies(gw, "BYE", 200, "", "");
	rig_ends_empty(1);
}

/* The same behind a gateway that is a name, when the call is over: nothing but the INVITE knows where it was. */
Test(worker_trunk, S2_17_a_branch_after_the_end)
{
	const char *m;

	gateway(12, "gw.test");
	dials(alice, "+12125551234", "", SDP_A);
	hears(alice, "100");
	resolver_hears("gw.test");
	resolver_says("gw.test", 60, "udp/203.0.113.1:5060");
	hears(first, "INVITE");
	refuses(first, "INVITE", 407, ASKS("carrier", "N1"));
	bears(hears(first, "INVITE"), "N1", 1);
	replies(first, "INVITE", 200, "", SDP_B);
	hears(first, "ACK");
	hears(alice, "200 INVITE");
	acks(alice, "");
	hangs_up(alice, first);
	replies_as(first, "two", "INVITE", 200, SDP_B);
	bears(hears(first, "ACK"), "N1", 1);
	bears(m = hears(first, "BYE"), "N1", 3);
	expect_has(header(m, "To"), "tag=two");
	refuses(first, "BYE", 407, ASKS("carrier", "N2"));
	bears(m = hears(first, "BYE"), "N2", 1);
	expect_has(header(m, "To"), "tag=two");
	replies(first, "BYE", 200, "", "");
	rig_ends_empty(1);
}

/* But where it answers from elsewhere, that is told nothing (A9). */
Test(worker_trunk, A9_a_branch_elsewhere_after_the_end)
{
	gateway(12, "gw.test");
	dials(alice, "+12125551234", "", SDP_A);
	hears(alice, "100");
	resolver_hears("gw.test");
	resolver_says("gw.test", 60, "udp/203.0.113.1:5060");
	hears(first, "INVITE");
	refuses(first, "INVITE", 407, ASKS("carrier", "N1"));
	hears(first, "INVITE");
	replies(first, "INVITE", 200, "", SDP_B);
	hears(first, "ACK");
	hears(alice, "200 INVITE");
	acks(alice, "");
	hangs_up(alice, first);
	snprintf(first->contact, sizeof(first->contact), "%s", stranger->contact);
	replies_as(first, "two", "INVITE", 200, SDP_B);
	bears(hears(stranger, "ACK"), "", 0);
	bears(hears(stranger, "BYE"), "", 0);
	refuses(stranger, "BYE", 407, ASKS("carrier", "E1"));
	hears_nothing(stranger);
	rig_ends_empty(1);
}

static void
progresses_as(const char *tag, const char *lines, const char *body)
{
	snprintf(gw->local_tag, sizeof(gw->local_tag), "%s", tag);
	replies(gw, "INVITE", 183, lines, body);
}

/* A PRACK that is asked for belongs to the dialog of its response, whoever rings by then. */
Test(worker_trunk, S2_17_prack_in_its_own_dialog)
{
	const char *m;

	calls_with_login();
	progresses_as("one", RELIABLY "Record-Route: <sip:192.0.2.101;lr>\r\n", "");
	expect_has(header(hears(gw, "PRACK"), "To"), "tag=one");
	hears(alice, "183");
	progresses_as("two", "", "");
	hears(alice, "183");
	refuses(gw, "PRACK", 407, ASKS("carrier", "N2"));
	bears(m = hears(gw, "PRACK"), "N2", 1);
	expect_has(header(m, "To"), "tag=one");
	expect_has(header(m, "Route"), "192.0.2.101");
	cr_expect_str_eq(header(m, "RAck"), "1 2 INVITE");
	cr_expect_str_eq(header(m, "CSeq"), "4 PRACK");
	replies(gw, "PRACK", 200, "", "");
	replies(gw, "INVITE", 200, "", SDP_B);
	expect_has(header(hears(gw, "ACK"), "To"), "tag=two");
	hears(alice, "200 INVITE");
	acks(alice, "");
	hangs_up(alice, gw);
	rig_ends_clean("answered 200 16 caller normal", 0);
}

/* And one of the branch that the leg is not in bears credentials as well. */
Test(worker_trunk, S2_17_prack_beside)
{
	calls_with_login();
	progresses_as("one", RELIABLY, SDP_B);
	bears(hears(gw, "PRACK"), "N1", 2);
	replies(gw, "PRACK", 200, "", "");
	hears(alice, "183");
	progresses_as("two", RELIABLY, SDP_B);
	bears(hears(gw, "PRACK"), "N1", 3);
	replies(gw, "PRACK", 200, "", "");
	hears(alice, "183");
	refuses(gw, "INVITE", 486, "");
	hears(alice, "486");
	rig_ends_empty(1);
}

static struct arena hoard;

/* All of the heap but what is below a block of each size. */
static void
hog_heap(void)
{
	static const size_t sizes[] = { 65000, 16000, 4000, 1000, 200, 16 };

	for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		while (arena_take(&rig->w[0]->heap, &hoard, 1, sizes[i]) != NULL)
			;
}

/* No room to send its last NOTIFY again: the subscription ends, and with it the leg. */
Test(worker_trunk, S2_17_no_room_for_a_notify)
{
	talks_with_login();
	says(gw, "REFER", "Refer-To: <sip:bob@example.com>\r\n", "");
	hears(gw, "202 REFER");
	hears(gw, "NOTIFY");
	replies(gw, "NOTIFY", 200, "", "");
	hears(bob, "INVITE");
	says(gw, "BYE", "", "");
	hears(gw, "200 BYE");
	replies(bob, "INVITE", 486, "", "");
	hears(bob, "ACK");
	hears(gw, "NOTIFY");
	hears(alice, "BYE");
	replies(alice, "BYE", 200, "", "");
	hog_heap();
	refuses(gw, "NOTIFY", 407, ASKS("carrier", "N2"));
	arena_drop(&rig->w[0]->heap, &hoard);
	hears_nothing(gw);
	rig_ends_empty(1);
}
