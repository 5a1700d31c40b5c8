/* What a URI asks for: the question, or at once the place (RFC 3263 4.1). */
#include "sip/locate.h"

#include <ctype.h>
#include <string.h>

enum sip_transport
locate_usual(bool sips, uint32_t ways)
{
	if (sips)
		return SIP_T_TLS;
	return locate_serves(ways, SIP_T_UDP) || !locate_serves(ways, SIP_T_TCP) ? SIP_T_UDP
										 : SIP_T_TCP;
}

static struct span
host_of(const struct sip_uri *uri)
{
	struct span maddr;

	if (sip_param(uri->params, SPAN("maddr"), &maddr) && maddr.len > 0)
		return maddr;
	return uri->host;
}

/* sips alone says TLS, but not which transport the URI asks for. */
static enum sip_transport
transport_asked(const struct sip_uri *uri)
{
	struct span value;

	if (!sip_param(uri->params, SPAN("transport"), &value))
		return SIP_T_NONE;
	return sip_uri_transport(uri);
}

/* Letters, digits, '-' and '_' in labels of 1 to 63. */
static bool
is_name(struct span s)
{
	struct span label;

	if (s.len == 0 || s.len > 253)
		return false;
	do {
		s = span_cut(s, '.', &label);
		if (label.len == 0 || label.len > 63)
			return false;
		for (size_t i = 0; i < label.len; i++)
			if (!isalnum((unsigned char)label.p[i]) && label.p[i] != '-' &&
			    label.p[i] != '_')
				return false;
	} while (s.p != NULL);
	return true;
}

bool
locate_name(struct span s, char to[LOCATE_NAME])
{
	if (s.len > 0 && s.p[s.len - 1] == '.')
		s.len--;
	if (!is_name(s))
		return false;
	for (size_t i = 0; i < s.len; i++)
		to[i] = (char)tolower((unsigned char)s.p[i]);
	to[s.len] = '\0';
	return true;
}

enum err
locate_question_of(const struct sip_uri *uri, uint32_t ways, struct locate_question *q_r)
{
	bool sips = uri->scheme == SIP_S_SIPS;

	memset(q_r, 0, sizeof(*q_r));
	if (uri->scheme != SIP_S_SIP && !sips)
		return ERR_SYNTAX;
	q_r->sips = sips;
	q_r->ways = ways;
	q_r->port = uri->port;
	q_r->transport = (uint8_t)transport_asked(uri);
	if (!locate_name(host_of(uri), q_r->name))
		return ERR_SYNTAX;
	if (q_r->transport != SIP_T_NONE && !locate_serves(ways, q_r->transport))
		return ERR_DENIED;
	return ways == 0 || (sips && !locate_serves(ways, SIP_T_TLS)) ? ERR_DENIED : ERR_NONE;
}

enum err
locate_literal(const struct sip_uri *uri, uint32_t ways, struct locate_place *place_r)
{
	enum sip_transport t = sip_uri_transport(uri);

	memset(place_r, 0, sizeof(*place_r));
	if (netaddr_ip(host_of(uri), &place_r->address) != ERR_NONE)
		return ERR_ABSENT;
	if (t == SIP_T_NONE)
		t = locate_usual(false, ways);
	place_r->transport = (uint8_t)t;
	place_r->address.port = uri->port != 0 ? uri->port : (uint16_t)sip_transport_port(t);
	return netaddr_is_unicast(&place_r->address) &&
		       (ways & locate_way(t, place_r->address.family)) != 0
		   ? ERR_NONE
		   : ERR_DENIED;
}

bool
locate_question_valid(const struct locate_question *q)
{
	size_t len = strnlen(q->name, LOCATE_NAME);

	return q->transport < SIP_N_TRANSPORTS && q->sips <= 1 && q->ways != 0 &&
	       len < LOCATE_NAME && is_name(span_of(q->name, len));
}
