/*
 * The network between the phones and the worker, and the time of both. What is sent arrives after
 * RACE_LATENCY_MS, one datagram of a way behind the other unless the script says that it is lost, comes
 * twice, or comes late. The worker stands on the bench (worker_rig.h).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "race.h"
#include "race_stores.h"
#include "worker_rig.h"

enum { ON_THE_WAY = 512, OWNED = 64 };

struct datagram {
	uint64_t at_ms;
	unsigned order, who;
	bool to_worker;
	const char *text;
};

static struct {
	const struct race_script *script;
	struct datagram way[ON_THE_WAY];
	unsigned n, order, n_owned;
	struct {
		char call_id[160];
		unsigned worker;
	} owned[OWNED];
	uint64_t last_ms[RACE_PHONES][2]; /* arrival of the last datagram of each way */
} net;

/* --- which worker has it ------------------------------------------------------------------------*/

static unsigned *
owner(const char *text)
{
	char call_id[160];
	unsigned i = 0;

	race_header(text, "Call-ID", call_id, sizeof(call_id));
	while (i < net.n_owned && strcmp(net.owned[i].call_id, call_id) != 0)
		i++;
	if (i == net.n_owned) {
		if (i == OWNED) {
			race_fail("more dialogs than the network knows");
			return &net.owned[0].worker;
		}
		snprintf(net.owned[i].call_id, sizeof(net.owned[i].call_id), "%s", call_id);
		net.owned[i].worker = RIG_WORKERS;
		net.n_owned++;
	}
	return &net.owned[i].worker;
}

/* The dialog's; what begins one goes to the first worker from alice, to the last from the others. */
static unsigned
worker_for(unsigned who, const char *text)
{
	unsigned *w = owner(text);

	if (*w == RIG_WORKERS)
		*w = who == 0 ? 0 : net.script->workers - 1;
	return *w;
}

void
net_open(const struct race_script *s)
{
	memset(&net, 0, sizeof(net));
	net.script = s;
	office_open(s);
	for (unsigned i = 0; i < RACE_PHONES; i++)
		race->ua[i] = ua_new(i, race_phones[i].user, race_phones[i].host, s->habits[i]);
	for (unsigned i = 0; i < s->n_faults; i++)
		if (s->faults[i].kind == FAULT_KILL_STORE) {
			stores_kill(s->faults[i].n);
		} else if (s->faults[i].kind >= FAULT_KILL) {
			rig->die_at = s->faults[i].n;
			rig->die_before = s->faults[i].kind == FAULT_KILL_BEFORE;
		}
}

void
net_close(void)
{
	rig_end();
}

/* --- datagrams ----------------------------------------------------------------------------------*/

static const struct race_fault *
fault_of(enum race_fault_kind kind, unsigned n)
{
	for (unsigned i = 0; i < net.script->n_faults; i++)
		if (net.script->faults[i].kind == kind && net.script->faults[i].n == n)
			return &net.script->faults[i];
	return NULL;
}

static void
put(uint64_t at_ms, unsigned who, bool to_worker, const char *text)
{
	if (net.n == ON_THE_WAY) {
		race_fail("a storm: %u datagrams are on their way", net.n);
		return;
	}
	net.way[net.n++] = (struct datagram){ at_ms, net.order++, who, to_worker, text };
}

static void
first_line(const char *text, char *to, size_t cap)
{
	struct race_msg m;
	struct race_sdp s;

	snprintf(to, cap, "%.*s", (int)strcspn(text, "\r"), text);
	if (!race_read(text, &m))
		return;
	race_sdp_read(m.body, &s);
	snprintf(to, cap, "%.*s %u%s%s", (int)strcspn(text, m.request ? " " : "\r"), text, m.cseq,
	    m.request ? "" : " ", m.request ? "" : m.method);
	if (m.reliable)
		snprintf(to + strlen(to), cap - strlen(to), " RSeq %u", m.rseq);
	if (s.there)
		snprintf(to + strlen(to), cap - strlen(to), " [%s:%u %s v%u]", s.ip, s.port, s.way,
		    s.version);
}

static void
carry(unsigned who, bool to_worker, const char *text, uint64_t now_ms)
{
	unsigned n = ++race->datagrams;
	const struct race_fault *late = fault_of(FAULT_LATE, n);
	uint64_t *last = &net.last_ms[who][to_worker], at = now_ms + RACE_LATENCY_MS;
	const char *fate = "";
	char line[200];

	if (net.script->jitter_ms > 0)
		at += race_below(net.script->jitter_ms);
	if (at < *last)
		at = *last; /* a way keeps its order */
	if (fault_of(FAULT_LOSE, n) != NULL)
		fate = " LOST";
	else if (late != NULL)
		fate = " LATE";
	else if (fault_of(FAULT_REPEAT, n) != NULL)
		fate = " TWICE";
	first_line(text, line, sizeof(line));
	race_note("%6llu %3u  %s%c %s%s", (unsigned long long)now_ms, n,
	    to_worker ? "" : "          ", race_names[who], line, fate);
	if (fault_of(FAULT_LOSE, n) != NULL)
		return;
	if (late != NULL) {
		put(at + late->ms, who, to_worker, text);
		return;
	}
	*last = at;
	put(at, who, to_worker, text);
	if (fault_of(FAULT_REPEAT, n) != NULL)
		put(at + 3, who, to_worker, text);
}

