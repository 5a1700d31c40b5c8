/*
 * Messages waiting (RFC 3842), application/simple-message-summary: the lamp of a telephone. The numbers
 * stand in the directory with the subscriber, where the store keeps them as table tandem.mailbox has them.
 *
 * The directory does not say whose record has changed, only that one has: then all who watch their mailbox
 * are looked at, a part each second, and told when theirs is another.
 */
#include "registrar/registrar.h"

enum { LOOK_MOST = 4096 };

size_t
summary_put(struct registrar *r, struct subject *of, struct buf *b)
{
	struct dir_buf room;
	const struct dir_subscriber *s =
	    directory_subscriber(&r->directory, of->tenant, of->user, &room);
	const struct dir_mailbox none = { 0 }, *m = s == NULL ? &none : &s->mailbox;

	buf_lit(b, "Messages-Waiting: ");
	buf_str(b, m->new_messages > 0 ? "yes" : "no");
	buf_lit(b, "\r\nMessage-Account: ");
	buf_put(b, of->entity);
	buf_printf(b, "\r\nVoice-Message: %u/%u (%u/%u)\r\n", m->new_messages, m->old_messages,
	    m->urgent_new, m->urgent_old);
	return 0;
}

void
summaries_check(struct registrar *r)
{
	uint64_t version;
	struct subscription *s;

	if (!registrar_has_directory(r))
		return;
	version = records_version(&r->directory.records);
	if (r->summaries_next == 0 && version == r->summaries_version)
		return;
	if (r->summaries_next == 0)
		r->summaries_version = version; /* what changes from here on is for another pass */
	for (unsigned i = 0; i < LOOK_MOST && r->summaries_next < r->subscriptions.touched; i++) {
		s = pool_at(&r->subscriptions, r->summaries_next++);
		if (s->slot.used && s->state != SUB_NEW && s->package == PACKAGE_SUMMARY)
			subscription_changed(r, s);
	}
	if (r->summaries_next >= r->subscriptions.touched)
		r->summaries_next = 0;
}
