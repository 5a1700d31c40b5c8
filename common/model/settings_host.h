/* Hosts as they may stand in the configuration; private to model/. */
#ifndef TANDEM_MODEL_SETTINGS_HOST_H
#define TANDEM_MODEL_SETTINGS_HOST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/span.h"

/* A name or an address; an IPv6 address only in brackets, as it stands in a URI. */
bool settings_is_host(struct span s);
/* HOST or HOST:PORT; *port_r is 0 without. ERR_SYNTAX. */
enum err settings_host_port(struct span text, struct span *host_r, uint32_t *port_r);

#endif
