/*
 * What of PostgreSQL stands in the directory: which statement asks for it (directory_sql.c), and how a row
 * becomes a record (directory_rows.c). Part of store.h.
 */
#ifndef TANDEM_STORE_DIRECTORY_ROWS_H
#define TANDEM_STORE_DIRECTORY_ROWS_H

#include <stdbool.h>
#include <stdint.h>

#include "model/directory.h"

struct pg_result;

enum dir_kind {
	DIR_TENANT,
	DIR_DOMAIN,
	DIR_GATEWAY,
	DIR_ROUTE,
	DIR_SUBSCRIBER,
	DIR_NUMBER,
	DIR_GROUP,
	DIR_CODE,
	DIR_CLASS,
	DIR_LISTED, /* an entry of a list of callers */
	DIR_EMERGENCY,
	DIR_SPEED, /* a place of a subscriber's speed dial */
	DIR_RULES, /* all rules of a subscriber */
	DIR_PAGED, /* those above are read page by page */
	DIR_SUBSCRIBER_GONE = DIR_PAGED,
	DIR_KINDS
};
struct dir_change {
	enum dir_kind kind;
	uint64_t id; /* tenant, subscriber, gateway; else the tenant of name */
	char name[132];
};
struct dir_cursor { /* where a page ended */
	char id[24], name[132];
};
struct dir_tally {
	int64_t subscribers;
	bool full; /* the directory has no room for all: logged */
};
/* payload: "subscriber:5", "did:1:+88621234"; ERR_ABSENT: nothing the directory holds. */
enum err dir_change_read(const char *payload, struct dir_change *c_r);
const char *dir_page_sql(enum dir_kind kind);	/* $1, $2: the cursor */
const char *dir_change_sql(enum dir_kind kind); /* $1: [{"i":5,"n":"..."}] */
const char *dir_groups_sql(void);	       /* the same of the groups that subscriber $1 is in */
const char *dir_kind_name(enum dir_kind kind); /* as a change names it */

/* directory_rows.c: puts (or deletes) what the rows of either say. */
void dir_rows(
    struct directory *d, enum dir_kind kind, const struct pg_result *res, struct dir_tally *t);
/* The key of a page's last row. False, and nothing written: the page is empty. */
bool dir_last(const struct pg_result *res, struct dir_cursor *cursor_r);

#endif
