/*
 * tandemctl: the operator's tool. Private header of daemons/ctl, by file.
 *
 * A command is a function that returns the exit status. What it refuses it says by ctl_refuse, in
 * one line; nothing else writes to stderr. Provisioning goes straight to PostgreSQL, the exchange
 * hears of it by the triggers there; what concerns the running exchange is asked of its control
 * process.
 */
#ifndef TANDEM_CTL_H
#define TANDEM_CTL_H

#include <jansson.h>
#include <libpq-fe.h>
#include <stdbool.h>
#include <stdio.h>

#include "model/settings.h"

enum ctl_exit { CTL_DONE, CTL_REFUSED, CTL_USAGE, CTL_ABSENT };

/* Options besides -c, for a command's list of those it takes. */
enum ctl_option {
	OPT_JSON = 1,
	OPT_PASSWORD = 2, /* --password P, --password-stdin */
	OPT_NAME = 4,
	OPT_WHEN = 8,     /* --since T, --until T */
	OPT_USER = 16,
	OPT_FORMAT = 32,
	OPT_AS = 64,      /* --at T, --priority P */
	OPT_WIDE = 128,   /* --wide */
};

/* What a command must know of a configuration file that has an error somewhere. */
enum ctl_need {
	NEED_RUN_DIR = SETTINGS_RUN_DIR,
	NEED_DATABASE = SETTINGS_DATABASE,
	NEED_DOMAINS = SETTINGS_DOMAINS,
	NEED_WHOLE = 8, /* everything: it is of no use while there is an error */
};

struct command;
struct ctl {
	const struct command *command;
	const char *file;       /* of the configuration */
	const char *password, *name, *since, *until, *user, *format, *at, *priority;
	const char *unknown;    /* an option that there is not */
	bool json, wide, password_stdin;
	unsigned given;         /* enum ctl_option bits */
	struct settings_file *settings;
	unsigned known;         /* enum ctl_need bits: what of them can be relied on */
	PGconn *db;             /* NULL until db_connect */
	const char *const *fit; /* of a table: the columns, the most needed first; NULL: all */
	char where[128];        /* put before refusals: "users.csv:3: " */
};

struct command {
	const char *group, *verb; /* verb NULL: the command is one word */
	const char *args;         /* for the help */
	int min, max;             /* how many words may follow; max -1: any number */
	unsigned options, needs;
	int (*run)(struct ctl *c, int n, char **words);
	const char *help;
	const struct object *object; /* that it is about, or NULL */
	const char *none;            /* said in place of a table without rows, or NULL */
};

