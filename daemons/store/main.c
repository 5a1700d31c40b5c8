/*
 * The store's turn: what the rings have goes to the journal and into the set of changed bindings; the
 * disk is made sure of, then the rings get their room back; whoever has something to ask of the
 * database takes its turn; then the process sleeps. Nothing here ends because the database or the
 * disk is away.
 */
#include "store/store.h"

#include <string.h>
#include <sys/epoll.h>

#include "base/log.h"

enum { GRACE_S = 3, BEAT_S = 10, DRAIN_S = 3 };
static const uint64_t sync_after_ns = 50 * NS_PER_MS, disk_retry_ns = 250 * NS_PER_MS;

static void
sooner(uint64_t *wait, uint64_t ns)
{
	*wait = ns < *wait ? ns : *wait;
}

/* --- rings -------------------------------------------------------------------------------------- */

static void
refused(struct store *s, const struct ring *r)
{
	count(s->child.self, COUNT_WIRE_REFUSED, 1);
	log_warn("record refused", LOG_STR("from", role_name(proc_role(r->from))),
	    LOG_U64("index", proc_index(r->from)));
}

/* A worker's record into the journal. False: the disk does not take it now. */
static bool
journal_call(struct store *s, const struct ring *r, const struct ring_record *rec)
{
	const struct wire_cdr *w = (const struct wire_cdr *)rec->payload;
	uint8_t call_id[16];
	enum cdr_kind kind;

	if (w->len > ring_len(r) - sizeof(*w) || w->len > CDR_RECORD_MAX ||
	    record_call(span_of(w->data, w->len), &kind, call_id) != ERR_NONE ||
	    kind > CDR_CLOSED) {
		refused(s, r);
		return true;
	}
	if (journal_add(&s->journal, s->child.clock.wall_ms, span_of(w->data, w->len)) != ERR_NONE)
		return false;
	return true;
}

/* False: the disk does not take it now. */
static bool
take_record(struct store *s, const struct ring *r, const struct ring_record *rec)
{
	const void *payload = rec->payload;
	bool good = true;

	if (!wire_allowed(ring_type(r), ROLE_WORKER, ROLE_STORE) ||
	    ring_len(r) < wire_least(ring_type(r)))
		refused(s, r);
	else if (ring_type(r) == WIRE_MESSAGE_KEEP)
		good = messages_keep(s, proc_index(r->from), payload, ring_len(r));
	else if (ring_type(r) == WIRE_MESSAGE_DONE)
		good = messages_done(s, payload);
	else if (ring_type(r) == WIRE_POISON)
		poison_keep(s, r->from, payload, ring_len(r));
	else if (ring_type(r) == WIRE_CODE)
		codes_take(s, proc_index(r->from), payload);
	else
		good = journal_call(s, r, rec);
	if (s->unsynced_ns == 0 && s->journal.unsynced.len > 0)
		s->unsynced_ns = s->child.clock.mono_ns;
	return good;
}

static bool
take_calls(struct store *s, struct ring *r)
{
	const struct ring_record **held = &s->held[r->from];

	while (*held != NULL || (*held = ring_ahead(r)) != NULL) {
		if (!take_record(s, r, *held))
			return false;
		*held = NULL;
	}
	if (ring_broken(r) != ERR_NONE)
		refused(s, r);
	return true;
}

static void
take_bindings(struct store *s, struct ring *r)
{
	const struct ring_record *rec;

	while ((rec = ring_peek(r)) != NULL) {
		if (ring_type(r) == WIRE_BINDING && ring_len(r) >= sizeof(struct wire_binding))
			bindings_take(s, (const struct wire_binding *)rec->payload, ring_len(r));
		else if (ring_type(r) == WIRE_POISON_R && ring_len(r) >= sizeof(struct wire_poison))
			poison_keep(
			    s, r->from, (const struct wire_poison *)rec->payload, ring_len(r));
		else
			refused(s, r);
		ring_next(r);
	}
	if (ring_broken(r) != ERR_NONE)
		refused(s, r);
}

/* --- disk --------------------------------------------------------------------------------------- */

static bool
disk_away(const struct store *s)
{
	return s->child.clock.mono_ns < s->disk_retry_ns;
}

static void
disk_failed(struct store *s)
{
	s->disk_retry_ns = s->child.clock.mono_ns + disk_retry_ns;
}

