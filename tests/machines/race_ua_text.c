/* What a phone writes. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "race_ua.h"

enum { TEXT = 8192 };

void
ua_new_name(struct ua *u, const char *prefix, char *to, size_t cap)
{
	snprintf(to, cap, "%s%c%u", prefix, race_names[u->who], ++u->names);
}

static const char *kept(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

static const char *
kept(const char *fmt, ...)
{
	static char text[TEXT];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return race_keep(text);
}

static const char *
extensions(const struct ua *u, const char *method)
{
	if (strcmp(method, "ACK") == 0 || strcmp(method, "BYE") == 0)
		return "";
	return u->habits & HABIT_RELIABLE
		   ? "Supported: 100rel\r\nAllow: INVITE, ACK, BYE, CANCEL, UPDATE, PRACK, REFER, "
		     "NOTIFY\r\n"
		   : "Allow: INVITE, ACK, BYE, CANCEL, UPDATE, REFER, NOTIFY\r\n";
}

const char *
ua_request_with(struct ua *u, struct ua_dialog *d, const char *method, unsigned cseq,
    const char *branch, const char *more, const char *body)
{
	return kept("%s %s SIP/2.0\r\n"
		    "Via: SIP/2.0/UDP %s:5060;branch=%s\r\n"
		    "Max-Forwards: 70\r\n"
		    "From: %s;tag=%s\r\n"
		    "To: %s%s%s\r\n"
		    "Call-ID: %s\r\n"
		    "CSeq: %u %s\r\n"
		    "Contact: <sip:%s@%s>\r\n"
		    "%s%s%sContent-Length: %zu\r\n\r\n%s",
	    method, d->target, u->host, branch, d->local, d->local_tag, d->remote,
	    d->remote_tag[0] == '\0' ? "" : ";tag=", d->remote_tag, d->call_id, cseq, method,
	    u->user, u->host, extensions(u, method), more,
	    body[0] == '\0' ? "" : "Content-Type: application/sdp\r\n", strlen(body), body);
}

const char *
ua_request(struct ua *u, struct ua_dialog *d, const char *method, unsigned cseq, const char *branch,
    const char *body)
{
	return ua_request_with(u, d, method, cseq, branch, "", body);
}

const char *
ua_hop_request(const struct ua_txn *invite, const char *method, const char *to)
{
	struct race_msg m;

	race_read(invite->request, &m);
	return kept("%s %s SIP/2.0\r\nVia: %s\r\nMax-Forwards: 70\r\nFrom: %s\r\nTo: %s\r\n"
		    "Call-ID: %s\r\nCSeq: %u %s\r\nContent-Length: 0\r\n\r\n",
	    method, m.uri, m.via, m.from, to == NULL ? m.to : to, m.call_id, m.cseq, method);
}

const char *
ua_response_with(struct ua *u, const char *request, unsigned status, const char *tag,
    const char *more, const char *body)
{
	struct race_msg m;
	bool tagged;

	race_read(request, &m);
	tagged = m.to_tag[0] != '\0' || status == 100;
	return kept("SIP/2.0 %u Whatever\r\nVia: %s\r\nFrom: %s\r\nTo: %s%s%s\r\nCall-ID: %s\r\n"
		    "CSeq: %u %s\r\nContact: <sip:%s@%s>\r\n%s%s%s%sContent-Length: %zu\r\n\r\n%s",
	    status, m.via, m.from, m.to, tagged ? "" : ";tag=", tagged ? "" : tag, m.call_id,
	    m.cseq, m.method, status == 302 ? "carol" : u->user,
	    status == 302 ? "example.com" : u->host, extensions(u, m.method), more,
	    status == 500 ? "Retry-After: 3\r\n" : "",
	    body[0] == '\0' ? "" : "Content-Type: application/sdp\r\n", strlen(body), body);
}

const char *
ua_response(struct ua *u, const char *request, unsigned status, const char *tag, const char *body)
{
	return ua_response_with(u, request, status, tag, "", body);
}

static const char *
opposite(const char *way)
{
	if (strcmp(way, "sendonly") == 0)
		return "recvonly";
	return strcmp(way, "recvonly") == 0 ? "sendonly" : way;
}

const char *
ua_body(struct ua *u, struct ua_dialog *d, const struct race_sdp *asked)
{
	const char *way = d->held ? "sendonly" : "sendrecv";

	if (asked != NULL && asked->there)
		way = opposite(asked->way);
	u->port += 2;
	return kept("v=0\r\no=- %u %u IN IP4 %s\r\ns=-\r\nc=IN IP4 %s\r\nt=0 0\r\n"
		    "m=audio %u RTP/AVP 0 8\r\na=%s\r\n",
	    1000 + u->who, ++d->version, u->host, u->host, u->port, way);
}
