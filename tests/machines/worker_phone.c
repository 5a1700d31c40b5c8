#include "worker_phone.h"

#include <ctype.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- text ---------------------------------------------------------------------------------------*/

static const char *
line_end(const char *p)
{
	const char *end = strstr(p, "\r\n");

	cr_assert_not_null(end, "a line without an end: %s", p);
	return end;
}

static const char *
find_header(const char *text, const char *name, unsigned n)
{
	const char *p = line_end(text) + 2;
	size_t len = strlen(name);

	for (; strncmp(p, "\r\n", 2) != 0; p = line_end(p) + 2)
		if (strncasecmp(p, name, len) == 0 && p[len] == ':' && n-- == 0)
			return p + len + 1 + strspn(p + len + 1, " ");
	return NULL;
}

unsigned
headers(const char *text, const char *name)
{
	unsigned n = 0;

	while (find_header(text, name, n) != NULL)
		n++;
	return n;
}

const char *
header(const char *text, const char *name)
{
	static char values[16][2048];
	static unsigned next;
	const char *p = find_header(text, name, 0);
	char *to = values[next++ % 16];

	if (p == NULL)
		return "";
	snprintf(to, sizeof(values[0]), "%.*s", (int)(line_end(p) - p), p);
	return to;
}

const char *
body_of(const char *text)
{
	const char *p = strstr(text, "\r\n\r\n");

	return p == NULL ? "" : p + 4;
}

/* What stands between two marks of a value. */
static void
between(const char *value, const char *from, const char *until, char *to, size_t cap)
{
	const char *p = strstr(value, from);

	to[0] = '\0';
	if (p == NULL)
		return;
	p += strlen(from);
	snprintf(to, cap, "%.*s", (int)strcspn(p, until), p);
}

static void
untagged(const char *value, char *to, size_t cap)
{
	const char *tag = strstr(value, ";tag=");

	snprintf(
	    to, cap, "%.*s", (int)(tag == NULL ? strlen(value) : (size_t)(tag - value)), value);
}

void
tag_of(const char *value, char *to, size_t cap)
{
	between(value, ";tag=", ";> ", to, cap);
}

/* --- phones -------------------------------------------------------------------------------------*/

struct phone *
phone_at(const char *user, const char *host)
{
	struct phone *p = calloc(1, sizeof(*p));

	cr_assert(p != NULL && rig->n_phones < RIG_PHONES);
	snprintf(p->user, sizeof(p->user), "%s", user);
	snprintf(p->host, sizeof(p->host), "%s", host);
	snprintf(p->contact, sizeof(p->contact), "sip:%s@%s", user, host);
	cr_assert_eq(netaddr_ip(span_str(host), &p->address), ERR_NONE);
	p->address.port = 5060;
	rig->phones[rig->n_phones++] = p;
	return p;
}

struct phone *
phone_new(const char *user, const char *host)
{
	struct phone *p = phone_at(user, host);
	char number[16];

	snprintf(number, sizeof(number), "10%02u", rig->n_phones);
	rig_subscriber(user, number, DIR_TRUST_ADDRESS);
	rig_bind(user, p->contact, host, 1000, 0);
	return p;
}

void
phones_begin(void)
{
	phone_new("alice", "192.0.2.1");
	phone_new("bob", "192.0.2.2");
}

/* --- what a phone says --------------------------------------------------------------------------*/

void
sends(struct phone *p, const char *fmt, ...)
{
	char text[RIG_TEXT];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	cr_assert(n > 0 && (size_t)n < sizeof(text));
	cr_assert(rig_deliver(p->worker, text, &p->address), "not parsed:\n%s", text);
}