/* main.c */
int ctl_refuse(const struct ctl *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
int ctl_usage(const struct ctl *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Says something and goes on. */
void ctl_note(const struct ctl *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* options.c */
/* Takes the options out of argv; what is left are the command's n words. CTL_DONE, or what was wrong
 * was said; one that there is not is left to the caller (c->unknown). */
int options_take(struct ctl *c, int argc, char **argv, int *n_r);
/* Refuses c->unknown, or what is given and not among the command's options. */
int options_check(const struct ctl *c, const struct command *k);
/* A line for each of these enum ctl_option bits. */
void options_help(unsigned options);

/* commands.c */
extern const char default_file[];
extern const struct command commands[]; /* up to one without group; a group's stand together */
/* CTL_DONE, or it was said that there is none and which one may be meant. */
int command_find(const struct ctl *c, int n, char **words, const struct command **k_r);
bool command_is(const struct command *k, int n, char **words);

/* help.c */
int help_all(void);
/* Of the command, or all of an object, that these words begin. */
int help_of(const struct ctl *c, int n, char **words);

/* nearest.c: what a mistyped word may have been meant to be */
struct nearest {
	const char *word, *best; /* best NULL: nothing is near */
	unsigned distance;
};
void nearest_try(struct nearest *n, const char *candidate);
/* "; did you mean X?" or nothing, in a buffer of the caller's. */
const char *nearest_text(const struct nearest *n, char *to, size_t cap);

/* file.c */
/* The configuration: whole, or so much of it as the command needs, then with a note of the error. */
int file_read(struct ctl *c, struct settings_file *settings);

/* table.c */
/* Text that may come from the network, made fit for a terminal: control bytes (C0, C1, DEL), marks
 * that turn the direction of writing and invalid UTF-8 as \xNN. Returns the columns it takes; f NULL:
 * only that. */
unsigned text_put(FILE *f, const char *s);
json_t *rows_of(const PGresult *r);
/* A table, or the command's word for none, or with --json an array. Takes the reference. */
int rows_print(const struct ctl *c, json_t *rows);
/* One line a column, or with --json an object. Takes the reference. */
int row_print(const struct ctl *c, json_t *row);
/* How wide a table may be: as COLUMNS says, or the terminal; 0: there is no end. */
unsigned table_width(void);
/* Runs out the usual end of a listing: refuses what went wrong in r, else prints and clears it. */
int result_list(struct ctl *c, PGresult *r);
int result_show(struct ctl *c, PGresult *r, const char *what, const char *name);

/* csv.c: RFC 4180 */
enum { CSV_COLUMNS = 64 };
struct csv {
	char *text, *next;         /* owned; cut in place */
	unsigned line, next_line;  /* of the present record, of the one that follows */
	unsigned n;
	char *cells[CSV_COLUMNS];
};
enum err csv_open(struct csv *csv, FILE *f);
/* False at the end, or with *why_r not NULL when the text is malformed. */
bool csv_next(struct csv *csv, const char **why_r);
void csv_done(struct csv *csv);
/* One cell, quoted where it must be; what a spreadsheet would run as a formula gets a ' in front. */
void csv_put(FILE *f, const char *cell);
void csv_print(const PGresult *r);

/* connect.c */
int db_connect(struct ctl *c);
/* Parameters are text, NULL is null. Never NULL; the caller clears it. */
PGresult *db_run(struct ctl *c, const char *sql, int n, ...);
bool db_good(const PGresult *r);
/* Says what was wrong, clears r. With `what`, the fault is in its value, which is not `hint`. */
int db_refuse(struct ctl *c, PGresult *r, const char *what, const char *value, const char *hint);
/* A statement whose rows do not matter. */
int db_do(struct ctl *c, const char *sql);

/* control.c: the running exchange */
/* Sends {"command": command, "args": args}; takes the reference of args (NULL: none). CTL_DONE and
 * the reply, or what went wrong was said. */
int control_ask(struct ctl *c, const char *command, json_t *args, json_t **reply_r);
/* The same, but the exchange's refusal (CTL_REFUSED) is the reply, and the caller says it:
 * *reply_r is NULL when another thing went wrong, which was said. */
int control_try(struct ctl *c, const char *command, json_t *args, json_t **reply_r);
int control_refuse(struct ctl *c, json_t *reply);

/* keys.c: KEY=VALUE, of the command's object */
enum key_kind { KEY_TEXT, KEY_FLAG, KEY_WORD, KEY_OWN };
enum { KEY_MAX = 64 };
struct key {
	const char *name;
	const char *help;    /* what it means, in one line */
	enum key_kind kind;
	const char *hint;    /* "KEY: "VALUE" is not ..."; a flag needs none */
	const char *value;   /* SQL: $2 as the column takes it; '' clears */
	const char *table;   /* NULL: the object's */
	const char *column;  /* NULL: called as the key is */
	int (*apply)(struct ctl *c, const char *id, const char *value); /* KEY_OWN */
};
/* How a KEY_WORD is shown: as it is written on the command line. */
#define WORD_SHOWN(column) "replace(" column "::text, '_', '-')"
/* Usual values: text that may be absent, and a type with what it is when it is cleared. */
#define KEY_NULL "nullif($2, '')"
#define KEY_OR(type, cleared) "coalesce(" KEY_NULL "::" type ", " cleared ")"
/* Among those up to a key without name; NULL when it is none of them. */
const struct key *key_find(const struct key *keys, const char *name);
/* Their names, comma between. */
void keys_list(const struct key *keys, char *to, size_t cap);
/* The value as the database takes it, perhaps in `word`; NULL: not on or off. */
const char *key_value(const struct key *k, const char *value, char word[KEY_MAX]);
int key_set(struct ctl *c, const char *id, const char *name, const char *value);
/* Each in its own statement, inside the caller's transaction. */
int keys_set(struct ctl *c, const char *id, int n, char **words);
/* The value of name= among the words (the last one's), or NULL. */
const char *words_value(int n, char **words, const char *name);

/* object.c: what tenants, subscribers, groups, gateways and routes have in common */
struct name {                  /* NAME[@DOMAIN], and whose it is; of a tenant only arg counts */
	const char *arg;       /* as it was given */
	char text[128], domain[SETTINGS_HOST];
	char tenant[16], realm[SETTINGS_HOST];
};
/* Cut at the @, with the domain in lower case; the rest stays empty. */
int name_cut(struct ctl *c, const char *arg, struct name *n_r);
/* Whose it is, by its domain. */
int name_place(struct ctl *c, struct name *name);
/* Both. */
int name_find(struct ctl *c, const char *arg, struct name *n_r);

enum { ID_MAX = 24 };
/*
 * In its statements $1 is the name and $2 the tenant_id, which a tenant's own do without. `add` has
 * one parameter more, the value of the key that is needed, unless needs_column is NULL; it returns
 * the id, as `find` does. `del` has only the id, `list` what may follow the command, or null.
 */
struct object {
	const char *word;         /* in commands and refusals */
	const char *table, *id;   /* of its keys; id: the column */
	bool global;              /* its names are no tenant's */
	const char *a_name;       /* "WORD: "NAME" is not ..." */
	const char *needs;        /* the key without which nothing is added; NULL: none */
	const char *needs_column; /* the part of a column's or constraint's name that blames it */
	const struct key *keys;
	/* Refuses, before the database is asked, what add, set and del may not do. NULL: nothing. */
	int (*refuse)(const struct ctl *c, int n, char **words);
	const char *add, *find, *show, *del, *list;
};
/* What a command needs that changes something: a connection, whose the name is, a transaction. */
int object_begin(struct ctl *c, const char *arg, struct name *n_r);
/* And the id of what has this name. */
int object_change(struct ctl *c, const char *arg, struct name *n_r, char id_r[ID_MAX]);
int object_add(struct ctl *c, int n, char **words);
int object_set(struct ctl *c, int n, char **words);
int object_show(struct ctl *c, int n, char **words);
int object_del(struct ctl *c, int n, char **words);
int object_list(struct ctl *c, int n, char **words);
extern const struct object gateway_object, group_object, number_object, route_object,
    subscriber_object, tenant_object;

/* number.c */
int number_add(struct ctl *c, int n, char **words);

/* tenant.c */
int tenant_sync(struct ctl *c); /* the default tenant's domains, as the configuration has them */

/* subscriber.c */
struct buf;
/* $1 the tenant, $2 the name, $3 to $5 the digests, and more columns, each with a comma in front. */
void subscriber_insert_sql(struct buf *b, const char *columns, const char *values);
int subscriber_insert(struct ctl *c, const struct name *name, const char *password,
    char id_r[ID_MAX]);
int subscriber_add(struct ctl *c, int n, char **words);
int subscriber_set(struct ctl *c, int n, char **words);

/* password.c */
enum { PASSWORD_MAX = 128 };
/* As the options say: given, on stdin, or NULL when there is none. CTL_DONE, or it was refused. */
int password_given(struct ctl *c, char password_r[PASSWORD_MAX + 1], bool *given_r);
void password_make(char password_r[PASSWORD_MAX + 1]);
int password_check(struct ctl *c, const char *password);
struct password_ha1 {
	char md5[33], sha256[65], sha512_256[65]; /* hexadecimal */
};
void password_ha1(const struct name *name, const char *password, struct password_ha1 *ha1_r);

/* import.c */
int subscriber_import(struct ctl *c, int n, char **words);

/* db.c */
int db_init(struct ctl *c, int n, char **words);
int db_upgrade(struct ctl *c, int n, char **words);
int db_version(struct ctl *c, int n, char **words);

/* call.c */
/* A call that goes on, or the record of one that has ended, with its ladder. */
int call_show(struct ctl *c, int n, char **words);

/* ladder.c */
/* Both as call show has them; nothing when there is no ladder. */
void ladder_print(const json_t *legs, const json_t *ladder);

/* cdr.c */
/* Of this call the segments, perhaps none, and what its legs said: an object of `legs`, `ladder`,
 * `merged_into`, `merged`. Or what went wrong was said. */
int cdr_of_call(struct ctl *c, const char *id, json_t **rows_r, json_t **said_r);
int cdr_list(struct ctl *c, int n, char **words);
int audit_list(struct ctl *c, int n, char **words);

/* runtime.c */
int runtime_calls(struct ctl *c, int n, char **words);
int runtime_completions(struct ctl *c, int n, char **words);
int runtime_call_hangup(struct ctl *c, int n, char **words);
int runtime_explain(struct ctl *c, int n, char **words);
int runtime_registrations(struct ctl *c, int n, char **words);
int runtime_status(struct ctl *c, int n, char **words);
int runtime_ps(struct ctl *c, int n, char **words);
int runtime_reload(struct ctl *c, int n, char **words);
int runtime_upgrade(struct ctl *c, int n, char **words);
int runtime_stop(struct ctl *c, int n, char **words);
int runtime_metrics(struct ctl *c, int n, char **words);
/* drill.c */
int drill(struct ctl *c, int n, char **words);

#endif
