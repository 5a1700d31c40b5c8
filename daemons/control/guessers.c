/* status: who sends wrong credentials, as each process that checks them has it (ipc/guess.h). */
#include <stdio.h>

#include "base/buf.h"
#include "control/control.h"

/* Fewer may be a person who mistypes; older is history. */
enum { WRONG_LEAST = 5, LATELY_S = 600 };

struct sum {
	uint64_t wrong, last_ns;
	bool told; /* an earlier place had him */
};

/* All that is known of a source; told: as one meets him at this place of this process. */
static struct sum
sum_of(struct control *k, const struct guesser *g)
{
	struct sum sum = { 0 };
	bool before = true;

	for (unsigned proc = 0; proc < PROC_MAX; proc++) {
		const struct process *p = process_of(k, proc);

		for (unsigned i = 0; p != NULL && i < GUESSERS; i++) {
			const struct guesser *h = &p->guessers[i];

			before = before && h != g;
			if (h->wrong == 0 || !netaddr_eq_ip(&h->source, &g->source))
				continue;
			sum.told = sum.told || before;
			sum.wrong += h->wrong;
			sum.last_ns = h->last_ns > sum.last_ns ? h->last_ns : sum.last_ns;
		}
	}
	return sum;
}

static void
tell(struct control *k, struct client *c, const struct guesser *g)
{
	struct sum sum = sum_of(k, g);
	uint64_t now = k->child.clock.mono_ns,
		 age_s = sum.last_ns > now ? 0 : (now - sum.last_ns) / NS_PER_S;
	char name[80], text[80];
	struct buf b = buf_on(name, sizeof(name) - 1);

	if (sum.told || sum.wrong < WRONG_LEAST || age_s > LATELY_S)
		return;
	buf_lit(&b, "guesses ");
	netaddr_put_ip(&b, &g->source);
	name[b.len] = '\0';
	snprintf(text, sizeof(text), "%llu wrong credentials, the last %llu s ago",
	    (unsigned long long)sum.wrong, (unsigned long long)age_s);
	reply_row(c, json_pack("{s:s, s:s}", "fact", name, "value", text));
}

void
facts_of_guessers(struct control *k, struct client *c)
{
	for (unsigned proc = 0; proc < PROC_MAX; proc++) {
		const struct process *p = process_of(k, proc);

		for (unsigned i = 0; p != NULL && i < GUESSERS; i++)
			if (p->guessers[i].wrong != 0)
				tell(k, c, &p->guessers[i]);
	}
}
