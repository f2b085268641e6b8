/* SPDX-License-Identifier: ISC */
#include "tlsmgr/store_guard.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "util/alloc.h"
#include "util/buf.h"

enum { FIRST_ROOM = 1024 };

struct store_guard {
	struct store_guard *next;
	size_t page_size;
	int fd;         /* borrowed from the library; -1 when not watched yet */
	uint32_t *sums; /* owned; by page; 0: unknown */
	size_t used;    /* no page from here on is known */
	size_t room;
	int error;
};

/* The library hands its functions for input and output nothing but a descriptor, so the guards are found from
 * here. */
static struct store_guard *guards;

struct store_guard *
store_guard_new(size_t page_size)
{
	struct store_guard *guard = alloc_zero(sizeof *guard);

	guard->page_size = page_size;
	guard->fd = -1;
	guard->next = guards;
	guards = guard;
	return guard;
}

void
store_guard_free(struct store_guard *guard)
{
	if (!guard)
		return;
	for (struct store_guard **at = &guards; *at; at = &(*at)->next) {
		if (*at == guard) {
			*at = guard->next;
			break;
		}
	}
	free(guard->sums);
	free(guard);
}

void
store_guard_watch(struct store_guard *guard, int fd)
{
	guard->fd = fd;
}

static struct store_guard *
guard_of(int fd)
{
	for (struct store_guard *guard = guards; guard; guard = guard->next)
		if (guard->fd == fd)
			return guard;
	return NULL;
}

/* Never 0. Four chains at a time, because a multiplication takes longer than the next one has to wait. */
static uint32_t
sum_of(const unsigned char *bytes, size_t len)
{
	enum { LANES = 4, STEP = LANES * sizeof(uint64_t) };
	static const uint64_t prime = 0x9e3779b97f4a7c15u;
	uint64_t lanes[LANES] = { 1, 2, 3, 4 }, words[LANES], sum = len;

	for (; len >= STEP; bytes += STEP, len -= STEP) {
		memcpy(words, bytes, STEP);
		for (int i = 0; i < LANES; i++) {
			lanes[i] = (lanes[i] ^ words[i]) * prime;
			lanes[i] ^= lanes[i] >> 29;
		}
	}
	for (int i = 0; i < LANES; i++) {
		sum = (sum ^ lanes[i]) * prime;
		sum ^= sum >> 32;
	}
	return (uint32_t)sum | 1;
}

static uint32_t
known(const struct store_guard *guard, size_t page)
{
	return page < guard->used ? guard->sums[page] : 0;
}

static void
remember(struct store_guard *guard, size_t page, uint32_t sum)
{
	if (page >= guard->room) {
		size_t room = guard->room ? guard->room : FIRST_ROOM;
		while (room <= page)
			room *= 2;
		guard->sums = alloc_resize(guard->sums, room, sizeof *guard->sums);
		memset(guard->sums + guard->room, 0, (room - guard->room) * sizeof *guard->sums);
		guard->room = room;
	}
	guard->sums[page] = sum;
	if (page >= guard->used)
		guard->used = page + 1;
}

void
store_guard_save(const struct store_guard *guard, struct buf *to)
{
	if (guard->used == 0)
		return;
	buf_add(to, guard->sums, guard->used * sizeof *guard->sums);
	while (to->len % guard->page_size)
		buf_add_byte(to, 0);
}

void
store_guard_load(struct store_guard *guard, const struct buf *from)
{
	uint32_t sum;

	for (size_t page = 0; (page + 1) * sizeof sum <= from->len; page++) {
		memcpy(&sum, from->bytes + page * sizeof sum, sizeof sum);
		remember(guard, page, sum);
	}
}

/* Whether a read that returned `got` bytes brought that page. */
static bool
is_page(const struct store_guard *guard, const void *bytes, ssize_t got, size_t page)
{
	uint32_t sum = known(guard, page);

	return sum == 0 || (got == (ssize_t)guard->page_size && sum == sum_of(bytes, (size_t)got));
}

bool
store_guard_is_intact(const struct store_guard *guard, int fd, size_t page)
{
	void *bytes = alloc_zero(guard->page_size);
	ssize_t got = pread(fd, bytes, guard->page_size, (off_t)(page * guard->page_size));
	bool intact = is_page(guard, bytes, got, page);

	free(bytes);
	return intact;
}

int
store_guard_error(const struct store_guard *guard)
{
	return guard->error;
}

static ssize_t
fail(struct store_guard *guard, int error)
{
	if (guard->error == 0)
		guard->error = error;
	errno = guard->error;
	return -1;
}

ssize_t
store_guard_pread(int fd, void *to, size_t len, off_t at)
{
	struct store_guard *guard = guard_of(fd);
	ssize_t got;

	do
		got = pread(fd, to, len, at);
	while (got < 0 && errno == EINTR);
	if (!guard || len != guard->page_size)
		return got;
	if (got < 0)
		return fail(guard, errno);
	return is_page(guard, to, got, (size_t)at / guard->page_size) ? got : fail(guard, EIO);
}

ssize_t
store_guard_pwrite(int fd, const void *from, size_t len, off_t at)
{
	struct store_guard *guard = guard_of(fd);
	ssize_t put;

	do
		put = pwrite(fd, from, len, at);
	while (put < 0 && errno == EINTR);
	if (!guard || len != guard->page_size)
		return put;
	if (put < 0)
		return fail(guard, errno);
	/* A part of a page is written only where there is no room for all of it. */
	if (put != (ssize_t)len)
		return fail(guard, ENOSPC);
	remember(guard, (size_t)at / guard->page_size, sum_of(from, len));
	return put;
}

int
store_guard_truncate(int fd, off_t len)
{
	struct store_guard *guard = guard_of(fd);

	if (guard)
		for (size_t page = (size_t)len / guard->page_size; guard->used > page; guard->used--)
			guard->sums[guard->used - 1] = 0;
	return ftruncate(fd, len);
}

int
store_guard_seek(int fd, off_t at, int whence)
{
	struct store_guard *guard = guard_of(fd);

	if (guard && guard->error)
		return (int)fail(guard, guard->error);
	return lseek(fd, at, whence) < 0 ? -1 : 0;
}
