/* Who is called: 180 and 200 to an INVITE, the 200 again until there is an ACK, 200 to a BYE. */
#include <stdio.h>
#include <string.h>

#include "load.h"

static const char sdp[] = "v=0\r\no=called 53655765 2353687637 IN IP4 127.0.0.3\r\ns=-\r\n"
			  "c=IN IP4 127.0.0.3\r\nt=0 0\r\nm=audio 6002 RTP/AVP 8 101\r\n"
			  "a=rtpmap:8 PCMA/8000\r\na=rtpmap:101 telephone-event/8000\r\n";

static bool
is(const char *line, const char *name)
{
	return strncasecmp(line, name, strlen(name)) == 0;
}

/* Start line and the headers that a response takes over, each line as it came; To gets our tag. */
static size_t
put_head(char *room, const char *start, const char *request, const char *tag)
{
	size_t used = (size_t)snprintf(room, TEXT_MAX, "%s\r\n", start);

	for (const char *p = strstr(request, "\r\n"); p != NULL; p = strstr(p, "\r\n")) {
		size_t len;

		p += 2;
		len = strcspn(p, "\r\n");
		if (len == 0 || used + len + 64 > TEXT_MAX)
			break;
		if (is(p, "To:")) {
			const char *had = memmem(p, len, ";tag=", 5);

			used += (size_t)snprintf(room + used, TEXT_MAX - used, "%.*s%s%s\r\n",
			    (int)len, p, had == NULL ? ";tag=" : "", had == NULL ? tag : "");
		} else if (is(p, "Via:") || is(p, "From:") || is(p, "Call-ID:") || is(p, "CSeq:") ||
			   is(p, "Record-Route:")) {
			memcpy(room + used, p, len + 2);
			used += len + 2;
		}
	}
	return used;
}

static size_t
put_rest(const struct net *own, char *room, size_t used, const char *id, const char *body)
{
	size_t size = TEXT_MAX - used;

	if (id[0] != '\0')
		used += (size_t)snprintf(
		    room + used, size, "Contact: <sip:%s@%s>\r\n", id, own->own_text);
	used += (size_t)snprintf(room + used, TEXT_MAX - used, "%sContent-Length: %zu\r\n\r\n%s",
	    body[0] != '\0' ? "Content-Type: application/sdp\r\n" : "", strlen(body), body);
	return used;
}

static void
invited(struct load *l, struct net *own, const char *text, const struct sockaddr_in *from)
{
	size_t len;
	const char *name = header(text, "\ns=", &len);
	struct call *c = name == NULL ? NULL : call_at(l, name);
	char id[32], tag[40];
	char *room;

	if (c == NULL)
		return;
	snprintf(id, sizeof(id), "%u.%u", (unsigned)(c - l->calls), c->serial);
	snprintf(tag, sizeof(tag), "u%s", id);
	room = net_room(own);
	len = put_rest(own, room, put_head(room, "SIP/2.0 180 Ringing", text, tag), id, "");
	net_put(own, len, from);
	c->answer_len =
	    put_rest(own, c->answer, put_head(c->answer, "SIP/2.0 200 OK", text, tag), id, sdp);
	c->answer_by = own;
	c->answer_to = *from;
	c->called_tries = 1;
	c->called_due_ns = now_ns() + 500 * MS;
	memcpy(net_room(own), c->answer, c->answer_len);
	net_put(own, c->answer_len, from);
}

void
uas_request(struct load *l, struct net *own, const char *text, const struct sockaddr_in *from)
{
	const char *user = strstr(text, "sip:");
	struct call *c = user == NULL ? NULL : call_at(l, user + 4);
	char *room;

	if (is(text, "INVITE ")) {
		invited(l, own, text, from);
	} else if (is(text, "ACK ")) {
		if (c != NULL)
			c->called_due_ns = 0;
	} else {
		room = net_room(own);
		net_put(own,
		    put_rest(own, room, put_head(room, "SIP/2.0 200 OK", text, ""), "", ""), from);
	}
}

void
uas_again(struct load *l, struct call *c, uint64_t now)
{
	if (c->called_due_ns == 0 || c->called_due_ns > now)
		return;
	if (c->called_tries++ == TRIES) {
		c->called_due_ns = 0;
		return;
	}
	l->retransmitted++;
	memcpy(net_room(c->answer_by), c->answer, c->answer_len);
	net_put(c->answer_by, c->answer_len, &c->answer_to);
	c->called_due_ns = now + ((500 * MS) << (c->called_tries - 1));
}