static void
put_message(struct phone *p, const char *method, const char *uri, unsigned cseq, const char *more,
    const char *body)
{
	bool absent = strstr(more, "Max-Forwards:") != NULL;

	sends(p,
	    "%s %s SIP/2.0\r\n"
	    "Via: SIP/2.0/UDP %s:5060;branch=%s\r\n"
	    "%s"
	    "From: %s;tag=%s\r\n"
	    "To: %s%s%s\r\n"
	    "Call-ID: %s\r\n"
	    "CSeq: %u %s\r\n"
	    "Contact: <%s>%s\r\n"
	    "User-Agent: phone of %s\r\n"
	    "%s%s"
	    "Content-Length: %zu\r\n\r\n%s",
	    method, uri, p->host, p->branch, absent ? "" : "Max-Forwards: 70\r\n", p->local,
	    p->local_tag, p->remote, p->remote_tag[0] == '\0' ? "" : ";tag=", p->remote_tag,
	    p->call_id, cseq, method, p->contact, p->capabilities, p->user, more,
	    body[0] == '\0' || strstr(more, "Content-Type:") != NULL
		? ""
		: "Content-Type: application/sdp\r\n",
	    strlen(body), body);
}

static void
new_branch(struct phone *p)
{
	static unsigned n;

	snprintf(p->branch, sizeof(p->branch), "z9hG4bK-%s-%u", p->user, ++n);
}

static void
new_invite(struct phone *p, const char *uri)
{
	snprintf(p->invite_branch, sizeof(p->invite_branch), "%s", p->branch);
	snprintf(p->invite_uri, sizeof(p->invite_uri), "%s", uri);
	p->invite_cseq = p->cseq;
}

static void
new_dialog(struct phone *p)
{
	static unsigned n;

	snprintf(p->call_id, sizeof(p->call_id), "cid-%s-%u", p->user, ++n);
	snprintf(p->local_tag, sizeof(p->local_tag), "tag-%s-%u", p->user, n);
	p->remote_tag[0] = '\0';
	p->cseq = 10 * n;
}

/* A number, or a URI whole. */
static const char *
uri_of(const char *number)
{
	static char uri[240];
	bool whole = strncmp(number, "sip:", 4) == 0;

	snprintf(
	    uri, sizeof(uri), "%s%s%s", whole ? "" : "sip:", number, whole ? "" : "@example.com");
	return uri;
}

void
dials(struct phone *p, const char *number, const char *more, const char *body)
{
	new_dialog(p);
	snprintf(p->local, sizeof(p->local), "<sip:%s@example.com>", p->user);
	snprintf(p->remote, sizeof(p->remote), "<%s>", uri_of(number));
	dials_again(p, number, more, body);
}

void
dials_again(struct phone *p, const char *number, const char *more, const char *body)
{
	new_branch(p);
	p->remote_tag[0] = '\0';
	p->cseq++;
	new_invite(p, uri_of(number));
	put_message(p, "INVITE", p->invite_uri, p->cseq, more, body);
}

void
says(struct phone *p, const char *method, const char *more, const char *body)
{
	new_branch(p);
	p->cseq++;
	if (strcmp(method, "INVITE") == 0)
		new_invite(p, p->target);
	put_message(p, method, p->target, p->cseq, more, body);
}

void
acks(struct phone *p, const char *body)
{
	new_branch(p);
	put_message(p, "ACK", p->target, p->invite_cseq, "", body);
}

static void
ack_refusal(struct phone *p, const char *text)
{
	sends(p,
	    "ACK %s SIP/2.0\r\nVia: SIP/2.0/UDP %s:5060;branch=%s\r\nMax-Forwards: 70\r\n"
	    "From: %s;tag=%s\r\nTo: %s\r\nCall-ID: %s\r\nCSeq: %u ACK\r\n"
	    "Content-Length: 0\r\n\r\n",
	    p->invite_uri, p->host, p->invite_branch, p->local, p->local_tag, header(text, "To"),
	    p->call_id, p->invite_cseq);
}

void
cancels(struct phone *p, const char *more)
{
	sends(p,
	    "CANCEL %s SIP/2.0\r\nVia: SIP/2.0/UDP %s:5060;branch=%s\r\nMax-Forwards: 70\r\n"
	    "From: %s;tag=%s\r\nTo: %s\r\nCall-ID: %s\r\nCSeq: %u CANCEL\r\n"
	    "%sContent-Length: 0\r\n\r\n",
	    p->invite_uri, p->host, p->invite_branch, p->local, p->local_tag, p->remote, p->call_id,
	    p->invite_cseq, more);
}