static void
make_sure(struct store *s)
{
	if (journal_sync(&s->journal) != ERR_NONE) {
		disk_failed(s);
		return;
	}
	s->unsynced_ns = 0;
	messages_synced(s);
	for (unsigned i = 0; i < s->child.n_ins; i++) {
		struct ring *r = &s->child.in[s->child.ins[i]];
		if (proc_role(r->from) == ROLE_WORKER)
			ring_give_back(r);
	}
}

static void
take_rings(struct store *s)
{
	for (unsigned i = 0; i < s->child.n_ins; i++) {
		struct ring *r = &s->child.in[s->child.ins[i]];
		if (proc_role(r->from) == ROLE_REGISTRAR)
			take_bindings(s, r);
		else if (proc_role(r->from) == ROLE_WORKER && !disk_away(s) && !take_calls(s, r))
			disk_failed(s);
	}
}

static void
disk_turn(struct store *s, uint64_t *wait)
{
	uint64_t now = s->child.clock.mono_ns;

	if (s->journal.lost > 0 && !disk_away(s)) {
		journal_close_lost(&s->journal, s->child.clock.wall_ms);
		if (s->unsynced_ns == 0)
			s->unsynced_ns = now;
	}
	if (now >= s->beat_ns + BEAT_S * NS_PER_S) {
		s->beat_ns = now;
		journal_beat(&s->journal, s->child.clock.wall_ms);
	}
	bool waiting = s->journal.unsynced.len > 0;
	bool due = now >= s->unsynced_ns + sync_after_ns ||
		   s->journal.unsynced.len > s->journal.unsynced.cap / 2 ||
		   s->messages.n_acks > MESSAGE_ACKS / 2;
	if (waiting && due && !disk_away(s))
		make_sure(s);
	if (disk_away(s))
		sooner(wait, s->disk_retry_ns - now);
	else if (s->journal.unsynced.len > 0)
		sooner(wait, s->unsynced_ns + sync_after_ns - now);
}

/* --- database ----------------------------------------------------------------------------------- */

static void
on_up(void *ctx)
{
	directory_load_up(ctx);
	bindings_up(ctx);
	messages_up(ctx);
}

static void
on_down(void *ctx)
{
	log_warn("database lost: going on without");
	directory_load_down(ctx);
	bindings_down(ctx);
	codes_down(ctx);
}

static void
on_notified(void *ctx, const char *payload)
{
	directory_load_told(ctx, payload);
}

static void
database_turn(struct store *s, uint64_t *wait)
{
	static bool (*const clients[STORE_CLIENTS])(struct store *, uint64_t *) = { codes_start,
		directory_load_start, bindings_start, cdr_insert_start, messages_start };

	sooner(wait, db_turn(&s->db, s->child.clock.mono_ns));
	bindings_turn(s);
	messages_turn(s);
	for (unsigned i = 0; i < STORE_CLIENTS && db_idle(&s->db); i++) {
		unsigned c = (s->client + i) % STORE_CLIENTS;
		uint64_t ns = UINT64_MAX;
		if (clients[c](s, &ns)) {
			s->client = c + 1;
			break;
		}
		sooner(wait, ns);
	}
}

/* --- what to start with ------------------------------------------------------------------------- */

/* Without a database: the directory of the last run, from run_dir or spool_dir. */
static void
settle(struct store *s)
{
	int64_t saved_ms = 0;
	enum err e;

	s->settled = true;
	if (directory_filled(&s->directory)) {
		if (s->db.state != DB_UP)
			log_warn("no database: starting with the directory that run_dir has");
		return;
	}
	e = snapshot_load(&s->directory, s->child.spool, &saved_ms);
	if (e != ERR_NONE) {
		log_error(
		    "no database, and no directory in run_dir or spool_dir: nobody is known yet",
		    LOG_STR("spool_dir", err_name(e)));
		return;
	}
	directory_set_filled(&s->directory);
	log_warn("no database: starting with the directory that spool_dir has",
	    LOG_I64("saved_s_ago", (s->child.clock.wall_ms - saved_ms) / 1000));
}

/* Ready: the directory is filled, or will not be soon. */
static void
settle_turn(struct store *s)
{
	uint64_t age = s->child.clock.mono_ns - s->started_ns;
	bool loading = s->db.state == DB_UP && s->load.renewing;

	if (!s->settled && age > GRACE_S * NS_PER_S && !loading)
		settle(s);
	if (!s->ready && (directory_filled(&s->directory) || s->settled)) {
		s->ready = true;
		child_ready(&s->child);
	}
}

