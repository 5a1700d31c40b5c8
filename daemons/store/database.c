/*
 * The connection to PostgreSQL, never waited for (but for the look-up of its name, which libpq does
 * itself). When it cannot be had, or its schema is not ours, that is said once and tried again, later
 * and later, a little at random so that the nodes of a provider do not come all at once.
 */
#include "store/store.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include <libpq-fe.h>

#include "base/log.h"
#include "base/rand.h"

enum { CONNECT_S = 10, JOB_S = 60, FIRST_MS = 250, MOST_MS = 5000 };

static const struct db_step setup[] = {
	{ .sql = "set statement_timeout = '30s'" },
	{ .sql = "set lock_timeout = '10s'" },
	{ .sql = "set idle_in_transaction_session_timeout = '30s'" },
	{ .sql = "listen tandem_changed" },
	{ .sql = "select coalesce(max(version), 0) from tandem.schema_version" },
};

static void on_socket(void *ctx, uint32_t events);

/* Says a complaint unless it is the same as before. */
static void
complain(struct db *db, const char *event, const char *detail)
{
	struct span line = span_str(detail ? detail : ""), first;

	span_cut(line, '\n', &first);
	char said[sizeof(db->complaint)];
	struct buf b = buf_on(said, sizeof(said) - 1);
	buf_put(&b, span_first(span_str(event), 60));
	buf_put(&b, span_first(first, 90));
	said[b.len] = '\0';
	count(db->self, COUNT_DB_ERRORS, 1);
	if (strcmp(said, db->complaint) == 0)
		return;
	memcpy(db->complaint, said, sizeof(said));
	log_error(event, LOG_SPAN("error", first));
}

static void
watch(struct db *db, uint32_t events)
{
	int fd = db->conn == NULL ? -1 : PQsocket(db->conn);

	if (db->watch.fd >= 0 && db->watch.fd != fd) {
		loop_remove(db->loop, &db->watch);
		db->watch.fd = -1;
	}
	if (fd < 0)
		return;
	if (db->watch.fd < 0) {
		db->watch = (struct loop_watch){ .fd = fd, .ready = on_socket, .ctx = db };
		if (loop_add(db->loop, &db->watch, events) != ERR_NONE)
			db->watch.fd = -1;
	} else if (db->watched != events) {
		loop_change(db->loop, &db->watch, events);
	}
	db->watched = events;
}

static void
end_job(struct db *db, enum db_end end)
{
	struct db_job job = db->job;

	if (!db->busy)
		return;
	db->busy = false;
	if (job.done != NULL)
		job.done(job.ctx, end);
}

/* Gives the connection up and tries again later. */
static void
go_down(struct db *db)
{
	bool was_up = db->state == DB_UP;
	uint64_t ms = (uint64_t)FIRST_MS << (db->tries < 6 ? db->tries : 6);

	ms = ms < MOST_MS ? ms : MOST_MS;
	db->state = DB_DOWN;
	db->tries++;
	db->until_ns = db->now_ns + (ms - ms / 4 + rand_below((uint32_t)ms / 2)) * NS_PER_MS;
	if (db->watch.fd >= 0)
		loop_remove(db->loop, &db->watch);
	db->watch.fd = -1;
	PQfinish(db->conn);
	db->conn = NULL;
	end_job(db, DB_FAILED);
	gauge(db->self, COUNT_DB_UP, 0);
	if (was_up)
		db->down(db->ctx);
}

static void
go_up(struct db *db)
{
	db->state = DB_UP;
	db->tries = 0;
	db->complaint[0] = '\0';
	gauge(db->self, COUNT_DB_UP, 1);
	log_info("database up", LOG_I64("schema", db->version));
	db->up(db->ctx);
}

/* --- a job -------------------------------------------------------------------------------------- */

/* SQLSTATE classes that blame the data: a row violates a constraint, a value does not fit. */
static bool
blames_data(const char *state)
{
	static const char *const classes[] = { "21", "22", "23", "44", "54", "P0" };

	for (unsigned i = 0; i < sizeof(classes) / sizeof(classes[0]); i++) {
		if (strncmp(state, classes[i], 2) == 0)
			return true;
	}
	return false;
}

static void
on_error(struct db *db, const struct pg_result *res)
{
	const char *state = PQresultErrorField(res, PG_DIAG_SQLSTATE);
	const char *message = PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY);

	if (state != NULL && blames_data(state)) {
		db->refused = true;
		count(db->self, COUNT_DB_ERRORS, 1);
		log_warn("database refuses the data", LOG_STR("doing", db->job.what),
		    LOG_STR("error", message), LOG_STR("sqlstate", state));
		return;
	}
	db->failed = true;
	if (state != NULL && (strcmp(state, "42P01") == 0 || strcmp(state, "3F000") == 0))
		complain(db, "database has no tandem schema: tandemctl db init", message);
	else
		complain(db, "database failed", message);
}

