/* SPDX-License-Identifier: ISC */
#include "tlsmgr/store_lmdb.h"

#include <errno.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lmdb.h>

#include "tlsmgr/store.h"
#include "tlsmgr/store_disk.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/log.h"
#include "util/siphash.h"

enum {
	KEY_MAX = 511, /* of the library */
	HASH_LEN = 16, /* hex */
	SUM_LEN = 8,

	/* What a transaction gathers; small enough that no one waits when it ends. */
	BATCH_WRITES = 64,
	BATCH_BYTES = 256 * 1024,
};

/*
 * A value that does not fit into half a page takes whole ones, pages are a third empty, and what a
 * transaction replaces stays until the next. The map takes addresses, not memory.
 */
enum { MAP_FACTOR = 4 };
#define MAP_LEAST  (UINT64_C(64) << 20)
#define LIMIT_MOST (UINT64_C(1) << 42)

struct store_lmdb {
	struct store store;
	struct store_disk file;
	MDB_env *env; /* owned */
	MDB_txn *txn; /* owned; the one that is under way; NULL after a failure */
	MDB_dbi dbi;
	unsigned int writes; /* in it */
	size_t bytes;
	struct buf at;  /* the key, as stored, that the walk has reached; empty: no walk */
	jmp_buf escape; /* set while the library is at work */
};

/* The library aborts when this returns. */
static void
lmdb_assertion(MDB_env *env, const char *text)
{
	struct store_lmdb *self = mdb_env_get_userctx(env);

	log_debug("database library: %s: %s", self->file.shown, text);
	longjmp(self->escape, 1);
}

static int
failed(struct store_lmdb *self, const char *doing, int rc, struct err *err)
{
	err_set(err, "%s %s: %s", doing, self->file.shown, mdb_strerror(rc));
	err->code = rc > 0 ? rc : rc == MDB_MAP_FULL ? ENOSPC : EIO;
	return -1;
}

/* What the library was doing when it found the file damaged is lost, memory included. */
#define ESCAPE(self, doing, err)                                                                             \
	do {                                                                                                 \
		if (!(self)->txn)                                                                            \
			return failed(self, doing, EIO, err);                                                \
		if (setjmp((self)->escape)) {                                                                \
			(self)->txn = NULL;                                                                  \
			return failed(self, doing, MDB_CORRUPTED, err);                                      \
		}                                                                                            \
	} while (0)

static int
begin(struct store_lmdb *self)
{
	self->writes = 0;
	self->bytes = 0;
	return mdb_txn_begin(self->env, NULL, 0, &self->txn);
}

/* Whatever comes of it the transaction is over. */
static int
commit(struct store_lmdb *self)
{
	MDB_txn *txn = self->txn;

	self->txn = NULL;
	return mdb_txn_commit(txn);
}

/* 0 or an error of the library. */
static int
count_write(struct store_lmdb *self, size_t bytes)
{
	int rc = 0;

	self->writes++;
	self->bytes += bytes;
	if (self->writes < BATCH_WRITES && self->bytes < BATCH_BYTES)
		return 0;
	if ((rc = commit(self)) != 0)
		return rc;
	return begin(self);
}

/* Against accidents and for spreading, so it needs no secret. */
static uint64_t
hash_of(const char *key, size_t len)
{
	static const unsigned char no_secret[SIPHASH_KEY_LEN];

	return siphash(no_secret, key, len);
}

/* Of a value and the key it belongs to. */
static uint64_t
sum_of(const char *key, size_t key_len, const void *value, size_t len)
{
	unsigned char of_key[SIPHASH_KEY_LEN] = { 0 };
	uint64_t hash = hash_of(key, key_len);

	memcpy(of_key, &hash, sizeof hash);
	return siphash(of_key, value, len);
}

/* Takes the sum off. 0, or an error of the library. */
static int
check_sum(const char *key, size_t key_len, MDB_val *value)
{
	uint64_t sum;

	if (value->mv_size < SUM_LEN)
		return MDB_CORRUPTED;
	value->mv_size -= SUM_LEN;
	memcpy(&sum, (const char *)value->mv_data + value->mv_size, SUM_LEN);
	return sum == sum_of(key, key_len, value->mv_data, value->mv_size) ? 0 : MDB_CORRUPTED;
}

/* A key as stored; `room` holds it if it had to be cut. True: it was cut. */
static bool
stored_key(MDB_val *stored, const char *key, char room[KEY_MAX + 1])
{
	size_t len = strlen(key);

	if (len < KEY_MAX) {
		*stored = (MDB_val){ len + 1, (void *)(uintptr_t)key };
		return false;
	}
	memcpy(room, key, KEY_MAX - HASH_LEN);
	snprintf(room + KEY_MAX - HASH_LEN, HASH_LEN + 1, "%016llX", (unsigned long long)hash_of(key, len));
	*stored = (MDB_val){ KEY_MAX, room };
	return true;
}

