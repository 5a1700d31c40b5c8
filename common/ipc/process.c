/* The counters' names, made of counters.def. */
#include "ipc/process.h"

#include "base/err.h"

_Static_assert(sizeof(struct process) <= PROCESS_HEAD, "the head of a region has one page");

const struct counter_info *
counter_info(enum counter c)
{
	static const struct counter_info infos[N_COUNTERS] = {
#define COUNTER(id, text, help) [COUNT_##id] = { text, help, false },
#define GAUGE(id, text, help)	[COUNT_##id] = { text, help, true },
#include "ipc/counters.def"
#undef COUNTER
#undef GAUGE
	};

	must((unsigned)c < N_COUNTERS);
	return &infos[c];
}
