/*
 * The store: PostgreSQL for the exchange. The directory comes in, bindings and call records go out;
 * the one process that may wait. Private to daemons/store; a section for each file.
 *
 *     rings of the workers --> journal (on disk) --> cdr_insert --> database
 *     ring of the registrar --> bindings ------------------------->
 *     own region <-- directory_load <------------------------------
 *
 * What a call needs never waits for any of this: while the database is away the journal and the set
 * of changed bindings grow, and the directory stays as it was.
 */
#ifndef TANDEM_STORE_STORE_H
#define TANDEM_STORE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/hash.h"
#include "base/loop.h"
#include "base/table.h"
#include "ipc/child.h"
#include "model/cdr.h"
#include "model/directory.h"
#include "model/location.h"
#include "model/registrar_shape.h"
#include "model/settings.h"
#include "store/directory_rows.h"

struct pg_conn; /* libpq's PGconn and PGresult; libpq-fe.h only where they are used */
struct pg_result;

/* --- frame.c: what stands in a segment of the journal --------------------------------------------
 *
 *     segment: magic (8) | identity (8) | seq (8) | crc (4) | 0 (4), then frames
 *     frame:   length (4) | crc (4) | wall clock in ms (8) | a call's record (model/cdr.h)
 *
 * All little-endian. The identity is the run_dir's: calls of another identity are lost with its
 * shared memory. A frame of length 0 only says the time. */
enum { SEGMENT_HEAD = 32, FRAME_HEAD = 16, FRAME_MAX = FRAME_HEAD + CDR_RECORD_MAX };

struct journal_pos {
	uint64_t seq, at; /* segment and byte in it */
};
struct frame {
	struct journal_pos pos; /* where it begins */
	int64_t wall_ms;
	struct span record; /* good until the next read */
};
struct frames { /* reads one segment after the other */
	int dir, fd;
	uint64_t seq, identity;
	uint64_t at;  /* of the next frame */
	char *window; /* bytes [window_at, window_at + have) of the segment */
	uint64_t window_at;
	size_t have;
};

void segment_name(char name[32], uint64_t seq);
void segment_head_put(char head[SEGMENT_HEAD], uint64_t seq, uint64_t identity);
void frame_put(struct buf *b, int64_t wall_ms, struct span record);
/* fatal() without memory. */
void frames_init(struct frames *f, int dir);
void frames_done(struct frames *f);
/* Goes to a place: opens its segment unless it is open. ERR_ABSENT: no such file; ERR_SYNTAX: its
 * head is not sound; ERR_IO. */
enum err frames_seek(struct frames *f, struct journal_pos pos);
/* The next frame that ends at or before `end`. ERR_ABSENT: there is not all of one; ERR_SYNTAX: what
 * stands there is no sound frame; ERR_IO. */
enum err frames_next(struct frames *f, uint64_t end, struct frame *frame_r);
uint64_t frames_size(const struct frames *f); /* of the segment */
/* Over bytes that are no frame, to the next that is a sound one with a record; ERR_ABSENT: none up to
 * `end`, and nothing moved. */
enum err frames_skip(struct frames *f, uint64_t end);

/* --- open_calls.c: calls whose end is not in the journal yet -------------------------------------*/
struct open_call {
	uint8_t call_id[16];
	struct journal_pos at; /* of its latest record that has segments, or of its first */
	uint64_t identity;
	int64_t seen_ms; /* its exchange was last known to live */
	bool used;
};
struct open_calls {
	struct open_call *calls;
	uint32_t n, cap, live;
	uint32_t hint; /* no free slot below it */
	struct table index;
	struct hash_key key;
};
void open_calls_init(struct open_calls *o);
void open_calls_done(struct open_calls *o);
/* What a record is, after it was checked whole: so long as its bytes stand, nobody need check it again. */
struct record_about {
	enum cdr_kind kind;
	uint8_t id[16];          /* of the call or the message */
	bool has_segments;
	struct cdr_reader parts; /* before the first */
};
enum err record_about(struct span record, struct record_about *about_r); /* ERR_SYNTAX */
/* A record stands in the journal now. */
void open_calls_saw(struct open_calls *o, const struct record_about *about, struct journal_pos at,
    uint64_t identity);
