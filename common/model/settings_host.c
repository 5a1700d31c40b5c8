/* Hosts as they may stand in the configuration. */
#include "model/settings_host.h"

#include <ctype.h>

#include "base/netaddr.h"
#include "model/settings.h"

/* RFC 1123 names; digits and dots are an address and pass as one. */
static bool
is_host_name(struct span s)
{
	struct span label;

	if (s.len == 0 || s.len >= SETTINGS_HOST)
		return false;
	do {
		s = span_cut(s, '.', &label);
		if (label.len == 0 || label.len > 63 || label.p[0] == '-' ||
		    label.p[label.len - 1] == '-')
			return false;
		for (size_t i = 0; i < label.len; i++)
			if (!isalnum((unsigned char)label.p[i]) && label.p[i] != '-')
				return false;
	} while (s.p != NULL);
	return true;
}

/* A name or an address; an IPv6 address only in brackets, as it stands in a URI. */
bool
settings_is_host(struct span s)
{
	struct netaddr a;

	if (s.len > 0 && s.p[0] == '[')
		return netaddr_ip(s, &a) == ERR_NONE;
	return is_host_name(s);
}

/* HOST or HOST:PORT. */
enum err
settings_host_port(struct span text, struct span *host_r, uint32_t *port_r)
{
	struct span port = SPAN_NONE;
	struct netaddr a;

	*port_r = 0;
	*host_r = text;
	if (text.len > 0 && text.p[0] == '[') {
		ptrdiff_t end = span_index(text, ']');

		if (end < 0)
			return ERR_SYNTAX;
		*host_r = span_first(text, (size_t)end + 1);
		port = span_from(text, (size_t)end + 1);
		if (port.len > 0 && port.p[0] != ':')
			return ERR_SYNTAX;
		port = port.len > 0 ? span_from(port, 1) : SPAN_NONE;
		if (netaddr_ip(*host_r, &a) != ERR_NONE)
			return ERR_SYNTAX;
	} else {
		port = span_cut(text, ':', host_r);
		if (!is_host_name(*host_r))
			return ERR_SYNTAX;
	}
	if (port.p == NULL)
		return ERR_NONE;
	return span_u32(port, 65535, port_r) == ERR_NONE && *port_r != 0 ? ERR_NONE : ERR_SYNTAX;
}
