/* Messages that a process had in hand when it died are kept in spool_dir, one file each, for analysis. So many
 * of them and no more, those of earlier starts counted: who kills processes does not fill the disk. Who has looked
 * at them makes room by deleting them. */
#include "store/store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"

#define PREFIX "poison-"
enum { FILES_MAX = 64 };

/* Are there so many already, this one not among them? What cannot be counted counts as full. */
static bool
is_full(int spool, const char *name)
{
	int fd = openat(spool, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *e;
	unsigned n = 0;

	if (dir == NULL) {
		if (fd >= 0)
			close(fd);
		return true;
	}
	while ((e = readdir(dir)) != NULL)
		n += strncmp(e->d_name, PREFIX, sizeof(PREFIX) - 1) == 0 &&
		     strcmp(e->d_name, name) != 0;
	closedir(dir);
	return n >= FILES_MAX;
}

void
poison_keep(struct store *s, unsigned from, const struct wire_poison *w, uint32_t len)
{
	char name[64];

	if (w->len > len - sizeof(*w))
		return;
	snprintf(name, sizeof(name), PREFIX "%s-%u-%016llx", role_name(proc_role(from)),
	    proc_index(from), (unsigned long long)w->hash);
	if (is_full(s->child.spool, name))
		log_warn("message not kept for analysis: there are enough of them",
		    LOG_STR("file", name));
	else if (spool_replace(s->child.spool, name, span_of(w->data, w->len), false))
		log_warn("message kept for analysis", LOG_STR("file", name));
	else
		log_warn("message cannot be kept for analysis", LOG_STR("file", name),
		    LOG_STR("error", strerror(errno)));
}