/* A record whose key was cut: the length of the whole key, which is before the value. */
static bool
whole_key(const MDB_val *value, size_t *len)
{
	const char *end = memchr(value->mv_data, 0, value->mv_size);

	if (!end)
		return false;
	*len = (size_t)(end - (const char *)value->mv_data);
	return true;
}

/* 0: *value is that key's, without the key, if *found. Otherwise an error of the library. */
static int
find(struct store_lmdb *self, const char *key, MDB_val *value, bool *found)
{
	char room[KEY_MAX + 1];
	MDB_val stored;
	size_t len;
	bool cut = stored_key(&stored, key, room);
	int rc = mdb_get(self->txn, self->dbi, &stored, value);

	*found = rc == 0;
	if (rc != 0)
		return rc == MDB_NOTFOUND ? 0 : rc;
	if (cut) {
		if (!whole_key(value, &len))
			return MDB_CORRUPTED;
		*found = len == strlen(key) && memcmp(value->mv_data, key, len) == 0;
		value->mv_data = (char *)value->mv_data + len + 1;
		value->mv_size -= len + 1;
	}
	return *found ? check_sum(key, strlen(key), value) : 0;
}

static int
lmdb_get(struct store *store, const char *key, struct buf *value, struct err *err)
{
	struct store_lmdb *self = (struct store_lmdb *)store;
	MDB_val data;
	bool found;

	ESCAPE(self, "error reading", err);
	int rc = find(self, key, &data, &found);
	if (rc != 0)
		return failed(self, "error reading", rc, err);
	if (!found)
		return 0;
	buf_clear(value);
	buf_add(value, data.mv_data, data.mv_size);
	return 1;
}

static int
lmdb_put(struct store *store, const char *key, const void *value, size_t len, struct err *err)
{
	struct store_lmdb *self = (struct store_lmdb *)store;
	char room[KEY_MAX + 1];
	MDB_val stored;

	ESCAPE(self, "error writing", err);
	size_t before = stored_key(&stored, key, room) ? strlen(key) + 1 : 0;
	uint64_t sum = sum_of(key, strlen(key), value, len);
	MDB_val data = { before + len + SUM_LEN, NULL };
	int rc = mdb_put(self->txn, self->dbi, &stored, &data, MDB_RESERVE);
	if (rc == 0) {
		memcpy(data.mv_data, key, before);
		memcpy((char *)data.mv_data + before, value, len);
		memcpy((char *)data.mv_data + before + len, &sum, SUM_LEN);
		rc = count_write(self, data.mv_size);
	}
	return rc == 0 ? 0 : failed(self, "error writing", rc, err);
}

static int
lmdb_remove(struct store *store, const char *key, struct err *err)
{
	struct store_lmdb *self = (struct store_lmdb *)store;
	char room[KEY_MAX + 1];
	MDB_val stored, data;
	bool found;

	ESCAPE(self, "error deleting from", err);
	int rc = find(self, key, &data, &found);
	if (rc == 0 && !found)
		return 0;
	if (rc == 0) {
		stored_key(&stored, key, room);
		rc = mdb_del(self->txn, self->dbi, &stored, NULL);
	}
	if (rc == 0)
		rc = count_write(self, 0);
	return rc == 0 ? 1 : failed(self, "error deleting from", rc, err);
}

/* The first record behind `at`. No cursor outlives a transaction, so each step looks for its place. */
static int
step(struct store_lmdb *self, MDB_cursor *cursor, MDB_val *stored, MDB_val *data)
{
	if (self->at.len == 0)
		return mdb_cursor_get(cursor, stored, data, MDB_FIRST);
	*stored = (MDB_val){ self->at.len, self->at.bytes };
	int rc = mdb_cursor_get(cursor, stored, data, MDB_SET_RANGE);
	if (rc == 0 && stored->mv_size == self->at.len &&
	    memcmp(stored->mv_data, self->at.bytes, self->at.len) == 0)
		rc = mdb_cursor_get(cursor, stored, data, MDB_NEXT);
	return rc;
}

/* 0: *key and *value are the record's. Otherwise an error of the library. */
static int
split(const MDB_val *stored, MDB_val data, struct buf *key, struct buf *value)
{
	const char *text = stored->mv_data;
	size_t len = stored->mv_size;

	if (text[len - 1] == 0) {
		len--;
	} else {
		if (!whole_key(&data, &len))
			return MDB_CORRUPTED;
		text = data.mv_data;
		data.mv_data = (char *)data.mv_data + len + 1;
		data.mv_size -= len + 1;
	}
	int rc = check_sum(text, len, &data);
	if (rc != 0)
		return rc;
	buf_clear(key);
	buf_add(key, text, len);
	buf_clear(value);
	buf_add(value, data.mv_data, data.mv_size);
	return 0;
}

