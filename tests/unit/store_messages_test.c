/* messages in the store: their boxes, their rows, their place in the journal. */
#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

#include "ipc_temp.h"
#include "store/store.h"

enum { WALL = 1000000 };

static const uint8_t id[16] = { 1, 2, 3, 4, 5, 6, 0x57, 8, 0x89 };

static struct span
record(char *room, size_t cap, enum cdr_kind kind, const char *user)
{
	struct buf b = buf_on(room, cap);
	struct cdr_writer w;

	cdr_begin(&w, &b, kind);
	cdr_part(&w, CDR_P_MESSAGE);
	cdr_uuid(&w, CDR_MESSAGE_id, id);
	cdr_int(&w, CDR_MESSAGE_tenant_id, 7);
	if (kind == CDR_MESSAGE) {
		cdr_text(&w, CDR_MESSAGE_to_user, span_str(user));
		cdr_text(&w, CDR_MESSAGE_from_uri, SPAN("sip:\"a\\\"@x"));
		cdr_copy(&w, CDR_MESSAGE_headers, SPAN_NONE);
		cdr_copy(&w, CDR_MESSAGE_body, SPAN("a\0\xff\r\n"));
	} else {
		cdr_time(&w, CDR_MESSAGE_delivered_at, WALL);
	}
	cr_assert(cdr_end(&w));
	return buf_span(&b);
}

static struct dirty_key
key_of(unsigned n)
{
	struct dirty_key k;
	struct buf b = buf_on(k.bytes, sizeof(k.bytes));
	char user[16];

	snprintf(user, sizeof(user), "u%u", n);
	loc_key(&b, n % 3, span_str(user));
	k.len = (uint8_t)b.len;
	return k;
}

Test(store_messages, boxes)
{
	struct message_boxes b;
	struct dirty_key k;
	unsigned seen = 0;

	boxes_init(&b);
	for (unsigned n = 0; n < 1000; n++) {
		k = key_of(n);
		cr_assert_null(boxes_find(&b, &k));
		boxes_take(&b, &k)->waiting = n + 1;
	}
	for (unsigned n = 0; n < 1000; n++) {
		k = key_of(n);
		cr_assert_eq(boxes_take(&b, &k)->waiting, n + 1);
		if (n % 2 == 0)
			boxes_forget(&b, boxes_find(&b, &k));
	}
	for (struct message_box *x = NULL; (x = boxes_next(&b, x)) != NULL; seen++)
		cr_assert_eq(x->waiting % 2, 0);
	cr_expect_eq(seen, 500);
	for (unsigned n = 0; n < 1000; n += 2) {
		k = key_of(n);
		cr_assert_null(boxes_find(&b, &k));
		cr_assert_eq(boxes_take(&b, &k)->waiting, 0);
	}
	cr_expect_leq(b.n, 1000, "places are used again");
	boxes_done(&b);
}

Test(store_messages, box_of_a_record)
{
	char room[512], long_user[300] = { 0 };
	struct dirty_key k, same;
	struct buf b = buf_on(same.bytes, sizeof(same.bytes));

	cr_assert_eq(boxes_key(record(room, sizeof(room), CDR_MESSAGE, "bob"), &k), ERR_NONE);
	loc_key(&b, 7, SPAN("bob"));
	cr_expect(k.len == b.len && memcmp(k.bytes, same.bytes, k.len) == 0);
	cr_expect_neq(boxes_key(record(room, sizeof(room), CDR_MESSAGE, ""), &k), ERR_NONE);
	memset(long_user, 'x', sizeof(long_user) - 1);
	cr_expect_neq(boxes_key(record(room, sizeof(room), CDR_MESSAGE, long_user), &k), ERR_NONE);
	cr_expect_neq(boxes_key(record(room, sizeof(room), CDR_MESSAGE_GONE, ""), &k), ERR_NONE);
	cr_expect_neq(boxes_key(SPAN("nonsense"), &k), ERR_NONE);
}

static void
row_is(const struct buf *b, const char *text)
{
	cr_expect(
	    b->len == strlen(text) && memcmp(b->p, text, b->len) == 0, "%.*s", (int)b->len, b->p);
}

static bool
add(struct cdr_rows *rows, enum cdr_kind kind, const char *user)
{
	struct record_about about;
	char room[512];

	return record_about(record(room, sizeof(room), kind, user), &about) == ERR_NONE &&
	       cdr_rows_add(rows, &about);
}

Test(store_messages, rows)
{
	static char json[CDR_TABLES][1024];
	struct cdr_rows rows;

	for (unsigned i = 0; i < CDR_TABLES; i++)
		rows.json[i] = buf_on(json[i], sizeof(json[i]));
	cr_assert(add(&rows, CDR_MESSAGE, "bob"));
	cr_assert(add(&rows, CDR_MESSAGE_GONE, ""));
	cr_assert(add(&rows, CDR_MESSAGE_GONE, ""));
	for (unsigned i = 0; i < 3; i++)
		cr_expect_eq(rows.json[i].len, 0);
	row_is(&rows.json[3],
	    "[{\"id\":\"01020304-0506-5708-8900-000000000000\",\"tenant_id\":7,\"to_user\":\"bob\","
	    "\"from_uri\":\"sip:\\\"a\\\\\\\"@x\",\"headers\":\"\\\\x\",\"body\":"
	    "\"\\\\x6100ff0d0a\"}");
#define GONE                                                                                       \
	"{\"id\":\"01020304-0506-5708-8900-000000000000\",\"tenant_id\":7,"                        \
	"\"delivered_at\":\"1970-01-01T00:16:40.000Z\"}"
	row_is(&rows.json[CDR_GONE], "[" GONE "," GONE);
}

/* What the mark has passed is known to the database; after a restart too. */
Test(store_messages, journal)
{
	struct temp spool = temp_new();
	struct journal_pos behind;
	struct journal j;
	char room[512];

	journal_open(&j, spool.fd, 1);
	cr_expect(journal_knows_gone(&j));
	cr_assert_eq(
	    journal_add(&j, WALL, record(room, sizeof(room), CDR_MESSAGE, "bob")), ERR_NONE);
	cr_expect(journal_knows_gone(&j));
	cr_assert_eq(
	    journal_add(&j, WALL, record(room, sizeof(room), CDR_MESSAGE_GONE, "")), ERR_NONE);
	cr_assert_eq(journal_sync(&j), ERR_NONE);
	cr_expect_not(journal_knows_gone(&j));
	cr_expect_eq(j.pending, 2);
	cr_expect_eq(j.open.live, 0, "a message is no call");
	journal_close(&j);
	journal_open(&j, spool.fd, 1);
	cr_expect_not(journal_knows_gone(&j));
	cr_expect_eq(j.pending, 2);
	behind = (struct journal_pos){ j.seq, j.synced };
	journal_mark(&j, behind, 2, WALL);
	cr_expect(journal_knows_gone(&j));
	cr_expect_eq(j.pending, 0);
	journal_close(&j);
	journal_open(&j, spool.fd, 1);
	cr_expect(journal_knows_gone(&j));
	cr_expect_eq(j.pending, 0);
	journal_close(&j);
	temp_drop(&spool);
}
