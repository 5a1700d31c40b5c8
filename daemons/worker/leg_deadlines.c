/* The deadlines of a leg: each stands in its struct, and one timer of the wheel waits for the first. */
#include "worker/worker.h"

static uint64_t
earlier(uint64_t a, uint64_t b)
{
	return a == 0 ? b : b == 0 ? a : a < b ? a : b;
}

void
leg_arm(struct worker *w, struct leg *l)
{
	wheel_set(w->wheel, &w->leg_timers[pool_index(&w->legs, l)],
	    earlier(earlier(earlier(l->ring_until_ns, l->refer.until_ns),
			earlier(l->resend_ns, l->give_up_ns)),
		earlier(l->timer.refresh_ns, l->timer.expire_ns)));
}

static bool
take_due(struct worker *w, uint64_t *deadline_ns)
{
	if (*deadline_ns == 0 || *deadline_ns > worker_now(w))
		return false;
	*deadline_ns = 0;
	return true;
}

void
leg_on_timer(struct worker *w, struct leg *l)
{
	struct leg_input in = { 0 };
	handle h = pool_handle(&w->legs, l);

	if (take_due(w, &l->give_up_ns))
		leg_step(w, l, LE_T_GIVE_UP, &in);
	else if (take_due(w, &l->resend_ns))
		leg_step(w, l, LE_T_RESEND, &in);
	else if (take_due(w, &l->ring_until_ns))
		leg_step(w, l, l->dialog.state == DIALOG_CONFIRMED ? LE_T_OFFER : LE_T_RING, &in);
	else if (take_due(w, &l->refer.until_ns))
		leg_refer_expired(w, l);
	else
		leg_timer_fire(w, l);
	if (leg_at(w, h) == l)
		leg_arm(w, l);
}