static void
on_result(struct db *db, struct pg_result *res)
{
	switch (PQresultStatus(res)) {
	case PGRES_TUPLES_OK:
	case PGRES_COMMAND_OK:
		if (db->job.rows != NULL && !db->refused && !db->failed)
			db->job.rows(db->job.ctx, db->step, res);
		break;
	case PGRES_PIPELINE_SYNC:
		end_job(db, db->failed ? DB_FAILED : db->refused ? DB_REFUSED : DB_DONE);
		break;
	case PGRES_PIPELINE_ABORTED:
		break;
	default:
		on_error(db, res);
		break;
	}
}

static void
flush(struct db *db)
{
	int left = PQflush(db->conn);

	if (left < 0) {
		complain(db, "database connection lost", PQerrorMessage(db->conn));
		go_down(db);
		return;
	}
	watch(db, left > 0 ? EPOLLIN | EPOLLOUT : EPOLLIN);
}

/* The end of a job may begin the next one, or lose the connection: look anew each time. */
static void
read_results(struct db *db)
{
	PGnotify *note;

	if (!PQconsumeInput(db->conn)) {
		complain(db, "database connection lost", PQerrorMessage(db->conn));
		go_down(db);
		return;
	}
	while (db->busy && db->conn != NULL && !PQisBusy(db->conn)) {
		struct pg_result *res = PQgetResult(db->conn);
		if (res == NULL && PQstatus(db->conn) == CONNECTION_BAD)
			break;
		if (res == NULL)
			db->step++;
		else
			on_result(db, res);
		if (!db->kept)
			PQclear(res);
		db->kept = false;
	}
	while (db->conn != NULL && (note = PQnotifies(db->conn)) != NULL) {
		if (db->state == DB_UP)
			db->notified(db->ctx, note->extra);
		PQfreemem(note);
	}
	if (db->conn == NULL)
		return;
	if (PQstatus(db->conn) == CONNECTION_BAD) {
		complain(db, "database connection lost", PQerrorMessage(db->conn));
		go_down(db);
		return;
	}
	flush(db);
}

static void
start_job(struct db *db, const struct db_job *job, const struct db_step *steps, unsigned n)
{
	bool sent = true;

	db->job = *job;
	db->busy = true;
	db->refused = db->failed = false;
	db->step = 0;
	db->until_ns = db->now_ns + JOB_S * NS_PER_S;
	for (unsigned i = 0; i < n && sent; i++)
		sent = PQsendQueryParams(db->conn, steps[i].sql, steps[i].n, NULL, steps[i].params,
			   NULL, NULL, 0) == 1;
	if (!sent || PQpipelineSync(db->conn) != 1) {
		complain(db, "database connection lost", PQerrorMessage(db->conn));
		db->until_ns =
		    db->now_ns; /* db_turn gives it up: not here, in the caller's hands */
		return;
	}
	/* An error is seen with the socket's next event. */
	watch(db, PQflush(db->conn) == 0 ? EPOLLIN : EPOLLIN | EPOLLOUT);
}

bool
db_idle(const struct db *db)
{
	return db->state == DB_UP && !db->busy;
}

void
db_run(struct db *db, const struct db_job *job, const struct db_step *steps, unsigned n)
{
	must(db_idle(db));
	start_job(db, job, steps, n);
}

void
db_keep(struct db *db)
{
	db->kept = true;
}

/* --- connecting --------------------------------------------------------------------------------- */

static void
on_version(void *ctx, unsigned step, struct pg_result *res)
{
	struct db *db = ctx;

	if (step == sizeof(setup) / sizeof(setup[0]) - 1 && PQntuples(res) == 1)
		db->version = atoi(PQgetvalue(res, 0, 0));
}

static void
on_checked(void *ctx, enum db_end end)
{
	struct db *db = ctx;
	char text[64];
	struct buf b = buf_on(text, sizeof(text) - 1);

	if (end == DB_DONE && db->version >= DB_SCHEMA) {
		go_up(db);
		return;
	}
	if (end == DB_DONE) {
		buf_printf(&b, "it is version %d, %d is needed", db->version, DB_SCHEMA);
		text[b.len] = '\0';
		complain(db, "database schema is too old: tandemctl db upgrade", text);
	}
	if (db->conn != NULL)
		db->until_ns = 0; /* given up at the next turn */
}

