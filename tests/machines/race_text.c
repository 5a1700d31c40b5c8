/* Messages and session descriptions as texts; shares nothing with what is tested. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "race.h"

static void
cut(char *to, size_t cap, const char *from, size_t len)
{
	snprintf(to, cap, "%.*s", (int)len, from);
}

bool
race_header(const char *text, const char *name, char *to, size_t cap)
{
	size_t len = strlen(name);
	const char *p = strstr(text, "\r\n");

	to[0] = '\0';
	for (; p != NULL && strncmp(p, "\r\n\r\n", 4) != 0; p = strstr(p + 2, "\r\n")) {
		if (strncasecmp(p + 2, name, len) != 0 || p[2 + len] != ':')
			continue;
		p += 3 + len;
		p += strspn(p, " ");
		cut(to, cap, p, strcspn(p, "\r"));
		return true;
	}
	return false;
}

static void
param(const char *value, const char *name, char *to, size_t cap)
{
	const char *p = strstr(value, name);

	to[0] = '\0';
	if (p != NULL)
		cut(to, cap, p + strlen(name), strcspn(p + strlen(name), ";>, "));
}

static void
uri_of(const char *value, char *to, size_t cap)
{
	const char *p = strchr(value, '<');

	to[0] = '\0';
	if (p != NULL)
		cut(to, cap, p + 1, strcspn(p + 1, ">"));
}

static void
read_reliability(struct race_msg *m)
{
	char value[128];

	race_header(m->text, "RSeq", value, sizeof(value));
	m->rseq = (unsigned)strtoul(value, NULL, 10);
	race_header(m->text, "Require", value, sizeof(value));
	m->reliable = !m->request && m->status > 100 && m->status < 200 && m->rseq != 0 &&
		      strstr(value, "100rel") != NULL;
	race_header(m->text, "RAck", value, sizeof(value));
	sscanf(value, "%u %u", &m->rack_rseq, &m->rack_cseq);
}

bool
race_read(const char *text, struct race_msg *m)
{
	char value[256], start[16];

	memset(m, 0, sizeof(*m));
	m->text = text;
	m->body = strstr(text, "\r\n\r\n");
	if (m->body == NULL)
		return false;
	m->body += 4;
	m->request = strncmp(text, "SIP/2.0 ", 8) != 0;
	if (m->request) {
		if (sscanf(text, "%15s %255s", start, m->uri) != 2)
			return false;
	} else {
		m->status = (unsigned)strtoul(text + 8, NULL, 10);
	}
	if (!race_header(text, "CSeq", value, sizeof(value)) ||
	    sscanf(value, "%u %15s", &m->cseq, m->method) != 2 ||
	    !race_header(text, "Via", m->via, sizeof(m->via)) ||
	    !race_header(text, "Call-ID", m->call_id, sizeof(m->call_id)) ||
	    !race_header(text, "From", m->from, sizeof(m->from)) ||
	    !race_header(text, "To", m->to, sizeof(m->to)))
		return false;
	param(m->via, ";branch=", m->branch, sizeof(m->branch));
	param(m->from, ";tag=", m->from_tag, sizeof(m->from_tag));
	param(m->to, ";tag=", m->to_tag, sizeof(m->to_tag));
	race_header(text, "Contact", value, sizeof(value));
	uri_of(value, m->contact, sizeof(m->contact));
	read_reliability(m);
	return !m->request || strcmp(start, m->method) == 0;
}

/* --- session descriptions -----------------------------------------------------------------------*/

static uint64_t
mix(uint64_t hash, const char *p, size_t len)
{
	for (size_t i = 0; i < len; i++)
		hash = (hash ^ (unsigned char)p[i]) * 1099511628211u;
	return hash;
}

static bool
is_way(const char *line, size_t len)
{
	static const char *const ways[] = { "sendrecv", "sendonly", "recvonly", "inactive" };

	for (unsigned i = 0; i < 4; i++)
		if (len == strlen(ways[i]) && strncmp(line, ways[i], len) == 0)
			return true;
	return false;
}

void
race_sdp_read(const char *body, struct race_sdp *s)
{
	memset(s, 0, sizeof(*s));
	if (strncmp(body, "v=0", 3) != 0)
		return;
	s->there = true;
	s->hash = 14695981039346656037u;
	strcpy(s->way, "sendrecv");
	for (const char *p = body; *p != '\0'; p = strchr(p, '\n') + 1) {
		size_t len = strcspn(p, "\r\n");

		if (strchr(p, '\n') == NULL)
			return;
		if (strncmp(p, "o=", 2) == 0) {
			sscanf(p, "o=%*s %llu %u", &s->id, &s->version);
			continue;
		}
		s->hash = mix(s->hash, p, len);
		if (strncmp(p, "c=", 2) == 0)
			sscanf(p, "c=IN IP4 %47s", s->ip);
		else if (strncmp(p, "m=", 2) == 0 && s->media++ == 0)
			sscanf(p, "m=audio %u", &s->port);
		else if (strncmp(p, "a=", 2) == 0 && is_way(p + 2, len - 2))
			cut(s->way, sizeof(s->way), p + 2, len - 2);
	}
}

bool
race_sdp_same(const struct race_sdp *a, const struct race_sdp *b)
{
	return a->there == b->there && a->port == b->port && strcmp(a->ip, b->ip) == 0 &&
	       strcmp(a->way, b->way) == 0;
}
