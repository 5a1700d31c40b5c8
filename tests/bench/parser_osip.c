/* GNU oSIP: osip_message_parse reads every header it knows. */
#include <osipparser2/osip_parser.h>
#include <stdlib.h>

#include "parser.h"

const char *const parser_name = "libosip2";

void
parser_begin(void)
{
	if (parser_init() != 0)
		exit(2);
}

bool
parser_once(const char *text, size_t len)
{
	osip_message_t *m;
	osip_via_t *via = NULL;
	osip_contact_t *contact = NULL;
	osip_header_t *forwards = NULL;
	osip_generic_param_t *tag = NULL;
	bool good;

	if (osip_message_init(&m) != 0)
		return false;
	good = osip_message_parse(m, text, len) == 0 && osip_message_get_via(m, 0, &via) >= 0 &&
	       osip_message_get_contact(m, 0, &contact) >= 0 &&
	       osip_message_header_get_byname(m, "max-forwards", 0, &forwards) >= 0 &&
	       m->from != NULL && osip_from_get_tag(m->from, &tag) == 0 && m->to != NULL &&
	       m->call_id != NULL && m->cseq != NULL && m->req_uri != NULL &&
	       m->content_length != NULL && via->host != NULL && contact->url != NULL &&
	       atoi(forwards->hvalue) == 70;
	osip_message_free(m);
	return good;
}
