/* dispatch: every way a message says whose it is, and that a call's requests stay together. */
#include "sip_message.h"

#include <stdio.h>

#include "front/front.h"
#include "sip/token.h"

static const struct dispatch three = { .key = { 1, 2 }, .workers = 3 };
static char text[2048];

static struct dispatched
dispatched(const struct dispatch *d, enum err expected)
{
	struct message x = message_of(span_str(text));
	struct dispatched to = { 0 };

	cr_assert_eq(x.verdict.status, 0, "%s", x.verdict.reason);
	cr_expect_eq(dispatch_to(d, x.m, &to), expected);
	message_done(&x);
	return to;
}

static const char *
token(enum token_kind kind, unsigned proc)
{
	static char t[TOKEN_LEN + 1];
	struct buf b = buf_on(t, TOKEN_LEN);

	token_put(&b, &three.key, kind, handle_make(proc, 11, 12));
	return t;
}

struct shape {
	const char *method, *user, *route, *to_tag, *call_id;
};

static struct dispatched
request(const struct shape *s)
{
	snprintf(text, sizeof(text),
	    "%s sip:%s@example.com SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\n%s"
	    "From: <sip:a@b>;tag=f\r\nTo: <sip:c@d>%s\r\nCall-ID: %s\r\nCSeq: 1 %s\r\n\r\n",
	    s->method, s->user == NULL ? "bob" : s->user, s->route == NULL ? "" : s->route,
	    s->to_tag == NULL ? "" : s->to_tag, s->call_id == NULL ? "id" : s->call_id, s->method);
	return dispatched(&three, ERR_NONE);
}

static unsigned
response(const char *branch, enum err expected)
{
	snprintf(text, sizeof(text),
	    "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP h;branch=%s\r\nVia: SIP/2.0/UDP "
	    "z;branch=z9hG4bK2\r\n"
	    "From: <sip:a@b>;tag=f\r\nTo: <sip:c@d>;tag=t\r\nCall-ID: i\r\nCSeq: 1 BYE\r\n\r\n",
	    branch);
	return dispatched(&three, expected).proc;
}

Test(front_dispatch, a_response_goes_to_who_sent_the_request)
{
	char branch[64];

	snprintf(branch, sizeof(branch), "z9hG4bK%s", token(TOKEN_BRANCH, 34));
	cr_expect_eq(response(branch, ERR_NONE), 34);
	snprintf(branch, sizeof(branch), "z9hG4bK%s.retry-2", token(TOKEN_BRANCH, 1));
	cr_expect_eq(response(branch, ERR_NONE), 1);
}

Test(front_dispatch, a_response_to_nothing_of_ours_is_nobodys)
{
	char branch[64];

	response("z9hG4bK", ERR_ABSENT);
	response("z9hG4bK-another", ERR_ABSENT);
	response("1", ERR_ABSENT);
	/* Without the cookie, of another kind, forged, of a process that takes no SIP. */
	response(token(TOKEN_BRANCH, 34), ERR_ABSENT);
	snprintf(branch, sizeof(branch), "z9hG4bK%s", token(TOKEN_CONTACT, 34));
	response(branch, ERR_ABSENT);
	snprintf(branch, sizeof(branch), "z9hG4bK%s", token(TOKEN_BRANCH, 34));
	branch[20] = branch[20] == 'a' ? 'b' : 'a';
	response(branch, ERR_ABSENT);
	for (unsigned proc = 0; proc < 64; proc++) {
		bool good = proc == 1 || (proc >= 32 && proc < 35);

		snprintf(branch, sizeof(branch), "z9hG4bK%s", token(TOKEN_BRANCH, proc));
		response(branch, good ? ERR_NONE : ERR_ABSENT);
	}
}

