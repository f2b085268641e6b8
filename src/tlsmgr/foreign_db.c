/* SPDX-License-Identifier: ISC */
/*
 * foreign_db: files of Berkeley DB, btree and hash, in the byte order of this machine.
 *
 * Records are on leaf pages, long ones on chains of overflow pages; the library clears the type of a page
 * that is no longer used. So leaf pages are taken as they come, without the tree, and damage to one page
 * costs what is on it.
 */
#include <string.h>

#include "tlsmgr/foreign_impl.h"
#include "util/alloc.h"
#include "util/buf.h"

enum {
	BTREE_MAGIC = 0x053162,
	BTREE_VERSION = 9, /* since release 4.2 at least; so is the next */
	BTREE_META = 9,
	HASH_MAGIC = 0x061561,
	HASH_VERSION = 9,
	HASH_META = 8,
	WITH_SUMS = 1,
};

/* The beginning of the first page. */
struct meta {
	uint32_t lsn[2], number, magic, version, page_size;
	uint8_t encryption, type, flags, unused;
};

struct head {
	uint32_t lsn[2], number, previous, next;
	uint16_t entries, used; /* the latter of an overflow page: bytes of the record */
	uint8_t level, type;
};

enum {
	HEAD_LEN = offsetof(struct head, type) + 1,
	OVERFLOW_PAGE = 7,
	ON_PAGE = 1, /* type of an item, as are the next */
	BTREE_OVERFLOW = 3,
	HASH_OVERFLOW = 3,
};

struct foreign_db {
	struct foreign foreign;
	unsigned char *page, *spare; /* owned */
	struct head head;            /* of the page */
	uint64_t next_page;
	unsigned int next_item;
};

static size_t
db_page_size(const unsigned char first[FOREIGN_PAGE_LEAST])
{
	struct meta meta;

	memcpy(&meta, first, sizeof meta);
	bool known =
	    (meta.magic == BTREE_MAGIC && meta.version == BTREE_VERSION && meta.type == BTREE_META) ||
	    (meta.magic == HASH_MAGIC && meta.version == HASH_VERSION && meta.type == HASH_META);
	return known && meta.encryption == 0 && !(meta.flags & WITH_SUMS) ? meta.page_size : 0;
}

static struct foreign *
db_make(void)
{
	struct foreign_db *self = alloc_zero(sizeof *self);

	return &self->foreign;
}

static void
db_release(struct foreign *foreign)
{
	struct foreign_db *self = (struct foreign_db *)foreign;

	foreign_page_free(foreign, self->page);
	foreign_page_free(foreign, self->spare);
}

/* False: there is no such page, or another one in its place. */
static bool
read_page(struct foreign_db *self, uint64_t number, unsigned char *page, struct head *head)
{
	if (!foreign_read(&self->foreign, number, 0, page, self->foreign.page_size))
		return false;
	memcpy(head, page, HEAD_LEN);
	return head->number == number;
}

/* An item that says where it is: three bytes, one more, the first page, and the length of all. */
static bool
take_overflow(struct foreign_db *self, size_t at, struct buf *to, size_t most)
{
	struct {
		uint32_t page, len;
	} where;
	struct head head;

	if (!foreign_copy(&self->foreign, self->page, at + 4, &where, sizeof where) || where.len > most)
		return false;
	for (uint32_t page = where.page; to->len < where.len; page = head.next) {
		if (!read_page(self, page, self->spare, &head) || head.type != OVERFLOW_PAGE ||
		    head.used == 0 || head.used > where.len - to->len ||
		    !foreign_add(&self->foreign, self->spare, HEAD_LEN, to, head.used))
			return false;
	}
	return true;
}

static bool
item_offset(const struct foreign_db *self, unsigned int item, uint16_t *at)
{
	return foreign_copy(&self->foreign, self->page, HEAD_LEN + item * sizeof *at, at, sizeof *at);
}

/* A length, a type, and the bytes. One that is deleted has a type of its own. */
static bool
take_btree_item(struct foreign_db *self, unsigned int item, struct buf *to, size_t most)
{
	uint16_t at, len;
	uint8_t type;

	if (!item_offset(self, item, &at) ||
	    !foreign_copy(&self->foreign, self->page, at, &len, sizeof len) ||
	    !foreign_copy(&self->foreign, self->page, at + sizeof len, &type, sizeof type))
		return false;
	if (type == BTREE_OVERFLOW)
		return take_overflow(self, at, to, most);
	return type == ON_PAGE &&
	       foreign_add(&self->foreign, self->page, at + sizeof len + sizeof type, to, len);
}

/* A type and the bytes. Items are in order from the end of the page. */
static bool
take_hash_item(struct foreign_db *self, unsigned int item, struct buf *to, size_t most)
{
	uint16_t at, before;
	size_t end = self->foreign.page_size;
	uint8_t type;

	if (item > 0) {
		if (!item_offset(self, item - 1, &before))
			return false;
		end = before;
	}
	if (!item_offset(self, item, &at) || at >= end ||
	    !foreign_copy(&self->foreign, self->page, at, &type, sizeof type))
		return false;
	if (type == HASH_OVERFLOW)
		return take_overflow(self, at, to, most);
	return type == ON_PAGE &&
	       foreign_add(&self->foreign, self->page, at + sizeof type, to, end - at - sizeof type);
}

/* By type of page; others have no records. */
static bool (*const take_item[UINT8_MAX + 1])(
    struct foreign_db *self, unsigned int item, struct buf *to, size_t most) = {
	[2] = take_hash_item,
	[5] = take_btree_item,
	[13] = take_hash_item,
};

/* Forgets the page before. */
static enum foreign_step
turn_page(struct foreign_db *self)
{
	self->next_item = 0;
	self->head.entries = 0;
	if (self->next_page >= self->foreign.pages)
		return FOREIGN_END;
	if (!read_page(self, self->next_page++, self->page, &self->head) || !take_item[self->head.type])
		self->head.entries = 0;
	return FOREIGN_NOTHING;
}

static enum foreign_step
db_next(struct foreign *foreign, struct buf *key, struct buf *value)
{
	struct foreign_db *self = (struct foreign_db *)foreign;

	if (!self->page) {
		self->page = foreign_page_new(foreign);
		self->spare = foreign_page_new(foreign);
	}
	unsigned int item = self->next_item;
	if (item + 1 >= self->head.entries)
		return turn_page(self);
	self->next_item += 2;
	buf_clear(key);
	buf_clear(value);
	return take_item[self->head.type](self, item, key, FOREIGN_KEY_MOST) &&
		       take_item[self->head.type](self, item + 1, value, FOREIGN_VALUE_MOST)
		   ? FOREIGN_RECORD
		   : FOREIGN_NOTHING;
}

const struct foreign_kind foreign_db_kind = {
	.page_size = db_page_size,
	.make = db_make,
	.next = db_next,
	.release = db_release,
};
