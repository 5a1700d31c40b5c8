/* A private directory for the tests of ipc, and rings made in it. */
#ifndef TANDEM_TESTS_IPC_TEMP_H
#define TANDEM_TESTS_IPC_TEMP_H

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "ipc/ring.h"

struct temp {
	char path[256];
	int fd;
};

static inline struct temp
temp_new(void)
{
	const char *base = getenv("TMPDIR");
	struct temp t;

	snprintf(t.path, sizeof(t.path), "%s/tandem-ipc-XXXXXX", base != NULL ? base : "/tmp");
	if (mkdtemp(t.path) == NULL || (t.fd = open(t.path, O_RDONLY | O_DIRECTORY)) < 0) {
		perror(t.path);
		exit(1);
	}
	return t;
}

static inline void
temp_drop(struct temp *t)
{
	DIR *d = opendir(t->path);
	struct dirent *e;

	while (d != NULL && (e = readdir(d)) != NULL)
		if (e->d_name[0] != '.')
			unlinkat(t->fd, e->d_name, 0);
	if (d != NULL)
		closedir(d);
	close(t->fd);
	rmdir(t->path);
}

/* One end of the ring "data", "tail" in the directory. */
static inline enum err
temp_ring(const struct temp *t, bool producer, struct ring *r)
{
	int data = -1, tail = -1;
	enum err e = shm_reopen(t->fd, "data", producer, &data);

	if (e == ERR_NONE)
		e = shm_reopen(t->fd, "tail", !producer, &tail);
	if (e == ERR_NONE)
		e = ring_open(r, data, tail, producer);
	if (data >= 0)
		close(data);
	if (tail >= 0)
		close(tail);
	return e;
}

#endif
