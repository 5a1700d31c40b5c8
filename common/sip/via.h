/* Via (RFC 3261 20.42, 18.2; RFC 3581): one value sliced, and where its response goes. */
#ifndef TANDEM_SIP_VIA_H
#define TANDEM_SIP_VIA_H

#include "sip/msg.h"

struct sip_via {
	enum sip_transport transport;
	struct span transport_text, host, branch, received, maddr, params;
	uint16_t port, rport;  /* rport: the value; 0 = none */
	bool has_rport;
	uint8_t ttl;
};

#define SIP_COOKIE "z9hG4bK"

enum err sip_via_parse(struct span value, struct sip_via *via_r);
/* Writes all Vias of a request as a response has them: top value with received (and rport when
 * asked for), in order (RFC 3261 18.2.1, RFC 3581 4). */
void sip_put_vias(struct buf *b, const struct sip_msg *request);
/* Where a response to this request goes (18.2.2, 3581; always to the packet's source address). */
struct sip_flow sip_response_flow(const struct sip_msg *request);

#endif
