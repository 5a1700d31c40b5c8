/* Messages that a process had in hand when it died are kept in spool_dir, one file each, for analysis. So many
 * and no more: who kills processes does not fill the disk. */
#include "store/store.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"

enum { FILES_MAX = 64 };

void
poison_keep(struct store *s, unsigned from, const struct wire_poison *w, uint32_t len)
{
	char name[64];

	if (w->len > len - sizeof(*w) || s->poisons >= FILES_MAX)
		return;
	s->poisons++;
	snprintf(name, sizeof(name), "poison-%s-%u-%016llx", role_name(proc_role(from)),
	    proc_index(from), (unsigned long long)w->hash);
	if (spool_replace(s->child.spool, name, span_of(w->data, w->len), false))
		log_warn("message kept for analysis", LOG_STR("file", name));
	else
		log_warn("message cannot be kept for analysis", LOG_STR("file", name),
		    LOG_STR("error", strerror(errno)));
}
