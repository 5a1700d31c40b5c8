/*
 * How a message came, or where it goes: plain bytes, so that it can be kept in shared memory. A
 * flow over UDP is the pair of addresses; over a connection it is the handle of the connection in
 * the front that holds it (RFC 5626 calls both a flow).
 */
#ifndef TANDEM_SIP_FLOW_H
#define TANDEM_SIP_FLOW_H

#include "base/netaddr.h"
#include "base/pool.h"
#include "sip/names.h"

struct sip_flow {
	uint8_t transport;    /* enum sip_transport */
	uint8_t listener;     /* index into the settings' listen list */
	uint8_t pad[6];
	handle conn;          /* owner = number of the front; 0 = none yet, or UDP */
	struct netaddr peer;  /* where packets come from and go to */
	struct netaddr local; /* our address that the peer used; family 0 = not known */
};

#endif