Test(front_dispatch, S4_07_a_new_request_goes_by_its_call_id)
{
	unsigned seen[64] = { 0 };
	char id[16];

	for (unsigned i = 0; i < 300; i++) {
		struct dispatched a, b;

		snprintf(id, sizeof(id), "call-%u", i);
		a = request(&(struct shape){ .method = "INVITE", .call_id = id });
		cr_assert(a.proc >= 32 && a.proc < 35 && !a.ours);
		seen[a.proc]++;
		/* The call's ACK and CANCEL follow, with and without To tag. */
		b = request(&(struct shape){ .method = "CANCEL", .call_id = id });
		cr_expect(b.proc == a.proc && b.ours);
		b = request(&(struct shape){ .method = "ACK", .call_id = id, .to_tag = ";tag=x" });
		cr_expect(b.proc == a.proc && b.ours);
	}
	for (unsigned proc = 32; proc < 35; proc++)
		cr_expect_gt(seen[proc], 60);
}

Test(front_dispatch, register_goes_to_the_registrar_whatever_else_it_says)
{
	cr_expect_eq(request(&(struct shape){ .method = "REGISTER" }).proc, 1);
	cr_expect_eq(
	    request(&(struct shape){ .method = "REGISTER", .user = token(TOKEN_CONTACT, 33) }).proc,
	    1);
	cr_expect_geq(request(&(struct shape){ .method = "XYZZY" }).proc, 32);
}

/* S4-13. */
Test(front_dispatch, S4_13_the_registrar_is_the_state_agent_but_for_dialogs_of_others)
{
	static const char *const methods[] = { "SUBSCRIBE", "PUBLISH" };
	char tag[64], user[64];

	snprintf(tag, sizeof(tag), ";tag=%s", token(TOKEN_TAG, 33));
	for (unsigned i = 0; i < 2; i++) {
		struct dispatched to = request(&(struct shape){ .method = methods[i] });

		cr_expect(to.proc == 1 && !to.ours);
		to = request(&(struct shape){ .method = methods[i], .to_tag = tag });
		cr_expect(to.proc == 33 && to.ours);
		to = request(&(struct shape){ .method = methods[i], .to_tag = ";tag=other" });
		cr_expect(to.proc == 1 && !to.ours);
	}
	snprintf(user, sizeof(user), "%s", token(TOKEN_CONTACT, 1));
	cr_expect(request(&(struct shape){ .method = "SUBSCRIBE", .user = user }).ours);
}

Test(front_dispatch, tokens_are_looked_for_in_request_uri_then_route_then_to_tag)
{
	char route[128], tag[64], user[64];
	struct dispatched to;

	snprintf(
	    route, sizeof(route), "Route: <sip:%s@h;lr>, <sip:z@z>\r\n", token(TOKEN_CONTACT, 1));
	snprintf(tag, sizeof(tag), ";tag=%s", token(TOKEN_TAG, 34));
	snprintf(user, sizeof(user), "%s-bob", token(TOKEN_CONTACT, 33));
	to = request(&(struct shape){ "BYE", user, route, tag, NULL });
	cr_expect(to.proc == 33 && to.ours);
	to = request(&(struct shape){ "BYE", NULL, route, tag, NULL });
	cr_expect(to.proc == 1 && to.ours);
	to = request(&(struct shape){ "BYE", NULL, NULL, tag, NULL });
	cr_expect(to.proc == 34 && to.ours);
	/* Only the topmost Route is ours to read. */
	snprintf(
	    route, sizeof(route), "Route: <sip:z@z>, <sip:%s@h;lr>\r\n", token(TOKEN_CONTACT, 1));
	to = request(&(struct shape){ "BYE", NULL, route, ";tag=x", NULL });
	cr_expect(to.proc >= 32 && !to.ours);
}

Test(front_dispatch, without_workers_there_is_still_a_number)
{
	const struct dispatch none = { .key = { 1, 2 } };

	request(&(struct shape){ .method = "INVITE" });
	cr_expect_eq(dispatched(&none, ERR_NONE).proc, 32);
}