void
net_send(unsigned who, const char *text)
{
	carry(who, true, race_keep(text), race->now_ms);
}

/* --- the worker ---------------------------------------------------------------------------------*/

static unsigned
phone_at_address(const struct netaddr *to)
{
	struct netaddr a;

	for (unsigned i = 0; i < RACE_PHONES; i++)
		if (netaddr_ip(span_str(race_phones[i].host), &a) == ERR_NONE &&
		    netaddr_eq_ip(&a, to))
			return i;
	return RACE_PHONES;
}

/* What the worker has sent meanwhile. */
static void
collect(void)
{
	if (rig->deaths > race->deaths) {
		race->deaths = rig->deaths;
		race_note("%6llu      the worker was killed meanwhile, and is back",
		    (unsigned long long)rig_now_ms());
	}
	for (unsigned i = 0; i < rig->n_log; i++) {
		unsigned who = phone_at_address(&rig->log[i].to);

		if (who == RACE_PHONES) {
			race_fail("sent to nobody:\n%s", rig->log[i].text);
		} else {
			char *text = race_keep(rig->log[i].text);

			*owner(text) = rig->log[i].worker;
			referee_sent(who, text);
			carry(who, false, text, rig->log[i].at_ms);
		}
		free(rig->log[i].text);
	}
	rig->n_log = 0;
}

static void
arrive(const struct datagram *d)
{
	struct netaddr from;

	if (!d->to_worker) {
		ua_receive(race->ua[d->who], d->text);
		return;
	}
	netaddr_ip(span_str(race_phones[d->who].host), &from);
	from.port = 5060;
	referee_heard(d->who, d->text);
	if (!rig_deliver(worker_for(d->who, d->text), d->text, &from))
		race_fail("the worker could not read:\n%s", d->text);
	collect();
}

void
net_hangup(void)
{
	for (unsigned i = 0; i < rig->n_workers; i++) {
		if (pool_next(&rig->w[i]->calls, NULL) == NULL)
			continue;
		race_note("%6llu      the operator hangs up", (unsigned long long)race->now_ms);
		referee_hangup();
		rig_operator_hangup(i);
		collect();
	}
}

/* --- time ---------------------------------------------------------------------------------------*/

static struct datagram *
first(void)
{
	struct datagram *f = NULL;

	for (unsigned i = 0; i < net.n; i++) {
		struct datagram *d = &net.way[i];

		if (f == NULL || d->at_ms < f->at_ms ||
		    (d->at_ms == f->at_ms && d->order < f->order))
			f = d;
	}
	return f;
}

static uint64_t
worker_due_ms(void)
{
	uint64_t ns = UINT64_MAX;

	for (unsigned i = 0; i < rig->n_workers; i++) {
		uint64_t n = wheel_next(rig->w[i]->wheel, rig->clock.mono_ns);

		ns = n < ns ? n : ns;
	}
	if (ns == UINT64_MAX)
		return UINT64_MAX;
	return rig_now_ms() + (ns + NS_PER_MS - 1) / NS_PER_MS;
}

static void
clock_to(uint64_t ms)
{
	if (ms > rig_now_ms())
		rig_wait_ms(ms - rig_now_ms());
	race->now_ms = rig_now_ms();
	collect();
}

void
net_advance(uint64_t until_ms)
{
	struct datagram *f = first(), d;
	uint64_t to = until_ms, due = worker_due_ms();

	for (unsigned i = 0; i < RACE_PHONES; i++)
		to = ua_due_ms(race->ua[i]) < to ? ua_due_ms(race->ua[i]) : to;
	to = f != NULL && f->at_ms < to ? f->at_ms : to;
	if (due < to) { /* it may send something that comes before all that */
		clock_to(due > race->now_ms ? due : race->now_ms + 1);
		return;
	}
	clock_to(to);
	f = first();
	if (f != NULL && f->at_ms <= race->now_ms) {
		d = *f;
		*f = net.way[--net.n];
		arrive(&d);
		return;
	}
	for (unsigned i = 0; i < RACE_PHONES; i++)
		if (ua_due_ms(race->ua[i]) <= race->now_ms)
			ua_time(race->ua[i]);
}
