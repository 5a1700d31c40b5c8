/*
 * Whose is a host? What stands behind the @ of an address: a domain of a tenant (directory), or
 * one of our own addresses, which stands for the first domain of the configuration (a phone of a
 * small office is often set up with the exchange's address and nothing else).
 */
#ifndef TANDEM_MODEL_DOMAIN_H
#define TANDEM_MODEL_DOMAIN_H

#include <stdbool.h>
#include <stdint.h>

#include "model/directory.h"
#include "model/settings.h"
#include "sip/uri.h"

/* local: the address of ours that the message came to (sip_flow.local), which is how a listener
 * bound to any address is known; may be NULL. ERR_ABSENT: not ours. */
enum err domain_tenant(const struct directory *d, const struct settings *s, struct span host,
    const struct netaddr *local, uint32_t *tenant_r);
/* Would a request to this URI come back to us? Host and port are those of a listener, or the host
 * is a domain of ours with a port that is. Another port on our host is somebody
 * else. */
bool domain_leads_here(const struct directory *d, const struct settings *s,
    const struct sip_uri *uri, const struct netaddr *local);

#endif
