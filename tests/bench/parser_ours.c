/* Ours: into a flat record, as the front does it. */
#include <stdlib.h>
#include <string.h>

#include "parser.h"
#include "sip/parse.h"

const char *const parser_name = "Tandem";

static struct sip_msg *m;
static size_t room;

void
parser_begin(void)
{
	room = SIP_MSG_ROOM(4096);
	m = calloc(1, room);
}

/* The copy stands for nothing that the front does: there the text is received into the record. */
bool
parser_once(const char *text, size_t len)
{
	m->raw_len = (uint16_t)len;
	memcpy(sip_raw(m), text, len);
	return sip_parse(m, room).status == 0 && m->via_branch.len > 0 && m->from_tag.len > 0 &&
	       m->to_uri.len > 0 && m->call_id.len > 0 && m->cseq == 1 && m->contact_uri.len > 0 &&
	       m->max_forwards == 70 && m->body.len > 0 && m->uri.len > 0;
}
