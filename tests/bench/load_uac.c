/*
 * Who calls (INVITE, 180, 200, ACK, a while, BYE) or registers (REGISTER, 401, REGISTER, 200). A number
 * of the call's own is dialled, or, among subscribers, the next but some. A challenge is answered once.
 * The call's slot and serial stand in its Call-ID and, for the called side, in the session's name.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "load.h"

/* Who is who in one call. */
struct parties {
	char from[32], to[32], uri[96], from_domain[64];
};

static unsigned
slot_of(const struct load *l, const struct call *c)
{
	return (unsigned)(c - l->calls);
}

static struct parties
parties_of(const struct load *l, const struct call *c)
{
	struct parties p;
	unsigned n = l->subscribers;

	if (n > 0) {
		snprintf(p.from, sizeof(p.from), "%u", l->first + c->serial % n);
		snprintf(p.to, sizeof(p.to), "%u", l->first + (c->serial + n / 2) % n);
		snprintf(p.from_domain, sizeof(p.from_domain), "%s", l->domain);
	} else {
		snprintf(p.from, sizeof(p.from), "4940%06u", c->serial % 1000000);
		snprintf(p.to, sizeof(p.to), "%s%08u", l->prefix, c->serial % 100000000);
		snprintf(p.from_domain, sizeof(p.from_domain), "%s", l->uac.own_text);
	}
	if (l->registers)
		snprintf(p.uri, sizeof(p.uri), "sip:%s", l->domain);
	else
		snprintf(p.uri, sizeof(p.uri), "sip:%s@%s", p.to, l->domain);
	return p;
}

/* A request is kept as it was sent, to be sent again. */
static void
send_request(struct load *l, struct call *c, int len)
{
	if (len <= 0 || len >= TEXT_MAX) {
		fprintf(stderr, "load: a request of %d bytes\n", len);
		exit(2);
	}
	c->request_len = (size_t)len;
	c->tries = 1;
	memcpy(net_room(&l->uac), c->request, c->request_len);
	net_put(&l->uac, c->request_len, &l->server);
	c->due_ns = now_ns() + 500 * MS;
}

static int
write_invite(struct load *l, struct call *c, const struct parties *p, const char *more)
{
	unsigned slot = slot_of(l, c);
	const char *own = l->uac.own_text;
	char sdp[400];
	int len = snprintf(sdp, sizeof(sdp),
	    "v=0\r\no=caller 53655765 2353687637 IN IP4 127.0.0.2\r\ns=%u.%u\r\n"
	    "c=IN IP4 127.0.0.2\r\nt=0 0\r\nm=audio 6000 RTP/AVP 8 0 101\r\n"
	    "a=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\n"
	    "a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=ptime:20\r\n"
	    "a=sendrecv\r\n",
	    slot, c->serial);

	return snprintf(c->request, TEXT_MAX,
	    "INVITE %s SIP/2.0\r\nVia: SIP/2.0/UDP %s;branch=z9hG4bK%u.%u.%u;rport\r\n"
	    "From: <sip:%s@%s>;tag=a%u.%u\r\nTo: <%s>\r\nCall-ID: %u.%u@load\r\n"
	    "CSeq: %u INVITE\r\nContact: <sip:%s@%s>\r\nMax-Forwards: 70\r\n%s"
	    "User-Agent: load\r\nAllow: INVITE, ACK, CANCEL, BYE, OPTIONS, UPDATE, PRACK\r\n"
	    "Supported: replaces, timer\r\nContent-Type: application/sdp\r\n"
	    "Content-Length: %d\r\n\r\n%s",
	    p->uri, own, slot, c->serial, c->cseq, p->from, p->from_domain, slot, c->serial, p->uri,
	    slot, c->serial, c->cseq, p->from, own, more, len, sdp);
}

static int
write_register(struct load *l, struct call *c, const struct parties *p, const char *more)
{
	unsigned slot = slot_of(l, c);

	return snprintf(c->request, TEXT_MAX,
	    "REGISTER %s SIP/2.0\r\nVia: SIP/2.0/UDP %s;branch=z9hG4bK%u.%u.%u;rport\r\n"
	    "From: <sip:%s@%s>;tag=r%u.%u\r\nTo: <sip:%s@%s>\r\nCall-ID: %u.%u@load\r\n"
	    "CSeq: %u REGISTER\r\nContact: <sip:%s@%s>\r\nMax-Forwards: 70\r\n%s"
	    "User-Agent: load\r\nExpires: 3600\r\nContent-Length: 0\r\n\r\n",
	    p->uri, l->uac.own_text, slot, c->serial, c->cseq, p->from, l->domain, slot, c->serial,
	    p->from, l->domain, slot, c->serial, c->cseq, p->from, l->uac.own_text, more);
}

static void
send_first(struct load *l, struct call *c, const char *more)
{
	struct parties p = parties_of(l, c);

	send_request(
	    l, c, l->registers ? write_register(l, c, &p, more) : write_invite(l, c, &p, more));
}

void
uac_start(struct load *l, struct call *c)
{
	c->state = l->registers ? REGISTERING : INVITED;
	c->cseq = 1;
	c->began_ns = now_ns();
	send_first(l, c, "");
}

/* ACK and BYE of a dialog: to the Contact of the answer, by its routes. */
static int
write_in_dialog(
    struct load *l, struct call *c, const char *method, unsigned cseq, char room[TEXT_MAX])
{
	struct parties p = parties_of(l, c);
	unsigned slot = slot_of(l, c);