/* The exchange of this identity was alive at that time. */
void open_calls_beat(struct open_calls *o, uint64_t identity, int64_t wall_ms);
struct open_call *open_calls_next(const struct open_calls *o, const struct open_call *prev);
void open_calls_forget(struct open_calls *o, struct open_call *c);
/* The kind of a record, and the call or message it is about; ERR_SYNTAX. */
enum err record_call(struct span record, enum cdr_kind *kind_r, uint8_t call_id_r[16]);
/* Makes the closing record of a call that died with its exchange at end_ms, out of the latest that is
 * known of it (BILLING.md R27). False: that one cannot be read or has no room. */
bool record_close(struct span latest, int64_t end_ms, struct buf *b);

/* --- journal.c -----------------------------------------------------------------------------------
 * What was added is on disk when journal_sync() says so; only then may the ring have it back. When
 * the disk takes nothing, journal_add() and journal_sync() fail, nothing is lost and they may be
 * called again. */
enum { JOURNAL_SEGMENT = 64 << 20, JOURNAL_BUFFER = 1 << 20 };

struct journal {
	int dir, fd;		  /* fd: the segment written to; -1 none yet */
	uint64_t seq, oldest;	  /* segment written to; oldest that is kept */
	uint64_t synced, written; /* bytes of it on disk for sure; handed to the kernel */
	uint64_t limit;		  /* bytes of a segment; JOURNAL_SEGMENT, less in tests */
	struct buf unsynced;	  /* bytes [synced, synced + len): kept until they are on disk */
	uint64_t identity;
	struct journal_pos mark; /* what is before it is in the database */
	uint64_t pending;	 /* closed calls and messages beyond the mark */
	struct journal_pos gone; /* the last that says of a message that it was delivered */
	uint32_t lost;		 /* open calls of another identity: to be closed by us */
	bool broken;		 /* the last write failed: logged once */
	bool roll;		 /* what comes next goes into a new segment */
	struct frames frames;	 /* for own reading */
	struct open_calls open;
};

/* Finds what is there, cuts a torn tail, counts what is beyond the mark. Never fails: what cannot be
 * read is logged and left out. fatal() without memory. */
void journal_open(struct journal *j, int dir, uint64_t identity);
void journal_close(struct journal *j);
enum err journal_add(struct journal *j, int64_t wall_ms, struct span record);
enum err journal_sync(struct journal *j);
/* Does the database know of every message that was delivered? */
bool journal_knows_gone(const struct journal *j);
/* Says that the exchange lives, when a call is open. */
void journal_beat(struct journal *j, int64_t wall_ms);
/* Closes calls that were lost with an earlier run_dir; again while j->lost is not 0. */
void journal_close_lost(struct journal *j, int64_t wall_ms);
/* Everything before pos is in the database, `closed` calls and messages more than before. Segments that are all
 * before it go; what is still open in them is written once more first. */
void journal_mark(struct journal *j, struct journal_pos pos, uint64_t closed, int64_t wall_ms);
/* The next frame on disk at or after *pos; moves *pos behind it. ERR_ABSENT: none yet. */
enum err journal_read(
    struct journal *j, struct frames *f, struct journal_pos *pos, struct frame *frame_r);
uint64_t journal_bytes(const struct journal *j); /* beyond the mark, about */

/* --- segments.c: the files of the journal ---------------------------------------------------------*/
/* The lowest and highest number there is; ERR_ABSENT: none. */
enum err segments_find(int dir, uint64_t *first_r, uint64_t *last_r);
/* Makes an empty one, on disk with its name; -1 with errno. */
int segment_make(int dir, uint64_t seq, uint64_t identity);
bool segment_remove(int dir, uint64_t seq);
/* The mark, or {0, 0} when there is none that is sound. */
struct journal_pos mark_read(int dir);
bool mark_write(int dir, struct journal_pos mark);
/* Makes a file with these bytes beside its old version and switches; on disk when `sync`. */
bool spool_replace(int dir, const char *name, struct span bytes, bool sync);

/* --- database.c ----------------------------------------------------------------------------------
 * One connection, one job at a time. A job is some statements in one transaction, sent at once
 * (pipeline mode). */
enum db_state { DB_DOWN, DB_CONNECTING, DB_CHECKING, DB_UP };
enum db_end {
	DB_DONE,    /* committed */
	DB_REFUSED, /* because of the data: the same again would be refused again */
	DB_FAILED   /* for another reason; nothing of it is done; try again later */
};
enum { DB_SCHEMA = 47, DB_PARAMS = 5, DB_STEPS = 5 };

