/* Reading what another process writes; see completion.h. */
#include "model/completion.h"

#include <string.h>

bool
completion_read(const struct completion *x, struct completion *r)
{
	uint32_t version = __atomic_load_n(&x->version, __ATOMIC_ACQUIRE);

	if (__atomic_load_n(&x->state, __ATOMIC_ACQUIRE) == COMPLETION_FREE)
		return false;
	memcpy(r, x, sizeof(*r));
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	r->user[sizeof(r->user) - 1] = r->called_user[sizeof(r->called_user) - 1] = '\0';
	r->number[sizeof(r->number) - 1] = '\0';
	return r->state != COMPLETION_FREE &&
	       __atomic_load_n(&x->version, __ATOMIC_RELAXED) == version;
}

const char *
completion_reason_name(enum completion_reason reason)
{
	switch (reason) {
	case COMPLETION_BUSY:
		return "busy";
	case COMPLETION_NO_ANSWER:
		return "no answer";
	case COMPLETION_ABSENT:
		return "absent";
	}
	return "?";
}
