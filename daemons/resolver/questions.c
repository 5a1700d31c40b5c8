/*
 * What is being looked up: each question once, with the workers that wait for it. A worker waits for
 * each name once, whatever the number of its calls that want it (daemons/worker/resolve.c).
 */
#include "resolver/resolver.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "base/rand.h"

enum { QUESTIONS_MAX = 256, WORKERS = 32 };

struct question {
	struct resolver *r;
	bool used;
	bool going;	  /* its asks are being sent: an answer that comes at once waits */
	uint32_t waiting; /* workers, one bit each */
	uint64_t tickets[WORKERS];
	struct locate locate;
};

struct questions {
	struct question *all[QUESTIONS_MAX]; /* made at need, kept */
};

struct questions *
questions_new(void)
{
	struct questions *all = calloc(1, sizeof(*all));

	if (all == NULL)
		fatal(0, "no memory for questions");
	return all;
}

void
questions_drop(struct questions *all)
{
	for (unsigned i = 0; i < QUESTIONS_MAX; i++)
		free(all->all[i]);
	free(all);
}

/* --- addresses that lead nowhere ----------------------------------------------------------------*/

/* RFC 6724 5, rule 1: has the kernel a way there? Connecting a datagram socket sends nothing. */
static bool
is_reachable(const struct netaddr *a)
{
	struct netaddr to = *a;
	struct sockaddr_storage ss;
	socklen_t len;
	int fd;
	bool good;

	to.port = (uint16_t)sip_transport_port(SIP_T_UDP);
	len = netaddr_to_sockaddr(&to, &ss);
	fd = socket(ss.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return false;
	good = connect(fd, (const struct sockaddr *)&ss, len) == 0;
	close(fd);
	return good;
}

/* What cannot be reached now may be later: it is left out, and not for long. */
static void
leave_out(struct locate_answer *a)
{
	unsigned n = 0;

	for (unsigned i = 0; i < a->n; i++)
		if (is_reachable(&a->records[i].address))
			a->records[n++] = a->records[i];
	if (n == a->n)
		return;
	a->n = n;
	a->status = n == 0 ? LOCATE_FAILED : LOCATE_FOUND;
	if (a->ttl_s > LOCATE_HALF_S)
		a->ttl_s = LOCATE_HALF_S;
}

/* --- a question's way ---------------------------------------------------------------------------*/

/* DNS does not answer: what it said before is better than nothing (RFC 8767). */
static void
fall_back(struct question *q, struct locate_plan *plan)
{
	const struct locate_question *asked = &q->locate.question;
	struct resolver *r = q->r;
	uint64_t now = r->child.clock.mono_ns;
	struct locate_plan old;

	count(r->child.self, COUNT_DNS_FAILED, 1);
	if (plans_extend(&r->plans, asked, now, LOCATE_HALF_S, &old)) {
		*plan = old;
		log_warn("DNS does not answer, addresses of before are used",
		    LOG_STR("name", asked->name));
		return;
	}
	plans_put(&r->plans, asked, plan, now);
	log_warn("DNS does not answer", LOG_STR("name", asked->name));
}

static void
finish(struct question *q)
{
	struct resolver *r = q->r;
	struct locate_plan plan;

	locate_plan(&q->locate, &plan);
	if (plan.status == LOCATE_FAILED)
		fall_back(q, &plan);
	else
		plans_put(&r->plans, &q->locate.question, &plan, r->child.clock.mono_ns);
	for (unsigned w = 0; w < WORKERS; w++)
		if (q->waiting & 1u << w)
			tell_worker(r, w, q->tickets[w], &plan);
	q->used = false;
}

static void on_answer(void *ctx, const struct locate_ask *ask, const struct locate_answer *a);

static void
go(struct question *q)
{
	struct locate_ask ask;

	q->going = true;
	while (locate_ask(&q->locate, &ask))
		dns_ask(q->r->dns, &ask, on_answer, q);
	q->going = false;
	if (locate_done(&q->locate))
		finish(q);
}

static void
on_answer(void *ctx, const struct locate_ask *ask, const struct locate_answer *a)
{
	struct question *q = ctx;
	struct locate_answer mine = *a;

	if (ask->type == LOCATE_A || ask->type == LOCATE_AAAA)
		leave_out(&mine);
	locate_tell(&q->locate, ask, &mine);
	if (!q->going)
		go(q);
}

static bool
is_same(const struct locate_question *a, const struct locate_question *b)
{
	return a->ways == b->ways && a->port == b->port && a->transport == b->transport &&
	       a->sips == b->sips && strcmp(a->name, b->name) == 0;
}

/* The one that is under way, or a new one; NULL: too many. */
static struct question *
question_for(struct questions *all, const struct locate_question *q)
{
	struct question **free_one = NULL;

	for (unsigned i = 0; i < QUESTIONS_MAX; i++) {
		struct question **p = &all->all[i];

		if (*p != NULL && (*p)->used && is_same(&(*p)->locate.question, q))
			return *p;
		if (free_one == NULL && (*p == NULL || !(*p)->used))
			free_one = p;
	}
	if (free_one == NULL)
		return NULL;
	if (*free_one == NULL)
		*free_one = calloc(1, sizeof(**free_one));
	return *free_one;
}

void
question_ask(struct resolver *r, const struct locate_question *q, unsigned worker, uint64_t ticket)
{
	struct question *x = question_for(r->questions, q);
	bool fresh = x != NULL && !x->used;

	if (x == NULL) {
		struct locate_plan none = { .status = LOCATE_FAILED, .ttl_s = 1 };

		log_warn("more names are asked for than can be looked up at once");
		tell_worker(r, worker, ticket, &none);
		return;
	}
	if (fresh) {
		x->r = r;
		x->used = true;
		x->waiting = 0;
		locate_begin(&x->locate, q, rand_u64());
	}
	x->waiting |= 1u << worker;
	x->tickets[worker] = ticket;
	if (fresh)
		go(x);
}
