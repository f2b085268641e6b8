/* SPDX-License-Identifier: ISC */
#include "mail/scoreboard.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mail/sharedfile.h"
#include "util/alloc.h"
#include "util/err.h"
#include "util/fdio.h"
#include "util/now.h"

enum {
	PAGE = 4096,
	PAST = 0, /* the page of those that have ended */
	PAGES = SCOREBOARD_PROCESSES + 1,
	FILE_SIZE = PAGES * PAGE,
	LAYOUT = 0x53501, /* changes with struct page */
	READ_TRIES = 100,
};

struct page {
	_Atomic uint32_t layout;
	_Atomic uint32_t turn; /* odd: the text is being replaced */
	_Atomic int64_t pid;   /* 0: of nobody, all is zero */
	_Atomic int64_t since;
	_Atomic int64_t counters[SCOREBOARD_COUNTERS];
	char text[SCOREBOARD_TEXT_SIZE];
};

_Static_assert(sizeof(struct page) <= PAGE, "a page is a page");
_Static_assert(sizeof(_Atomic int64_t) == sizeof(int64_t), "processes of two builds can share a file");

struct scoreboard {
	unsigned char *map;
	struct page *mine;
	int fd; /* owned; closing it gives up the page */
};

static struct page *
page_at(unsigned char *map, int number)
{
	return (struct page *)(void *)(map + (size_t)number * PAGE);
}

/* --- the process that writes --- */

static void
begin(struct page *page, pid_t pid)
{
	atomic_store(&page->since, now_wall());
	atomic_store(&page->layout, LAYOUT);
	atomic_store(&page->pid, pid);
}

/* Of a process that ended without it, or of this one. */
static void
pass_on(unsigned char *map, struct page *page)
{
	struct page *past = page_at(map, PAST);
	bool known = atomic_load(&page->layout) == LAYOUT && atomic_load(&page->pid) != 0;

	atomic_store(&page->pid, 0);
	for (int i = 0; i < SCOREBOARD_COUNTERS; i++) {
		int64_t count = atomic_exchange(&page->counters[i], 0);

		if (known && i >= SCOREBOARD_GAUGES)
			atomic_fetch_add(&past->counters[i], count);
	}
	memset(page->text, 0, sizeof page->text);
	atomic_store(&page->turn, 0);
}

static struct page *
take_page(unsigned char *map, int fd)
{
	for (int i = PAST + 1; i < PAGES; i++) {
		struct page *page = page_at(map, i);

		if (!sharedfile_share(fd, (size_t)i * PAGE, PAGE))
			continue;
		pass_on(map, page);
		begin(page, getpid());
		return page;
	}
	return NULL;
}

static void
found(unsigned char *map)
{
	struct page *past = page_at(map, PAST);
	uint32_t layout = atomic_load(&past->layout);

	if (layout == LAYOUT || !atomic_compare_exchange_strong(&past->layout, &layout, LAYOUT))
		return;
	for (int i = 0; i < SCOREBOARD_COUNTERS; i++)
		atomic_store(&past->counters[i], 0);
	begin(past, 0);
}

struct scoreboard *
scoreboard_open(const char *path, struct err *err)
{
	int fd = sharedfile_open(path, FILE_SIZE, err);

	if (fd < 0)
		return NULL;
	unsigned char *map = mmap(NULL, FILE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED) {
		err_errno(err, "map %s", path);
		fdio_close(&fd);
		return NULL;
	}
	found(map);

	struct page *page = take_page(map, fd);

	if (!page) {
		err_set(err, "%s: more than %d processes", path, SCOREBOARD_PROCESSES);
		munmap(map, FILE_SIZE);
		fdio_close(&fd);
		return NULL;
	}

	struct scoreboard *board = alloc_zero(sizeof *board);
	*board = (struct scoreboard){ .map = map, .mine = page, .fd = fd };
	return board;
}

void
scoreboard_close(struct scoreboard *board)
{
	if (!board)
		return;
	pass_on(board->map, board->mine);
	munmap(board->map, FILE_SIZE);
	fdio_close(&board->fd);
	free(board);
}

void
scoreboard_add(struct scoreboard *board, int counter, int by)
{
	/* Nobody else writes it. */
	if (board)
		atomic_store_explicit(&board->mine->counters[counter],
		    atomic_load_explicit(&board->mine->counters[counter], memory_order_relaxed) + by,
		    memory_order_relaxed);
}

void
scoreboard_say(struct scoreboard *board, const char *text)
{
	if (!board)
		return;

	struct page *page = board->mine;
	size_t len = strnlen(text, sizeof page->text - 1);

	atomic_fetch_add(&page->turn, 1);
	memset(page->text, 0, sizeof page->text);
	memcpy(page->text, text, len);
	atomic_fetch_add(&page->turn, 1);
}

/* --- the process that reads --- */

/* Not mapped: whoever writes could also make the file shorter, and a map of it deadly. */
static bool
read_at(int fd, void *to, size_t len, size_t at)
{
	return pread(fd, to, len, (off_t)at) == (ssize_t)len;
}

/* Without text if that is being replaced all the time. False: the page is of nobody. */
static bool
read_page(int fd, int number, struct page *page)
{
	size_t at = (size_t)number * PAGE;
	uint32_t turn;

	for (int i = 0; i < READ_TRIES; i++) {
		if (!read_at(fd, page, sizeof *page, at) || page->layout != LAYOUT)
			return false;
		if (page->turn % 2 == 0 &&
		    read_at(fd, &turn, sizeof turn, at + offsetof(struct page, turn)) && turn == page->turn)
			return true;
	}
	page->text[0] = '\0';
	return true;
}

static void
convert(const struct page *from, struct scoreboard_page *to)
{
	to->since = from->since;
	for (int i = 0; i < SCOREBOARD_COUNTERS; i++)
		to->counters[i] = from->counters[i];
	memcpy(to->text, from->text, sizeof to->text);
	to->text[sizeof to->text - 1] = '\0';
}

static void
add_to_past(struct scoreboard_page *past, const struct page *page)
{
	for (int i = SCOREBOARD_GAUGES; i < SCOREBOARD_COUNTERS; i++)
		past->counters[i] = (int64_t)((uint64_t)past->counters[i] + (uint64_t)page->counters[i]);
}

/* Returns how many there are; the first is the past. */
static int
read_pages(int fd, struct scoreboard_page *pages)
{
	struct page page;
	int count = 1;

	if (!read_page(fd, PAST, &page))
		return 0;
	convert(&page, &pages[0]);
	for (int i = PAST + 1; i < PAGES; i++) {
		bool owned = sharedfile_is_owned(fd, (size_t)i * PAGE, PAGE);

		if (!read_page(fd, i, &page) || page.pid == 0)
			continue;
		if (owned) {
			convert(&page, &pages[count]);
			pages[count++].pid = (pid_t)page.pid;
		} else {
			add_to_past(&pages[0], &page);
		}
	}
	return count;
}

int
scoreboard_read(
    const char *path, void (*each)(const struct scoreboard_page *page, void *arg), void *arg, struct err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0) {
		err_errno(err, "open %s", path);
		fdio_close(&fd);
		return -1;
	}

	struct scoreboard_page *pages = alloc_array(PAGES, sizeof *pages);
	int count = S_ISREG(st.st_mode) ? read_pages(fd, pages) : 0;

	if (count == 0)
		err_set(err, "%s: not a file of this kind", path);
	for (int i = 0; i < count; i++)
		each(&pages[i], arg);
	free(pages);
	fdio_close(&fd);
	return count > 0 ? 0 : -1;
}
