/* From a URI to the flow that leads there. */
#include "worker/worker.h"

#include <unistd.h>

static bool
serves(const struct settings_listener *s, enum sip_transport t, const struct netaddr *peer)
{
	return s->transport == t && s->address.family == peer->family;
}

/* The address of ours that this peer will see, on a listener bound to any: what the kernel's routes
 * say, asked by connecting a socket that sends nothing. */
static struct netaddr
ask_kernel(const struct netaddr *peer)
{
	struct sockaddr_storage ss;
	socklen_t len = netaddr_to_sockaddr(peer, &ss);
	int fd = socket(ss.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct netaddr local = { 0 };

	if (fd < 0)
		return local;
	if (connect(fd, (struct sockaddr *)&ss, len) == 0 &&
	    getsockname(fd, (struct sockaddr *)&ss, (len = sizeof(ss), &len)) == 0)
		netaddr_of_sockaddr(&ss, &local);
	close(fd);
	local.port = 0;
	return local;
}

void
target_source(struct worker *w, struct sip_flow *f)
{
	const struct netaddr *peer = &f->peer;
	struct source *s = &w->sources[hash_bytes(&w->key, peer->ip, sizeof(peer->ip)) % SOURCES];

	if (!netaddr_is_any(&w->settings->listeners[f->listener].address))
		return;
	if (!netaddr_eq_ip(&s->peer, peer) || s->until_ns < worker_now(w))
		*s =
		    (struct source){ *peer, ask_kernel(peer), worker_now(w) + SOURCE_S * NS_PER_S };
	f->local = s->local;
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
	if (netaddr_ip(host, &f_r->peer) != ERR_NONE || !netaddr_is_unicast(&f_r->peer))
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
