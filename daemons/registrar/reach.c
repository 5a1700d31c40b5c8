/*
 * Where requests for a contact go. A phone behind NAT writes an address that only it knows, a
 * browser one that nobody knows: it is reached on the flow its REGISTER came on. The address of
 * the contact is taken instead when it is plainly meant: a literal one that is the REGISTER's own
 * source but for the port, or a public one that is not, and always when somebody registers for
 * somebody else.
 *
 * A contact may not lead back to us (THREATS.md A11: it would ring itself round and round), nor to
 * one of our gateways (a call to its owner would be a call to the outside that nobody pays for,
 * A13): not by what it says, and not by a forged source either.
 */
#include "registrar/registrar.h"

#include "model/domain.h"

#define CONTACT_IS_A_GATEWAY ((struct verdict){ 403, "Contact Is A Gateway" })

static bool
is_private(const struct netaddr *a)
{
	const uint8_t *ip = a->ip;

	if (a->family == 4)
		return ip[0] == 10 || ip[0] == 127 || ip[0] == 0 ||
		       (ip[0] == 172 && (ip[1] & 0xf0) == 16) || (ip[0] == 192 && ip[1] == 168) ||
		       (ip[0] == 169 && ip[1] == 254) ||
		       (ip[0] == 100 && (ip[1] & 0xc0) == 64); /* RFC 6598 */
	/* fc00::/7, fe80::/10, and :: to ::ff */
	return (ip[0] & 0xfe) == 0xfc || (ip[0] == 0xfe && (ip[1] & 0xc0) == 0x80) || ip[0] == 0;
}

int
reach_listener(
    const struct settings *s, const struct sip_flow *came, enum sip_transport t, unsigned family)
{
	if (came->listener < s->n_listeners && came->transport == t &&
	    s->listeners[came->listener].transport == t && came->peer.family == family)
		return came->listener;
	for (uint32_t i = 0; i < s->n_listeners; i++)
		if (s->listeners[i].transport == t && s->listeners[i].address.family == family)
			return (int)i;
	return -1;
}

/* The contact's own address as a flow; ERR_ABSENT: it is a name, no host's address, or not of a
 * transport of ours. */
static enum err
flow_of_uri(const struct settings *s, const struct sip_flow *came, const struct sip_uri *uri,
    struct sip_flow *flow_r)
{
	enum sip_transport t = sip_uri_transport(uri);
	struct netaddr a;
	int listener;

	if (netaddr_ip(uri->host, &a) != ERR_NONE || !netaddr_is_unicast(&a))
		return ERR_ABSENT;
	if (t == SIP_T_NONE)
		t = SIP_T_UDP; /* RFC 3263 4.1 */
	a.port = uri->port != 0 ? uri->port : (uint16_t)sip_transport_port(t);
	listener = reach_listener(s, came, t, a.family);
	if (listener < 0)
		return ERR_ABSENT;
	*flow_r =
	    (struct sip_flow){ .transport = (uint8_t)t, .listener = (uint8_t)listener, .peer = a };
	if (listener == came->listener)
		flow_r->local = came->local;
	return ERR_NONE;
}

static bool
is_meant(const struct sip_flow *came, const struct sip_flow *own, bool for_another)
{
	if (for_another)
		return true;
	/* A connection is sure; what it says of another one is not. */
	return came->conn == 0 &&
	       (netaddr_eq_ip(&own->peer, &came->peer) || !is_private(&own->peer));
}

struct sip_flow
reach_dialog(const struct settings *s, const struct sip_msg *m, struct span next_hop)
{
	struct sip_flow own;
	struct sip_uri uri;

	if (sip_uri_parse(next_hop, &uri) != ERR_NONE ||
	    flow_of_uri(s, &m->flow, &uri, &own) != ERR_NONE || !is_meant(&m->flow, &own, false))
		return m->flow;
	if (own.local.family == 0 && own.peer.family == m->flow.local.family)
		own.local = m->flow.local;
	return own;
}

static struct verdict
check_target(const struct registrar *r, const struct sip_msg *m, const struct sip_uri *uri)
{
	struct dir_buf record;
	struct netaddr a;

	if (domain_leads_here(&r->directory, r->settings, uri, &m->flow.local))
		return (struct verdict){ 403, "Contact Leads Back Here" };
	if (netaddr_ip(uri->host, &a) == ERR_NONE &&
	    directory_gateway_at(&r->directory, &a, &record) != NULL)
		return CONTACT_IS_A_GATEWAY;
	return (struct verdict){ 0, NULL };
}

/* Over UDP the source is the sender's word. Phones that share a gateway's address have ports of their
 * own. */
static bool
is_gateways_socket(const struct registrar *r, const struct sip_flow *f)
{
	struct dir_buf record;
	const struct dir_gateway *g;

	if (f->conn != 0)
		return false;
	g = directory_gateway_at(&r->directory, &f->peer, &record);
	return g != NULL && dir_gateway_has_port(g, f->peer.port);
}

struct verdict
reach_contacts(const struct registrar *r, const struct sip_msg *m, struct registration *reg)
{
	const struct sip_flow *came = &m->flow;
	struct verdict v = { 0, NULL };
	struct sip_flow own;

	for (unsigned i = 0; i < reg->n && v.status == 0; i++) {
		struct asked *a = &reg->asked[i];

		a->flow = *came;
		if (a->expires_s == 0)
			continue; /* it only goes: an old one that was let in must be let out */
		v = check_target(r, m, &a->uri);
		/* With a Path requests go to the proxy that sent this. */
		if (reg->path.len == 0 &&
		    flow_of_uri(r->settings, came, &a->uri, &own) == ERR_NONE &&
		    is_meant(came, &own, reg->by.len > 0))
			a->flow = own;
		if (v.status == 0 && is_gateways_socket(r, &a->flow))
			v = CONTACT_IS_A_GATEWAY;
	}
	return v;
}