static void
second(struct store *s)
{
	if (s->child.clock.mono_ns < s->second_ns + NS_PER_S)
		return;
	s->second_ns = s->child.clock.mono_ns;
	gauge(s->child.self, COUNT_JOURNAL_RECORDS, s->journal.pending);
	gauge(s->child.self, COUNT_JOURNAL_REFUSED, s->journal.broken);
	gauge(s->child.self, COUNT_JOURNAL_BYTES, journal_bytes(&s->journal));
	child_title(&s->child, "database %s, journal %llu%s", s->db.state == DB_UP ? "up" : "down",
	    (unsigned long long)s->journal.pending, s->journal.broken ? ", disk refuses" : "");
	directory_load_second(s);
}

/* --- the process -------------------------------------------------------------------------------- */

static void
on_bell(void *ctx, uint32_t events)
{
	struct store *s = ctx;

	(void)events;
	child_bell_heard(&s->child);
}

static void
settings_changed(struct store *s)
{
	s->settings = child_settings(&s->child);
	log_level_set((enum log_level)s->settings->log_level);
}

static void
start(struct store *s, int argc, char **argv)
{
	static struct loop_watch bell;
	struct child *c = &s->child;
	enum err e;

	child_start(c, ROLE_STORE, argc, argv);
	settings_changed(s);
	if (c->spool < 0)
		fatal(0, "the manifest lacks spool");
	s->loop = loop_new();
	bell = (struct loop_watch){ .fd = child_bell_fd(c), .ready = on_bell, .ctx = s };
	if (loop_add(s->loop, &bell, EPOLLIN) != ERR_NONE)
		fatal(0, "the bell cannot be watched");
	e = directory_own(&s->directory, (char *)c->self + PROCESS_HEAD,
	    c->self_size - PROCESS_HEAD, s->settings->limits.subscribers);
	if (e != ERR_NONE)
		fatal(0, "directory: %s", err_name(e));
	s->started_ns = s->second_ns = s->beat_ns = c->clock.mono_ns;
	journal_open(&s->journal, c->spool, hash_span(&c->exchange->token_key, SPAN("journal")));
	cdr_insert_open(s);
	directory_load_open(s);
	bindings_open(s);
	messages_open(s);
	db_init(&s->db, s->loop, c->database, c->self);
	s->db.up = on_up;
	s->db.down = on_down;
	s->db.notified = on_notified;
	s->db.ctx = s;
	child_title(c, "database down, journal %llu", (unsigned long long)s->journal.pending);
}

static void
turn(struct store *s)
{
	struct child *c = &s->child;
	uint64_t wait = NS_PER_S;

	if (child_turn(c))
		settings_changed(s);
	take_rings(s);
	disk_turn(s, &wait);
	database_turn(s, &wait);
	settle_turn(s);
	second(s);
	child_flush(c);
	/* While the disk refuses, full rings are no reason to stay awake. */
	if (!disk_away(s) && !child_stopping(c) && !child_bell_arm(c))
		wait = 0;
	loop_turn(s->loop, child_stopping(c) && wait > 10 * NS_PER_MS ? 10 * NS_PER_MS : wait);
	child_bell_disarm(c);
}

/* What is left goes to the database if it takes it soon; else it stays in the journal. */
static void
drain(struct store *s)
{
	uint64_t until = s->child.clock.mono_ns + DRAIN_S * NS_PER_S;

	do {
		turn(s);
	} while (s->child.clock.mono_ns < until && s->db.state == DB_UP &&
		 (s->journal.pending > 0 || s->bindings.dirty.n > 0 || s->db.busy));
	take_rings(s);
	make_sure(s);
	if (directory_filled(&s->directory))
		snapshot_save(&s->directory, s->child.spool);
}

int
main(int argc, char **argv)
{
	static struct store s;

	start(&s, argc, argv);
	while (!child_stopping(&s.child))
		turn(&s);
	drain(&s);
	log_info("store ends", LOG_U64("journal", s.journal.pending));
	db_close(&s.db);
	messages_close(&s);
	bindings_close(&s);
	directory_load_close(&s);
	cdr_insert_close(&s);
	journal_close(&s.journal);
	loop_drop(s.loop);
	return 0;
}