static void
check(struct db *db)
{
	const struct db_job job = {
		.what = "check the schema", .rows = on_version, .done = on_checked, .ctx = db
	};

	db->state = DB_CHECKING;
	db->version = 0;
	if (PQsetnonblocking(db->conn, 1) != 0 || PQenterPipelineMode(db->conn) != 1) {
		complain(db, "database connection is of no use", PQerrorMessage(db->conn));
		go_down(db);
		return;
	}
	start_job(db, &job, setup, sizeof(setup) / sizeof(setup[0]));
}

/* Why there is no connection, and what to do; the server's words may be in another language. */
static void
complain_connect(struct db *db)
{
	const char *message = PQerrorMessage(db->conn), *what;

	if (strstr(message, "database \"") != NULL && strstr(message, "does not exist") != NULL)
		what = "database is not there: tandemctl db init";
	else if (strstr(message, "FATAL") != NULL)
		what = "database refuses us: see database in tandem.conf, and pg_hba.conf";
	else
		what = "database does not answer; is PostgreSQL running? pg_lsclusters shows it";
	complain(db, what, message);
}

static void
connect_step(struct db *db)
{
	switch (PQconnectPoll(db->conn)) {
	case PGRES_POLLING_READING:
		watch(db, EPOLLIN);
		break;
	case PGRES_POLLING_WRITING:
		watch(db, EPOLLOUT);
		break;
	case PGRES_POLLING_OK:
		check(db);
		break;
	default:
		complain_connect(db);
		go_down(db);
		break;
	}
}

static void
silent(void *ctx, const struct pg_result *res)
{
	(void)ctx;
	(void)res;
}

static void
start_connect(struct db *db)
{
	/* What stands before the connection string may be set in it otherwise. */
	static const char *const names[] = { "application_name", "keepalives_idle",
		"keepalives_interval", "keepalives_count", "tcp_user_timeout", "dbname",
		"client_encoding", NULL };
	const char *const values[] = { "tandem store", "10", "5", "3", "20000", db->where, "UTF8",
		NULL };

	db->state = DB_CONNECTING;
	db->until_ns = db->now_ns + CONNECT_S * NS_PER_S;
	db->conn = PQconnectStartParams(names, values, 1);
	if (db->conn == NULL)
		fatal(ENOMEM, "no memory for the database connection");
	if (PQstatus(db->conn) == CONNECTION_BAD) {
		complain_connect(db);
		go_down(db);
		return;
	}
	PQsetNoticeReceiver(db->conn, silent, NULL);
	watch(db, EPOLLOUT);
}

static void
on_socket(void *ctx, uint32_t events)
{
	struct db *db = ctx;

	if (db->state == DB_CONNECTING) {
		/* The next address has another socket, maybe of the same number. */
		loop_remove(db->loop, &db->watch);
		db->watch.fd = -1;
		connect_step(db);
		return;
	}
	if (events & ~(uint32_t)EPOLLOUT)
		read_results(db);
	else
		flush(db);
}

/* libpq's complaint about a string it cannot read would quote it, password and all. */
static bool
readable(const char *where)
{
	PQconninfoOption *options = where == NULL ? NULL : PQconninfoParse(where, NULL);

	PQconninfoFree(options);
	return options != NULL;
}

void
db_init(struct db *db, struct loop *loop, const char *where, struct process *self)
{
	*db = (struct db){ .loop = loop, .where = where, .self = self, .watch.fd = -1 };
	if (!readable(where)) {
		log_error("database: this is no connection string; going on without");
		db->where = NULL;
	}
}

void
db_close(struct db *db)
{
	if (db->watch.fd >= 0)
		loop_remove(db->loop, &db->watch);
	PQfinish(db->conn);
	db->conn = NULL;
	db->state = DB_DOWN;
	db->busy = false;
}

uint64_t
db_turn(struct db *db, uint64_t now_ns)
{
	db->now_ns = now_ns;
	if (db->where == NULL)
		return UINT64_MAX;
	if (db->state == DB_DOWN) {
		if (now_ns < db->until_ns)
			return db->until_ns - now_ns;
		start_connect(db);
	} else if ((db->state != DB_UP || db->busy) && now_ns >= db->until_ns) {
		if (db->until_ns != 0 && db->complaint[0] == '\0')
			complain(
			    db, "database takes too long", db->busy ? db->job.what : "connecting");
		go_down(db);
	}
	if (db->state == DB_UP && !db->busy)
		return UINT64_MAX;
	return db->until_ns > now_ns ? db->until_ns - now_ns : 0;
}
