/*
 * Regions of shared memory: files in run_dir (a tmpfs), made by the supervisor, handed to a child as
 * descriptors opened with just the right it has (so that the mapping enforces it). Each begins with a
 * shm_head. A region is taken over by the next process of its owner when its layout is the same.
 */
#ifndef TANDEM_IPC_SHM_H
#define TANDEM_IPC_SHM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define SHM_MAGIC 0x314d444e54ull /* "TNDM1" */

struct shm_head {
	uint64_t magic;	 /* stored last when a region is made */
	uint64_t layout; /* a hash of the sizes of the structs in it and SHM_LAYOUT */
	uint64_t size;
	uint32_t owner; /* process number: alone writes this region */
	uint32_t pad;
};

struct region {
	void *mem;
	size_t size;
	int fd; /* -1: a mapping needs no descriptor (shm_map leaves its to the caller) */
	bool writable, fresh; /* fresh: made now, all zero but the head */
};

/* Makes the file, or takes what is there if magic, layout and size agree (fresh = false); one of
 * another layout is replaced. Mode 0600. */
enum err shm_make(
    int dirfd, const char *name, size_t size, uint64_t layout, unsigned owner, struct region *r);
/* A second descriptor of the file for a child: read-only or read-write. */
enum err shm_reopen(int dirfd, const char *name, bool writable, int *fd_r);
/* Maps a descriptor, which stays the caller's: close it then, so that a process which is taken over
 * cannot shrink its file under its readers. Checks magic and size. ERR_VERSION when they, or the
 * layout (unless 0), differ. */
enum err shm_map(int fd, bool writable, uint64_t layout, struct region *r);
void shm_unmap(struct region *r);
/* Mixes a struct's size into a layout number: shm_layout(shm_layout(LAYOUT_BASE, sizeof(a)), ...) */
#define SHM_LAYOUT 1ull
uint64_t shm_layout(uint64_t so_far, size_t size);

#endif
