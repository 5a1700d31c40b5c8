/* The cases of the front's harness: each leaves the front as it found it, up and with no flows of
 * its own. */
#ifndef FRONT_CASES_H
#define FRONT_CASES_H

#include <stdio.h>
#include <unistd.h>

#include "front_rig.h"

#define want(cond)                                                                                 \
	do {                                                                                       \
		if (!(cond)) {                                                                     \
			printf("# %s:%d: not so: %s\n", __FILE__, __LINE__, #cond);                \
			return false;                                                              \
		}                                                                                  \
	} while (0)

struct front_case {
	const char *name;
	bool (*run)(struct rig *r);
};
extern const struct front_case udp_cases[], stream_cases[], connect_cases[], tls_cases[];

/* What the TLS cases were started with. */
struct front_certs {
	struct cert good, stranger; /* a root the front trusts; one it does not */
	int roots_fd;
};
extern struct front_certs certs;
extern const char *torture_dir;

/* A request with this method, Call-ID and transport in its Via; extra: further header lines. In static
 * memory that the next call overwrites. */
const char *request(const char *method, const char *call_id, const char *via, const char *extra);
/* Which worker has a call of this Call-ID; by the front's own rule, which is DESIGN's rule 6. */
unsigned worker_of(const struct rig *r, const char *call_id);
bool same_text(struct span got, const char *wanted);

#endif
