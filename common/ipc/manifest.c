/* Reads what the supervisor handed over. It is trusted, but a mistake must not become a wild map. */
#include "ipc/manifest.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

enum err
manifest_read(int fd, struct manifest *m_r)
{
	size_t got = 0;

	while (got < sizeof(*m_r)) {
		ssize_t n = pread(fd, (char *)m_r + got, sizeof(*m_r) - got, (off_t)got);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return ERR_IO;
		if (n == 0)
			break;
		got += (size_t)n;
	}
	if (got < offsetof(struct manifest, entries) || m_r->magic != MANIFEST_MAGIC)
		return ERR_VERSION;
	if (m_r->n > MANIFEST_MAX || m_r->text_len >= sizeof(m_r->text) ||
	    got < offsetof(struct manifest, entries) + m_r->n * sizeof(m_r->entries[0]))
		return ERR_SYNTAX;
	m_r->text[m_r->text_len] = '\0';
	for (uint32_t i = 0; i < m_r->n; i++)
		if (m_r->entries[i].fd < 0 ||
		    memchr(m_r->entries[i].name, '\0', MANIFEST_NAME) == NULL)
			return ERR_SYNTAX;
	return ERR_NONE;
}

int
manifest_find(const struct manifest *m, const char *name, bool *writable_r)
{
	for (uint32_t i = 0; i < m->n; i++) {
		if (strcmp(m->entries[i].name, name) != 0)
			continue;
		if (writable_r != NULL)
			*writable_r = (m->entries[i].flags & 1) != 0;
		return m->entries[i].fd;
	}
	return -1;
}
