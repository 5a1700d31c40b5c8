/* Timers that know whom to wake: the wheel carries no word of its own with a timer. */
#include "front/front.h"

static void
fire(void *ctx, struct wheel_timer *t)
{
	struct alarm *a = (struct alarm *)t;

	(void)ctx;
	a->fire(a->ctx);
}

void
alarm_run(struct front *f)
{
	wheel_run(f->wheel, f->child.clock.mono_ns, fire, f);
}
