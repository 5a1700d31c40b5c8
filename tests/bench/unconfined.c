/* Preloaded into a front that runs under valgrind, which has no seccomp: no filter is made. */
#include <seccomp.h>
#include <stdarg.h>

scmp_filter_ctx
seccomp_init(uint32_t action)
{
	static int any;

	(void)action;
	return &any;
}

int
seccomp_rule_add(scmp_filter_ctx ctx, uint32_t action, int call, unsigned n, ...)
{
	(void)ctx, (void)action, (void)call, (void)n;
	return 0;
}

int
seccomp_load(const scmp_filter_ctx ctx)
{
	(void)ctx;
	return 0;
}

void
seccomp_release(scmp_filter_ctx ctx)
{
	(void)ctx;
}
