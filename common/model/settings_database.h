/* The database's connection string, as far as its grammar goes; private to model/. */
#ifndef TANDEM_MODEL_SETTINGS_DATABASE_H
#define TANDEM_MODEL_SETTINGS_DATABASE_H

#include <stdbool.h>

#include "base/span.h"

/* One that libpq can read: a URI, or words KEY=VALUE (which keys there are, libpq alone knows: only the
 * store and tandemctl are linked with it). */
bool settings_is_database(struct span s);

#endif
