/* libre: sip_msg_decode reads the start line and the headers of routing, and finds the others; the first
 * Contact is read besides. */
#include <re_types.h>

#include <re_fmt.h>
#include <re_mbuf.h>
#include <re_mem.h>
#include <re_list.h>
#include <re_sa.h>
#include <re_uri.h>
#include <re_msg.h>
#include <re_sip.h>

#include "parser.h"

const char *const parser_name = "libre";

static struct mbuf *buffer;

void
parser_begin(void)
{
	buffer = mbuf_alloc(4096);
}

/* The text is put where a datagram would be received. */
bool
parser_once(const char *text, size_t len)
{
	struct sip_msg *m;
	struct sip_addr contact;
	const struct sip_hdr *h;
	bool good;

	mbuf_rewind(buffer);
	mbuf_write_mem(buffer, (const uint8_t *)text, len);
	mbuf_set_pos(buffer, 0);
	if (sip_msg_decode(&m, buffer) != 0)
		return false;
	h = sip_msg_hdr(m, SIP_HDR_CONTACT);
	good = h != NULL && sip_addr_decode(&contact, &h->val) == 0 && contact.uri.host.l > 0 &&
	       m->uri.host.l > 0 && m->via.branch.l > 0 && m->from.tag.l > 0 &&
	       m->to.uri.host.l > 0 && m->callid.l > 0 && m->cseq.num == 1 &&
	       pl_u32(&m->maxfwd) == 70 && pl_u32(&m->clen) > 0;
	mem_deref(m);
	return good;
}