static const char *
request_of(struct phone *p, const char *method)
{
	size_t len = strlen(method);

	for (unsigned i = 0; i < p->n_got; i++)
		if (strncmp(p->got[i], method, len) == 0 && p->got[i][len] == ' ')
			return p->got[i];
	cr_assert_fail("%s heard no %s", p->user, method);
	return NULL;
}

void
replies_as(
    struct phone *p, const char *tag, const char *method, unsigned status, const char *more_body)
{
	char tag_was[64];

	snprintf(tag_was, sizeof(tag_was), "%s", p->local_tag);
	snprintf(p->local_tag, sizeof(p->local_tag), "%s", tag);
	replies(p, method, status, "", more_body);
	snprintf(p->local_tag, sizeof(p->local_tag), "%s", tag_was);
}

void
replies(struct phone *p, const char *method, unsigned status, const char *more, const char *body)
{
	const char *m = request_of(p, method), *to = header(m, "To");
	bool tagged = strstr(to, ";tag=") != NULL || status == 100;
	char contact[192] = "";

	if (status / 100 != 3) /* there it means somebody else */
		snprintf(
		    contact, sizeof(contact), "Contact: <%s>%s\r\n", p->contact, p->capabilities);
	sends(p,
	    "SIP/2.0 %u Whatever\r\nVia: %s\r\nFrom: %s\r\nTo: %s%s%s\r\nCall-ID: %s\r\n"
	    "CSeq: %s\r\n%sUser-Agent: phone of %s\r\n%s%s"
	    "Content-Length: %zu\r\n\r\n%s",
	    status, header(m, "Via"), header(m, "From"), to,
	    tagged ? "" : ";tag=", tagged ? "" : p->local_tag, header(m, "Call-ID"),
	    header(m, "CSeq"), contact, p->user, more,
	    body[0] == '\0' || strstr(more, "Content-Type:") != NULL
		? ""
		: "Content-Type: application/sdp\r\n",
	    strlen(body), body);
}

/* --- what a phone hears -------------------------------------------------------------------------*/

static void
keep_request(struct phone *p, const char *method, const char *text)
{
	size_t len = strlen(method);
	unsigned i = 0;

	while (i < p->n_got && (strncmp(p->got[i], method, len) != 0 || p->got[i][len] != ' '))
		i++;
	cr_assert_lt(i, sizeof(p->got) / sizeof(p->got[0]));
	p->n_got += i == p->n_got;
	snprintf(p->got[i], sizeof(p->got[0]), "%s", text);
}

static void
remember(struct phone *p, const char *text)
{
	char method[16], target[256];

	between(text, "", " ", method, sizeof(method));
	between(header(text, "Contact"), "<", ">", target, sizeof(target));
	keep_request(p, method, text);
	if (target[0] != '\0')
		snprintf(p->target, sizeof(p->target), "%s", target);
	if (strcmp(method, "INVITE") != 0 || strstr(header(text, "To"), ";tag=") != NULL)
		return;
	new_dialog(p);
	p->cseq = 0; /* each side has its own count (S0-24) */
	snprintf(p->call_id, sizeof(p->call_id), "%s", header(text, "Call-ID"));
	untagged(header(text, "To"), p->local, sizeof(p->local));
	untagged(header(text, "From"), p->remote, sizeof(p->remote));
	tag_of(header(text, "From"), p->remote_tag, sizeof(p->remote_tag));
}

static void
take_response(struct phone *p, const char *text, unsigned status)
{
	char target[256];
	bool invite = strstr(header(text, "CSeq"), "INVITE") != NULL;

	must_hold_for_response(p, text, status);
	if (!invite || status == 100)
		return;
	if (status < 300 || p->remote_tag[0] == '\0')
		tag_of(header(text, "To"), p->remote_tag, sizeof(p->remote_tag));
	between(header(text, "Contact"), "<", ">", target, sizeof(target));
	if (status < 300 && target[0] != '\0')
		snprintf(p->target, sizeof(p->target), "%s", target);
	if (status >= 300 && !p->does_not_ack)
		ack_refusal(p, text);
}

