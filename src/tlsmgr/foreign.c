/* SPDX-License-Identifier: ISC */
#include "tlsmgr/foreign.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "tlsmgr/foreign_impl.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/fdio.h"

enum {
	STAMP_DIGITS = 16,
	PATIENCE = 100, /* records that are no sessions, while none is */
	READS_PER_PAGE = 3,
	CALLS_PER_LOOK = 256,           /* at the room on disk */
	SHRINK_BYTES = 8 * 1024 * 1024, /* at a time */
};

/* Room that is left to others; a sixteenth of a small disk. */
#define SPARE_BYTES (UINT64_C(16) << 20)

static const struct foreign_kind *const kinds[] = { &foreign_db_kind, &foreign_lmdb_kind };

unsigned char *
foreign_page_new(const struct foreign *foreign)
{
	return alloc_zero(foreign->page_size);
}

void
foreign_page_free(const struct foreign *foreign, unsigned char *page)
{
	if (page)
		alloc_wipe(page, foreign->page_size);
	free(page);
}

/* How much came; less than wanted at the end and after an error. */
static size_t
read_at(int fd, void *to, size_t len, uint64_t at)
{
	size_t got = 0;

	while (got < len) {
		ssize_t n = pread(fd, (char *)to + got, len - got, (off_t)(at + got));
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		got += (size_t)n;
	}
	return got;
}

bool
foreign_read(struct foreign *foreign, uint64_t page, size_t at, void *to, size_t len)
{
	uint64_t cost = (len + foreign->page_size - 1) / foreign->page_size;
	uint64_t start = page * foreign->page_size + at;

	if (cost > foreign->reads_left) {
		foreign->done = true;
		return false;
	}
	foreign->reads_left -= cost;
	return page < foreign->pages && start <= foreign->size && len <= foreign->size - start &&
	       read_at(foreign->fd, to, len, start) == len;
}

bool
foreign_copy(const struct foreign *foreign, const unsigned char *page, size_t at, void *to, size_t len)
{
	if (at > foreign->page_size || len > foreign->page_size - at)
		return false;
	memcpy(to, page + at, len);
	return true;
}

bool
foreign_add(const struct foreign *foreign, const unsigned char *page, size_t at, struct buf *to, size_t len)
{
	if (at > foreign->page_size || len > foreign->page_size - at)
		return false;
	buf_add(to, page + at, len);
	return true;
}

struct foreign *
foreign_new(int fd)
{
	unsigned char head[FOREIGN_PAGE_LEAST] = { 0 };
	struct stat st;

	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || read_at(fd, head, sizeof head, 0) == 0)
		return NULL;
	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
		size_t page_size = kinds[i]->page_size(head);

		if (page_size < FOREIGN_PAGE_LEAST || page_size > FOREIGN_PAGE_MOST)
			continue;
		struct foreign *foreign = kinds[i]->make();
		foreign->kind = kinds[i];
		foreign->fd = fd;
		foreign->size = (uint64_t)st.st_size;
		foreign->page_size = page_size;
		foreign->pages = foreign->size / page_size;
		foreign->reads_left = READS_PER_PAGE * (foreign->pages + 1);
		return foreign;
	}
	return NULL;
}

void
foreign_free(struct foreign *foreign)
{
	if (!foreign)
		return;
	foreign->kind->release(foreign);
	fdio_close(&foreign->fd);
	free(foreign);
}

void
foreign_stop(struct foreign *foreign)
{
	foreign->done = true;
}

static bool
has_room(struct foreign *foreign)
{
	struct statvfs disk;

	if (foreign->calls++ % CALLS_PER_LOOK != 0 || fstatvfs(foreign->fd, &disk) < 0)
		return true;
	uint64_t total = (uint64_t)disk.f_blocks * disk.f_frsize / 16;
	return (uint64_t)disk.f_bavail * disk.f_frsize >= (total < SPARE_BYTES ? total : SPARE_BYTES);
}

/* Gigabytes that go at once keep the process waiting for a second. */
static enum foreign_step
shrink(struct foreign *foreign)
{
	struct stat st;

	if (fstat(foreign->fd, &st) < 0 || st.st_nlink > 0 || st.st_size <= SHRINK_BYTES ||
	    ftruncate(foreign->fd, st.st_size - SHRINK_BYTES) < 0)
		return FOREIGN_END;
	return FOREIGN_NOTHING;
}

/* Takes the zero byte off the end. False: there is another one. */
static bool
make_string(struct buf *text)
{
	if (text->len > 0 && text->bytes[text->len - 1] == 0)
		buf_truncate(text, text->len - 1);
	return memchr(buf_str(text), 0, text->len) == NULL;
}

/* Sealpost's own records have a zero byte in them, and it reads its own files in another way or never. */
static bool
is_session(struct buf *key, struct buf *value)
{
	return make_string(key) && make_string(value) && value->len > STAMP_DIGITS;
}

enum foreign_step
foreign_next(struct foreign *foreign, struct buf *key, struct buf *value)
{
	if (foreign->done)
		return shrink(foreign);
	if (!has_room(foreign)) {
		foreign_stop(foreign);
		return FOREIGN_FULL;
	}

	enum foreign_step step = foreign->kind->next(foreign, key, value);
	if (step == FOREIGN_END)
		foreign_stop(foreign);
	if (step != FOREIGN_RECORD)
		return FOREIGN_NOTHING;
	if (is_session(key, value)) {
		foreign->good++;
		return FOREIGN_RECORD;
	}
	if (++foreign->strange >= PATIENCE && foreign->good == 0)
		foreign_stop(foreign);
	return FOREIGN_NOTHING;
}
