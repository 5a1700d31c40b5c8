/* From a URI to the flow that leads there. */
#include "worker/worker.h"

static bool
serves(const struct settings_listener *s, enum sip_transport t, const struct netaddr *peer)
{
	return s->transport == t && s->address.family == peer->family;
}

enum err
target_flow(struct worker *w, const struct sip_uri *uri, struct sip_flow *f_r)
{
	enum sip_transport t = sip_uri_transport(uri);
	struct span host = uri->host, maddr;

	if (uri->scheme != SIP_S_SIP && uri->scheme != SIP_S_SIPS)
		return ERR_SYNTAX;
	if (sip_param(uri->params, SPAN("maddr"), &maddr) && maddr.len > 0)
		host = maddr;
	if (t == SIP_T_NONE)
		t = SIP_T_UDP; /* RFC 3263 4.1: a literal address without a transport */
	*f_r = (struct sip_flow){ .transport = (uint8_t)t };
	if (netaddr_ip(host, &f_r->peer) != ERR_NONE)
		return ERR_ABSENT;
	f_r->peer.port = uri->port != 0 ? uri->port : (uint16_t)sip_transport_port(t);
	for (unsigned i = 0; i < w->settings->n_listeners; i++) {
		if (serves(&w->settings->listeners[i], t, &f_r->peer)) {
			f_r->listener = (uint8_t)i;
			return ERR_NONE;
		}
	}
	return ERR_DENIED;
}