static struct rig_sent *
next_for(const struct phone *p)
{
	for (unsigned i = 0; i < rig->n_log; i++)
		if (!rig->log[i].heard && netaddr_eq(&rig->log[i].to, &p->address))
			return &rig->log[i];
	return NULL;
}

bool
has_mail(const struct phone *p)
{
	return next_for(p) != NULL;
}

static bool
is_what(const char *text, const char *what)
{
	char status[8], start[32];
	const char *method = strchr(what, ' ');

	if (!isdigit((unsigned char)what[0])) {
		snprintf(start, sizeof(start), "%s ", what);
		return strncmp(text, start, strlen(start)) == 0;
	}
	snprintf(status, sizeof(status), "%.3s", what);
	snprintf(start, sizeof(start), "SIP/2.0 %s ", status);
	return strncmp(text, start, strlen(start)) == 0 &&
	       (method == NULL || strstr(header(text, "CSeq"), method) != NULL);
}

static void
take(struct phone *p, struct rig_sent *s)
{
	s->heard = true;
	must_hold(p, s->text);
	if (strncmp(s->text, "SIP/2.0 ", 8) == 0) {
		take_response(p, s->text, (unsigned)strtoul(s->text + 8, NULL, 10));
		return;
	}
	must_hold_for_request(s->text);
	remember(p, s->text);
}

const char *
hears(struct phone *p, const char *what)
{
	struct rig_sent *s = next_for(p);

	cr_assert_not_null(s, "%s at %s hears nothing, not %s", p->user, p->host, what);
	cr_assert(is_what(s->text, what), "%s at %s hears, instead of %s:\n%s", p->user, p->host,
	    what, s->text);
	take(p, s);
	return s->text;
}

void
hears_nothing(struct phone *p)
{
	struct rig_sent *s = next_for(p);

	cr_expect_null(s, "%s at %s hears:\n%s", p->user, p->host, s == NULL ? "" : s->text);
}

bool
obliges(struct phone *p)
{
	struct rig_sent *s = next_for(p);
	char method[16];

	if (s == NULL)
		return false;
	take(p, s);
	between(s->text, "", " ", method, sizeof(method));
	if (strncmp(s->text, "SIP/2.0 2", 9) == 0 && is_what(s->text, "200 INVITE"))
		acks(p, "");
	else if (strcmp(method, "CANCEL") == 0)
		replies(p, "INVITE", 487, "", "");
	if (strcmp(method, "ACK") != 0 && strncmp(method, "SIP/2.0", 7) != 0)
		replies(p, method, 200, "", strcmp(method, "INVITE") == 0 ? SDP_B : "");
	return true;
}

void
phones_serve(uint64_t ms)
{
	for (uint64_t t = 0; t <= ms; t += 500) {
		for (unsigned i = 0; i < rig->n_phones; i++)
			if (obliges(rig->phones[i]))
				i = UINT_MAX; /* from the first again: it may have led to more */
		if (t < ms)
			rig_wait_ms(500);
	}
}

/* --- whole stretches ----------------------------------------------------------------------------*/

void
talk(struct phone *a, struct phone *b)
{
	dials(a, b->user, "", SDP_A);
	hears(a, "100");
	hears(b, "INVITE");
	replies(b, "INVITE", 180, "", "");
	hears(a, "180");
	replies(b, "INVITE", 200, "", SDP_B);
	hears(b, "ACK");
	hears(a, "200 INVITE");
	acks(a, "");
}

void
hangs_up(struct phone *p, struct phone *other)
{
	says(p, "BYE", "", "");
	hears(p, "200 BYE");
	hears(other, "BYE");
	replies(other, "BYE", 200, "", "");
}

void
passes(struct phone *from, struct phone *to, const char *offer, const char *answer,
    const char *hears_offer, const char *hears_answer)
{
	says(from, "INVITE", "", offer);
	hears(from, "100");
	expect_has(hears(to, "INVITE"), hears_offer);
	replies(to, "INVITE", 200, "", answer);
	hears(to, "ACK");
	expect_has(hears(from, "200 INVITE"), hears_answer);
	acks(from, "");
}