	return snprintf(room, TEXT_MAX,
	    "%s %s SIP/2.0\r\nVia: SIP/2.0/UDP %s;branch=z9hG4bK%u.%u.%c;rport\r\n%s"
	    "From: <sip:%s@%s>;tag=a%u.%u\r\nTo: %s\r\nCall-ID: %u.%u@load\r\n"
	    "CSeq: %u %s\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n",
	    method, c->target, l->uac.own_text, slot, c->serial, method[0], c->route, p.from,
	    p.from_domain, slot, c->serial, c->tag_to, slot, c->serial, cseq, method);
}

void
uac_leave(struct load *l, struct call *c)
{
	c->state = LEAVING;
	send_request(l, c, write_in_dialog(l, c, "BYE", c->cseq + 1, c->request));
}

/* --- responses ----------------------------------------------------------------------------------*/

/* Hop by hop, with the branch of what was refused (17.1.1.3). */
static void
ack_refusal(struct load *l, struct call *c, const char *text)
{
	struct parties p = parties_of(l, c);
	unsigned slot = slot_of(l, c);
	char *room = net_room(&l->uac);
	int len;

	if (!header_copy(text, "\nTo:", c->tag_to, sizeof(c->tag_to)))
		return;
	len = snprintf(room, TEXT_MAX,
	    "ACK %s SIP/2.0\r\nVia: SIP/2.0/UDP %s;branch=z9hG4bK%u.%u.%u;rport\r\n"
	    "From: <sip:%s@%s>;tag=a%u.%u\r\nTo: %s\r\nCall-ID: %u.%u@load\r\n"
	    "CSeq: %u ACK\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n",
	    p.uri, l->uac.own_text, slot, c->serial, c->cseq, p.from, p.from_domain, slot,
	    c->serial, c->tag_to, slot, c->serial, c->cseq);
	net_put(&l->uac, (size_t)len, &l->server);
}

static void
challenged(struct load *l, struct call *c, const char *text)
{
	struct parties p = parties_of(l, c);
	struct credentials who = { p.from, l->password, l->domain,
		l->registers ? "REGISTER" : "INVITE", p.uri };
	char line[768];

	if (c->challenged || put_credentials(line, sizeof(line), text, &who) == 0) {
		call_failed(l, c, text);
		return;
	}
	c->challenged = true;
	c->cseq++;
	send_first(l, c, line);
}

static void
answered(struct load *l, struct call *c, const char *text)
{
	char route[256];
	int len;

	if (c->state == INVITED && (!header_uri(text, "\nContact:", c->target, sizeof(c->target)) ||
				       !header_copy(text, "\nTo:", c->tag_to, sizeof(c->tag_to)))) {
		call_failed(l, c, text);
		return;
	}
	if (c->state == INVITED) {
		c->route[0] = '\0';
		if (header_copy(text, "\nRecord-Route:", route, sizeof(route) - 16))
			snprintf(c->route, sizeof(c->route), "Route: %.200s\r\n", route);
		call_is_up(l, c);
	}
	len = write_in_dialog(l, c, "ACK", c->cseq, net_room(&l->uac));
	net_put(&l->uac, (size_t)len, &l->server);
}

static void
to_invite(struct load *l, struct call *c, const char *text, unsigned status)
{
	if (status < 200) {
		if (c->state != INVITED)
			return;
		c->due_ns = UINT64_MAX;
		if (status == 180 && !c->rang && l->n_latencies < LATENCIES)
			l->latency_us[l->n_latencies++] =
			    (uint32_t)((now_ns() - c->began_ns) / 1000);
		c->rang |= status == 180;
	} else if (status < 300) {
		answered(l, c, text);
	} else {
		ack_refusal(l, c, text);
		if (c->state == INVITED && status == 407)
			challenged(l, c, text);
		else if (c->state == INVITED)
			call_failed(l, c, text);
	}
}

void
uac_response(struct load *l, const char *text)
{
	size_t len;
	const char *id = header(text, "\nCall-ID:", &len), *cseq = header(text, "\nCSeq:", &len);
	struct call *c = id == NULL ? NULL : call_at(l, id);
	unsigned status = (unsigned)strtoul(text + 8, NULL, 10);
	char *method;

	if (c == NULL || cseq == NULL)
		return;
	if (strtoul(cseq, &method, 10) < c->cseq)
		return; /* once more the challenge */
	if (strncmp(method, " INVITE", 7) == 0)
		to_invite(l, c, text, status);
	else if (status < 200)
		return;
	else if (c->state == REGISTERING && status == 401)
		challenged(l, c, text);
	else if (c->state == REGISTERING || c->state == LEAVING) {
		if (status == 200)
			call_done(l, c);
		else
			call_failed(l, c, text);
	}
}

void
uac_again(struct load *l, struct call *c, uint64_t now)
{
	if (c->state == UP || c->due_ns > now)
		return;
	if (c->tries++ == TRIES) {
		call_failed(l, c, "no answer");
		return;
	}
	l->retransmitted++;
	memcpy(net_room(&l->uac), c->request, c->request_len);
	net_put(&l->uac, c->request_len, &l->server);
	c->due_ns = now + ((500 * MS) << (c->tries - 1));
}