struct db_step {
	const char *sql;
	int n;
	const char *params[DB_PARAMS];
};
struct db_job {
	const char *what;					       /* for the log */
	void (*rows)(void *ctx, unsigned step, struct pg_result *res); /* may be NULL */
	void (*done)(void *ctx, enum db_end end);
	void *ctx;
};
struct db {
	enum db_state state;
	const char *where; /* the connection string: a secret, never logged */
	struct pg_conn *conn;
	struct loop *loop;
	struct loop_watch watch;
	uint32_t watched;  /* events asked for */
	uint64_t until_ns; /* DOWN: when to try; else: when to give up */
	uint32_t tries;
	struct db_job job;
	bool busy, refused, failed;
	bool kept; /* the result in hand is somebody else's now */
	unsigned step;
	int version;	      /* of the schema, as read */
	char complaint[160];  /* what was last logged, so that it is said once */
	struct process *self; /* counters */
	uint64_t now_ns;
	void (*up)(void *ctx);
	void (*down)(void *ctx);
	void (*notified)(void *ctx, const char *payload);
	void *ctx;
};

void db_init(struct db *db, struct loop *loop, const char *where, struct process *self);
void db_close(struct db *db);
/* Once a turn: connects, gives up. Returns when it wants the next turn (ns from now). */
uint64_t db_turn(struct db *db, uint64_t now_ns);
bool db_idle(const struct db *db); /* up, and no job is running */
/* Parameters are copied, and sent at once. Only when idle. `done` is called later, exactly once. */
void db_run(struct db *db, const struct db_job *job, const struct db_step *steps, unsigned n);
/* In `rows`: the result is the caller's from now on, who gives it to PQclear. */
void db_keep(struct db *db);

/* --- cdr_json.c ----------------------------------------------------------------------------------*/
enum { CDR_TABLES = 5, CDR_GONE = 4 }; /* call, cdr, cdr_leg, message: parts in their order; then
					* the messages that were delivered */
struct cdr_rows {
	struct buf json[CDR_TABLES]; /* "[{...},{...}" : the closing bracket is put last */
};
/* Adds the rows of a closed record. False, and nothing added, when there is no room. */
bool cdr_rows_add(struct cdr_rows *r, const struct record_about *about);
/* insert into tandem.call (...) select ... ; NUL-terminated into b. */
void cdr_insert_sql(struct buf *b, enum cdr_part part);
extern const char message_gone_sql[];

/* --- cdr_insert.c --------------------------------------------------------------------------------*/
enum { CDR_BATCH = 256, CDR_JSON = 2 << 20, CDR_SQL = 4096 };
struct cdr_insert {
	struct frames frames;
	struct cdr_rows rows;
	struct journal_pos next, behind; /* to be read; behind the batch in flight */
	uint8_t ids[CDR_BATCH][16];	 /* calls and messages of the batch: none twice */
	unsigned most, n;		 /* of the next batch; in the one in flight */
	unsigned messages;		 /* among these */
	uint64_t retry_ns;		 /* not before */
	uint64_t partitions_ns;		 /* when months are made again */
	char *sql[CDR_TABLES];
};

/* --- directory_load.c ----------------------------------------------------------------------------*/
enum { DIR_CHANGES = 4096, DIR_CHANGES_AT_ONCE = 64 };
struct directory_load {
	bool all, renewing; /* everything is to be read; it is being read */
	enum dir_kind kind; /* of the page, or of the changes in flight */
	struct dir_cursor cursor;
	struct pg_result *page; /* came, and is put down while PostgreSQL makes the next; NULL: none */
	enum dir_kind page_kind;
	uint64_t began_ns;
	struct dir_change *changes; /* told, not read yet */
	unsigned n_changes, in_flight;
	uint64_t retry_ns, saved_ns, saved_version, zones_ns;
	struct dir_tally tally;
};

/* --- snapshot.c: the directory in spool_dir, for a start without PostgreSQL and without run_dir ---*/
bool snapshot_save(const struct directory *d, int dir);
/* ERR_ABSENT, ERR_VERSION (of another program), ERR_SYNTAX (not whole). */
enum err snapshot_load(struct directory *d, int dir, int64_t *saved_ms_r);

/* --- dirty.c: keys of the location table whose rows are to be written ----------------------------*/
enum { DIRTY_KEY = 160 };
struct dirty_key {
	uint8_t len;
	char bytes[DIRTY_KEY];
};
struct dirty { /* a set, oldest first */
	struct dirty_key *keys;
	uint32_t first, n, cap;
	struct table index;
	struct hash_key key;
	uint64_t since_ns; /* the oldest came in */
};
void dirty_init(struct dirty *d);
void dirty_done(struct dirty *d);
/* ERR_RANGE: longer than any user's key. */
enum err dirty_add(struct dirty *d, struct span key, uint64_t now_ns);
bool dirty_take(struct dirty *d, struct dirty_key *key_r);

