/* Domains of ours by the directory, addresses of ours by the listeners. */
#include "model/domain.h"

static bool
is_loopback(const struct netaddr *a)
{
	static const uint8_t six[16] = { [15] = 1 };
	struct netaddr loopback = { .family = 6, .scope = a->scope };

	for (unsigned i = 0; i < sizeof(six); i++)
		loopback.ip[i] = six[i];
	return (a->family == 4 && a->ip[0] == 127) || netaddr_eq_ip(a, &loopback);
}

/* Does this host name the listener? One that is bound to any address is reached by the one the peer
 * used, by the loopback, and (on this system) by the unspecified address. */
static bool
names_listener(const struct settings_listener *l, struct span host, const struct netaddr *local)
{
	struct netaddr a;

	if (l->advertise_host[0] != '\0' && span_ieq(host, span_str(l->advertise_host)))
		return true;
	if (netaddr_ip(host, &a) != ERR_NONE)
		return false;
	if (!netaddr_is_any(&l->address))
		return netaddr_eq_ip(&a, &l->address);
	return (local != NULL && netaddr_eq_ip(&a, local)) || is_loopback(&a) || netaddr_is_any(&a);
}

static bool
has_port(const struct settings_listener *l, unsigned port)
{
	return port == l->address.port || (l->advertise_port != 0 && port == l->advertise_port);
}

enum err
domain_tenant(const struct directory *d, const struct settings *s, struct span host,
    const struct netaddr *local, uint32_t *tenant_r)
{
	if (directory_tenant_of(d, host, tenant_r) == ERR_NONE)
		return ERR_NONE;
	for (uint32_t i = 0; i < s->n_listeners; i++) {
		if (names_listener(&s->listeners[i], host, local))
			return directory_tenant_of(d, span_str(s->domains[0]), tenant_r);
	}
	return ERR_ABSENT;
}

bool
domain_leads_here(const struct directory *d, const struct settings *s, const struct sip_uri *uri,
    const struct netaddr *local)
{
	enum sip_transport t = sip_uri_transport(uri);
	unsigned port = uri->port != 0 ? uri->port : sip_transport_port(t);
	uint32_t tenant;
	bool domain = directory_tenant_of(d, uri->host, &tenant) == ERR_NONE;

	for (uint32_t i = 0; i < s->n_listeners; i++) {
		const struct settings_listener *l = &s->listeners[i];

		if (has_port(l, port) && (domain || names_listener(l, uri->host, local)))
			return true;
	}
	/* A domain without a port is found by its SRV records, which lead to us wherever we listen. */
	return domain && uri->port == 0;
}
