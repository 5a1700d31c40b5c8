#include "worker_texts.h"

#include <stdio.h>
#include <string.h>

char last[RIG_TEXT];

/* What phones say in a MESSAGE is nobody's dialog: Call-ID and From tag pass on purpose. */
void
texts_as(struct phone *p, const char *uri, const char *from, const char *more, const char *body)
{
	static unsigned n;

	snprintf(p->branch, sizeof(p->branch), "z9hG4bK-message-%u", ++n);
	snprintf(p->invite_branch, sizeof(p->invite_branch), "%s", p->branch);
	p->call_id[0] = p->remote_tag[0] = '\0';
	p->cseq = 1100 + n;
	snprintf(last, sizeof(last),
	    "MESSAGE %s SIP/2.0\r\nVia: SIP/2.0/UDP %s:5060;branch=%s;\r\nMax-Forwards: 70\r\n"
	    "From: %s;tag=49583\r\nTo: <%s>\r\nCall-ID: asd88asd77a-%u@%s\r\n"
	    "CSeq: %u MESSAGE\r\n%sContent-Length: %zu\r\n\r\n%s",
	    uri, p->host, p->branch, from, uri, n, p->host, p->cseq, more, strlen(body), body);
	sends(p, "%s", last);
}

void
texts(struct phone *p, const char *more, const char *body)
{
	char from[128];

	snprintf(from, sizeof(from), "\"Collins\" <sip:%s@example.com>", p->user);
	texts_as(p, "sip:bob@example.com", from, more, body);
}

void
answers(struct phone *p, unsigned status, const char *more)
{
	snprintf(p->local_tag, sizeof(p->local_tag), "tag-of-%s", p->host);
	replies(p, "MESSAGE", status, more, "");
}
