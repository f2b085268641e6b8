/* SPDX-License-Identifier: ISC */
/*
 * foreign_lmdb: files of LMDB, of this machine.
 *
 * Pages that are no longer used keep their old content, so the tree is followed from its root.
 */
#include <string.h>

#include "tlsmgr/foreign_impl.h"
#include "util/alloc.h"
#include "util/buf.h"

enum {
	VERSION = 1,
	DEPTH_MOST = 32,
	META_COPIES = 2,
};

static const uint32_t magic = 0xbeefc0de;

enum { PAGE_BRANCH = 1, PAGE_LEAF = 2, PAGE_OVERFLOW = 4, PAGE_META = 8 };
enum { NODE_BIG = 1 };

struct head {
	size_t number;
	uint16_t pad, flags;
	union {
		struct {
			uint16_t lower, upper; /* unused part of the page */
		};
		uint32_t pages; /* of an overflow page */
	};
};

/* Behind the heads of the first two pages; the one that was written last counts. */
struct tree {
	uint32_t pad;
	uint16_t flags, depth;
	size_t branches, leaves, overflows, entries, root;
};

struct meta {
	uint32_t magic, version;
	size_t address, map_size;
	struct tree unused, records; /* the page size is in the former's pad */
	size_t last, transaction;
};

struct node {
	uint16_t low, high, flags, key_len;
};

struct level {
	unsigned char *page; /* owned; NULL until it was needed */
	bool leaf;
	unsigned int nodes, next;
};

struct foreign_lmdb {
	struct foreign foreign;
	struct level levels[DEPTH_MOST];
	unsigned int depth; /* how many there are; 0 before the first and after the last record */
	bool begun;
};

static bool
is_meta(const struct head *head, const struct meta *meta)
{
	return (head->flags & PAGE_META) && meta->magic == magic && meta->version == VERSION &&
	       meta->records.flags == 0;
}

static size_t
lmdb_page_size(const unsigned char first[FOREIGN_PAGE_LEAST])
{
	struct head head;
	struct meta meta;

	memcpy(&head, first, sizeof head);
	memcpy(&meta, first + sizeof head, sizeof meta);
	return is_meta(&head, &meta) ? meta.unused.pad : 0;
}

static struct foreign *
lmdb_make(void)
{
	struct foreign_lmdb *self = alloc_zero(sizeof *self);

	return &self->foreign;
}

static void
lmdb_release(struct foreign *foreign)
{
	struct foreign_lmdb *self = (struct foreign_lmdb *)foreign;

	for (int i = 0; i < DEPTH_MOST; i++)
		foreign_page_free(foreign, self->levels[i].page);
}

/* Goes down to a page. What is no page of the tree is left out. */
static void
enter(struct foreign_lmdb *self, size_t number)
{
	struct foreign *foreign = &self->foreign;
	struct head head;

	if (self->depth == DEPTH_MOST)
		return;
	struct level *level = &self->levels[self->depth];
	if (!level->page)
		level->page = foreign_page_new(foreign);
	if (!foreign_read(foreign, number, 0, level->page, foreign->page_size) ||
	    !foreign_copy(foreign, level->page, 0, &head, sizeof head) || head.number != number ||
	    (head.flags != PAGE_BRANCH && head.flags != PAGE_LEAF) || head.lower < sizeof head)
		return;
	level->leaf = head.flags == PAGE_LEAF;
	level->nodes = (head.lower - (unsigned int)sizeof head) / sizeof(uint16_t);
	level->next = 0;
	self->depth++;
}

static void
enter_root(struct foreign_lmdb *self)
{
	struct head head;
	struct meta meta, last = { 0 };

	for (uint64_t page = 0; page < META_COPIES; page++)
		if (foreign_read(&self->foreign, page, 0, &head, sizeof head) &&
		    foreign_read(&self->foreign, page, sizeof head, &meta, sizeof meta) &&
		    is_meta(&head, &meta) && (last.magic == 0 || meta.transaction > last.transaction))
			last = meta;
	if (last.magic != 0)
		enter(self, last.records.root);
}

/* A value on pages of its own, one behind the other. */
static bool
take_big(struct foreign *foreign, size_t number, struct buf *value, size_t len)
{
	struct head head;

	if (len > FOREIGN_VALUE_MOST || !foreign_read(foreign, number, 0, &head, sizeof head) ||
	    head.number != number || head.flags != PAGE_OVERFLOW ||
	    sizeof head + len > (uint64_t)head.pages * foreign->page_size || len > foreign->size)
		return false;
	if (!foreign_read(foreign, number, sizeof head, buf_reserve(value, len), len))
		return false;
	value->len += len;
	buf_terminate(value);
	return true;
}

static bool
take_record(struct foreign *foreign, const struct level *level, size_t at, struct buf *key, struct buf *value)
{
	struct node node;
	size_t number;

	buf_clear(key);
	buf_clear(value);
	if (!foreign_copy(foreign, level->page, at, &node, sizeof node) ||
	    !foreign_add(foreign, level->page, at + sizeof node, key, node.key_len))
		return false;
	size_t len = node.low | (size_t)node.high << 16;
	at += sizeof node + node.key_len;
	if (node.flags == 0)
		return foreign_add(foreign, level->page, at, value, len);
	return node.flags == NODE_BIG && foreign_copy(foreign, level->page, at, &number, sizeof number) &&
	       take_big(foreign, number, value, len);
}

static void
enter_child(struct foreign_lmdb *self, const struct level *level, size_t at)
{
	struct node node;

	if (foreign_copy(&self->foreign, level->page, at, &node, sizeof node))
		enter(self,
		    (size_t)((uint64_t)node.low | (uint64_t)node.high << 16 | (uint64_t)node.flags << 32));
}

static enum foreign_step
lmdb_next(struct foreign *foreign, struct buf *key, struct buf *value)
{
	struct foreign_lmdb *self = (struct foreign_lmdb *)foreign;
	uint16_t at;

	if (!self->begun) {
		self->begun = true;
		enter_root(self);
	}
	if (self->depth == 0)
		return FOREIGN_END;

	struct level *level = &self->levels[self->depth - 1];
	if (level->next >= level->nodes ||
	    !foreign_copy(
		foreign, level->page, sizeof(struct head) + level->next++ * sizeof at, &at, sizeof at)) {
		self->depth--;
		return FOREIGN_NOTHING;
	}
	if (level->leaf)
		return take_record(foreign, level, at, key, value) ? FOREIGN_RECORD : FOREIGN_NOTHING;
	enter_child(self, level, at);
	return FOREIGN_NOTHING;
}

const struct foreign_kind foreign_lmdb_kind = {
	.page_size = lmdb_page_size,
	.make = lmdb_make,
	.next = lmdb_next,
	.release = lmdb_release,
};
