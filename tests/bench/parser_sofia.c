/* Sofia-SIP: msg_make reads every header it knows. */
#include <sofia-sip/msg.h>
#include <sofia-sip/sip.h>
#include <sofia-sip/sip_header.h>

#include "parser.h"

const char *const parser_name = "sofia-sip";

void
parser_begin(void)
{
}

bool
parser_once(const char *text, size_t len)
{
	msg_t *m = msg_make(sip_default_mclass(), 0, text, (ssize_t)len);
	sip_t *s = m == NULL ? NULL : sip_object(m);
	bool good;

	good = s != NULL && s->sip_request != NULL && s->sip_request->rq_url->url_host != NULL &&
	       s->sip_via != NULL && s->sip_via->v_branch != NULL && s->sip_from != NULL &&
	       s->sip_from->a_tag != NULL && s->sip_to != NULL && s->sip_call_id != NULL &&
	       s->sip_cseq != NULL && s->sip_cseq->cs_seq == 1 && s->sip_contact != NULL &&
	       s->sip_max_forwards != NULL && s->sip_max_forwards->mf_count == 70 &&
	       s->sip_content_length != NULL;
	if (m != NULL)
		msg_destroy(m);
	return good;
}
