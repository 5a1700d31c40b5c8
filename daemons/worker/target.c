/* From a URI to the flow that leads there. */
#include "worker/worker.h"

#include <unistd.h>

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
	struct locate_place place;
	enum err e;

	if (uri->scheme != SIP_S_SIP && uri->scheme != SIP_S_SIPS)
		return ERR_SYNTAX;
	e = locate_literal(uri, plan_ways(w->settings), &place);
	if (e == ERR_NONE)
		*f_r = resolve_flow(w, &place);
	return e;
}
