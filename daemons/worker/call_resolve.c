/* A call hears where a name leads. */
#include "worker/worker.h"

void
call_on_resolved(struct worker *w, handle call, uint32_t which, const struct resolved *r)
{
	(void)w;
	(void)call;
	(void)which;
	(void)r;
}