/* --- binding_rows.c: bindings to rows and back ---------------------------------------------------*/
extern const char binding_delete_sql[], binding_insert_sql[], binding_page_sql[];
/* Adds {"t":..,"u":..} and the rows of a key as they stand now. False: no room, nothing added. */
bool binding_rows_put(
    struct buf *keys, struct buf *rows, struct span key, const struct location *loc);
/* The address-of-record that begins at `row` of a page, as a location; *next_r: the row behind it.
 * An empty span: nothing usable. */
struct span binding_rows_read(
    const struct pg_result *res, int row, int *next_r, struct loc_buf *b, struct buf *key);

/* --- bindings.c ----------------------------------------------------------------------------------*/
enum { BINDING_BATCH = 200, BINDING_JSON = 1 << 20 };
enum bindings_phase {
	BINDINGS_WAIT,	  /* no database yet, or nothing known of it */
	BINDINGS_LOAD,	  /* its rows go to the registrar, whose table is fresh */
	BINDINGS_COMPARE, /* its rows are looked up in the registrar's table */
	BINDINGS_WALK,	  /* all of the registrar's table is written again */
	BINDINGS_FOLLOW	  /* only what changes */
};
struct bindings {
	enum bindings_phase phase;
	struct dirty dirty;
	struct dirty_key flight[BINDING_BATCH];
	unsigned n_flight, most;
	bool page_asked;
	struct dir_cursor cursor;
	struct pg_result *page; /* rows that wait for room in the registrar's ring */
	int row;
	bool load_told; /* LOAD_DONE was sent in this life */
	uint64_t walk, retry_ns;
	char *keys, *rows; /* JSON of the batch */
	struct locations locations;
	const struct registrar_head *head; /* NULL: the registrar has made no table yet */
};

/* --- message_boxes.c: how many messages wait for whom ---------------------------------------------*/
struct message_box {
	struct dirty_key key; /* of the location table: tenant and user */
	uint32_t waiting, counted;
	bool used, touched; /* touched: something came in since the count began */
	int64_t oldest_ms;  /* of its messages in the batch in flight; 0 = none */
};
struct message_boxes {
	struct message_box *boxes;
	uint32_t n, cap;
	uint32_t *free, n_free;
	struct table index;
	struct hash_key key;
};
void boxes_init(struct message_boxes *b);
void boxes_done(struct message_boxes *b);
struct message_box *boxes_find(const struct message_boxes *b, const struct dirty_key *k);
/* The one that is there, or an empty one. Invalid after the next boxes_take. */
struct message_box *boxes_take(struct message_boxes *b, const struct dirty_key *k);
void boxes_forget(struct message_boxes *b, struct message_box *box);
struct message_box *boxes_next(const struct message_boxes *b, const struct message_box *prev);
/* The box of a message's record; ERR_SYNTAX. */
enum err boxes_key(struct span record, struct dirty_key *key_r);

/* --- messages.c: messages for who is absent are kept; message_flights.c: and delivered -------------*/
enum { MESSAGE_FLIGHTS = 64, MESSAGE_ACKS = 256 };
/* Somebody who is there again gets what waits for him, one after the other:
 *
 *     FREE --due--> WANTED --job--> READING --row--> FLYING --a phone has it, or refuses it--> WANTED
 *                     ^               | none: FREE     | no phone answers: FREE
 *                     +----- RESTING <+ another has it, or the worker's ring is full              */
enum flight_state { FLIGHT_FREE, FLIGHT_WANTED, FLIGHT_READING, FLIGHT_FLYING, FLIGHT_RESTING };
struct message_flight {
	enum flight_state state;
	struct dirty_key key;
	char after[24], here[24]; /* message_no: those behind it are to come; of the one that flies */
	uint8_t id[16], gone[16]; /* that flies; that was delivered last */
	uint32_t silent;	  /* phones that have not said anything; UINT32_MAX: none has yet */
	bool refused, again;	  /* a phone did not want it; he has registered once more */
	unsigned tries;
	uint64_t until_ns; /* FLYING: given up; RESTING: tried again */
};
struct message_ack { /* in the journal, not on disk yet */
	unsigned worker;
	struct wire_message_fate fate;
};
struct messages {
	struct message_boxes boxes;
	struct dirty due, written; /* who has registered; whose messages are in the batch in flight */
	struct message_flight flights[MESSAGE_FLIGHTS];
	unsigned reading;   /* the flight whose job runs */
	enum { ROW_NONE, ROW_OTHERS, ROW_MINE, ROW_PASSED } row_is; /* what it has read */
	struct buf row;	    /* ROW_MINE: as a record */
	int64_t row_ms;	    /* ROW_OTHERS: so long it is somebody else's */
	struct message_ack acks[MESSAGE_ACKS];
	unsigned n_acks;
	enum { COUNT_NONE, COUNT_SWEEP, COUNT_PAGES } counting;
	bool page_asked;
	struct dir_cursor cursor;
	uint64_t count_ns, retry_ns;
	char life[96]; /* who has a row in hand: this node, in this life of its store */
};