static int
advance(struct store_lmdb *self, struct buf *key, struct buf *value, struct err *err)
{
	MDB_cursor *cursor;
	MDB_val stored, data;
	int rc = mdb_cursor_open(self->txn, self->dbi, &cursor);

	if (rc == 0) {
		rc = step(self, cursor, &stored, &data);
		mdb_cursor_close(cursor);
	}
	buf_clear(&self->at);
	if (rc == MDB_NOTFOUND)
		return 0;
	if (rc == 0) {
		buf_add(&self->at, stored.mv_data, stored.mv_size);
		rc = split(&stored, data, key, value);
	}
	return rc == 0 ? 1 : failed(self, "error seeking", rc, err);
}

static int
lmdb_next(struct store *store, bool first, struct buf *key, struct buf *value, struct err *err)
{
	struct store_lmdb *self = (struct store_lmdb *)store;

	ESCAPE(self, "error seeking", err);
	if (first)
		buf_clear(&self->at);
	return advance(self, key, value, err);
}

static uint64_t
lmdb_file_bytes(const struct store *store)
{
	return store_disk_bytes(&((const struct store_lmdb *)store)->file);
}

static int
finish(struct store_lmdb *self, struct err *err)
{
	ESCAPE(self, "error writing", err);
	int rc = commit(self);
	return rc == 0 ? 0 : failed(self, "error writing", rc, err);
}

/* A transaction that an assertion has ended is not even given back: the library would look at it. */
static void
close_library(struct store_lmdb *self)
{
	if (self->txn)
		mdb_txn_abort(self->txn);
	self->txn = NULL;
	if (self->env)
		mdb_env_close(self->env);
	self->env = NULL;
}

static void
lmdb_free(struct store *store, bool keep)
{
	static const struct buf nothing;
	struct store_lmdb *self = (struct store_lmdb *)store;
	struct err err;

	keep = keep && finish(self, &err) == 0;
	close_library(self);
	if (keep)
		store_disk_keep(&self->file, &nothing);
	else
		store_disk_drop(&self->file);
	store_disk_release(&self->file);
	buf_release(&self->at);
	free(self);
}

static int
open_env(struct store_lmdb *self, uint64_t limit)
{
	size_t map = (size_t)(MAP_LEAST + (limit < LIMIT_MOST ? limit : LIMIT_MOST) * MAP_FACTOR);
	mdb_filehandle_t fd;
	int rc = mdb_env_create(&self->env);

	if (rc != 0) {
		self->env = NULL;
		return rc;
	}
	if ((rc = mdb_env_set_userctx(self->env, self)) != 0 ||
	    (rc = mdb_env_set_assert(self->env, lmdb_assertion)) != 0 ||
	    (rc = mdb_env_set_mapsize(self->env, map)) != 0 ||
	    (rc = mdb_env_open(self->env, self->file.path,
		 MDB_NOSUBDIR | MDB_NOLOCK | MDB_NOSYNC | MDB_NORDAHEAD | MDB_NOMEMINIT, 0600)) != 0 ||
	    (rc = mdb_env_get_fd(self->env, &fd)) != 0)
		return rc;
	return store_disk_is(&self->file, fd) ? 0 : ESTALE;
}

/* 0 or an error of the library. */
static int
open_library(struct store_lmdb *self, const struct store_config *config)
{
	int rc;

	if (setjmp(self->escape)) {
		self->txn = NULL;
		return MDB_CORRUPTED;
	}
	if ((rc = open_env(self, config->limit)) != 0 || (rc = begin(self)) != 0)
		return rc;
	return mdb_dbi_open(self->txn, NULL, 0, &self->dbi);
}

static int
open_file(struct store_lmdb *self, const struct store_config *config, struct err *err)
{
	if (store_disk_open(&self->file, config, ".lmdb", err) < 0)
		return -1;
	int rc = open_library(self, config);
	if (rc != 0 && self->file.kept) {
		log_debug("%s: kept file not usable: %s", self->file.shown, mdb_strerror(rc));
		close_library(self);
		if (store_disk_empty(&self->file, err) < 0)
			return -1;
		rc = open_library(self, config);
	}
	return rc == 0 ? 0 : failed(self, "open database", rc, err);
}

static const struct store_ops ops = {
	.free = lmdb_free,
	.get = lmdb_get,
	.put = lmdb_put,
	.remove = lmdb_remove,
	.next = lmdb_next,
	.file_bytes = lmdb_file_bytes,
};

struct store *
store_lmdb_new(const struct store_config *config, struct err *err)
{
	struct store_lmdb *self = alloc_zero(sizeof *self);

	self->store.ops = &ops;
	if (open_file(self, config, err) < 0) {
		lmdb_free(&self->store, false);
		return NULL;
	}
	self->store.kept = self->file.kept;
	self->store.foreign = store_disk_take_foreign(&self->file);
	return &self->store;
}