/* --- codes.c: service codes that change a subscriber's settings -----------------------------------*/
enum { CODES_MAX = 64 };
struct code_wait {
	unsigned worker;
	struct wire_code code;
};
struct codes { /* oldest first; the first may be in flight */
	struct code_wait waiting[CODES_MAX];
	unsigned n;
	struct wire_code_done done; /* of the one in flight, as far as it is known */
};

/* --- main.c --------------------------------------------------------------------------------------*/
enum { STORE_CLIENTS = 5 };
struct store {
	struct child child;
	struct loop *loop;
	struct db db;
	struct journal journal;
	struct cdr_insert cdr;
	struct directory directory;
	struct directory_load load;
	struct bindings bindings;
	struct messages messages;
	struct codes codes;
	const struct settings *settings;
	uint64_t unsynced_ns;	/* the oldest record that is not on disk; 0 = none */
	uint64_t disk_retry_ns; /* the disk refused: not before */
	uint64_t started_ns, second_ns, beat_ns;
	const struct ring_record
	    *held[PROC_MAX]; /* shown by a worker's ring, not in the journal yet */
	unsigned client;     /* whose turn it is at the database */
	bool ready, settled; /* settled: what to start with was decided */
};

void cdr_insert_open(struct store *s);
void cdr_insert_close(struct store *s);
void directory_load_open(struct store *s);
void directory_load_close(struct store *s);
void directory_load_up(struct store *s); /* a new connection: everything is read again */
void directory_load_down(struct store *s);
/* Puts down the page that came: what is put now must not be overwritten by it. */
void directory_load_settle(struct store *s);
void directory_load_told(struct store *s, const char *payload);
void directory_load_second(struct store *s); /* once a second: the snapshot */
void bindings_open(struct store *s);
void bindings_close(struct store *s);
void bindings_up(struct store *s);
void bindings_down(struct store *s);
void bindings_take(struct store *s, const struct wire_binding *w, uint32_t len);
void bindings_turn(struct store *s); /* what needs no database */
/* When the latest of this key's contacts registered, or was refreshed; INT64_MIN: there is none. */
int64_t bindings_latest(struct store *s, const struct dirty_key *key);
void messages_open(struct store *s);
void messages_close(struct store *s);
/* Of a worker. False: the disk does not take it now; it is to be shown again. */
bool messages_keep(struct store *s, unsigned worker, const struct wire_message *m, uint32_t len);
bool messages_done(struct store *s, const struct wire_message_fate *f);
/* The journal is on disk: before the rings have their room back, the senders are told. */
void messages_synced(struct store *s);
/* A message is in the batch for the database; the batch is in. */
void messages_gathered(struct store *s, struct span record);
void messages_written(struct store *s);
void messages_registered(struct store *s, struct span key);
void messages_up(struct store *s);
void messages_turn(struct store *s);
bool messages_start(struct store *s, uint64_t *wait_r);
void flights_landed(struct store *s, const struct wire_message_fate *f);
void flights_turn(struct store *s);
bool flights_start(struct store *s, uint64_t *wait_r);
/* Of a worker: what cannot be done now is refused at once, so that nothing is thought done that is not. */
void codes_take(struct store *s, unsigned worker, const struct wire_code *w);
void codes_down(struct store *s);
/* Clients of the database: each starts a job if it has one to do; *wait_r: ns until it may have. */
bool cdr_insert_start(struct store *s, uint64_t *wait_r);
bool directory_load_start(struct store *s, uint64_t *wait_r);
bool bindings_start(struct store *s, uint64_t *wait_r);
bool codes_start(struct store *s, uint64_t *wait_r);

/* --- poison.c ----------------------------------------------------------------------------------- */

/* len: of the payload, with w. */
void poison_keep(struct store *s, unsigned from, const struct wire_poison *w, uint32_t len);

#endif
