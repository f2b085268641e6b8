/* SPDX-License-Identifier: ISC */
#include "tlsmgr/store_db.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <db.h>

#include "tlsmgr/store.h"
#include "tlsmgr/store_disk.h"
#include "tlsmgr/store_guard.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/log.h"
#include "util/text.h"

/*
 * A session of 2,000 bytes shall fit into one overflow page and little of it remain unused; such pages take
 * half the room of the library's own choice. The library's own sums of pages would take six bytes too many
 * from it, and more time than everything else; hence the guard.
 */
enum { PAGE_BYTES = 2048 };

/* The library's pool: room for the inner pages of a large tree; the kernel's file cache has the rest. */
enum { POOL_BYTES = 4 * 1024 * 1024 };

_Static_assert((int)PAGE_BYTES >= (int)STORE_DISK_PAGE, "the mark lies in the first page");

struct store_db {
	struct store store;
	struct store_disk file;
	struct store_guard *guard; /* owned */
	DB *db;                    /* owned; NULL when not open */
	DBC *walk;                 /* owned; NULL when no walk is under way */
};

static void
db_message(const DB_ENV *env, const char *prefix, const char *text)
{
	(void)env;
	(void)prefix;
	log_debug("database library: %s", text);
}

/* Nothing that is written here is meant to outlive a power failure. */
static int
no_fsync(int fd)
{
	(void)fd;
	return 0;
}

static void
end_walk(struct store_db *self)
{
	/* A handle that was opened for reading has nothing to lose, and the library logs. */
	if (self->walk && self->walk->close(self->walk) != 0)
		self->store.failed = true;
	self->walk = NULL;
}

/* The library may go on after a write that failed, and has words of its own for most errors. */
static int
true_result(const struct store_db *self, int rc)
{
	int error = store_guard_error(self->guard);

	return error ? error : rc;
}

/* False: not everything could be written. */
static bool
close_library(struct store_db *self, bool keep)
{
	DB *db = self->db;

	self->db = NULL;
	return !db || true_result(self, db->close(db, keep ? 0 : DB_NOSYNC)) == 0;
}

static void
db_free(struct store *store, bool keep)
{
	struct store_db *self = (struct store_db *)store;
	struct buf sums = BUF_INIT;

	end_walk(self);
	if (close_library(self, keep) && keep && !store->failed) {
		store_guard_save(self->guard, &sums);
		store_disk_keep(&self->file, &sums);
	} else {
		store_disk_drop(&self->file);
	}
	buf_release(&sums);
	store_guard_free(self->guard);
	store_disk_release(&self->file);
	free(self);
}

static int
failed(const struct store_db *self, const char *doing, int rc, struct err *err)
{
	err_set(err, "%s %s: %s", doing, self->file.shown, db_strerror(rc));
	err->code = rc > 0 ? rc : EIO;
	return -1;
}

/* Keys and values are never written through these. */
static DBT
thing(const void *bytes, size_t len)
{
	return (DBT){ .data = (void *)(uintptr_t)bytes, .size = (u_int32_t)len };
}

/* `without` bytes at the end are left out. */
static void
take(struct buf *to, const DBT *from, size_t without)
{
	buf_clear(to);
	if (from->size > without)
		buf_add(to, from->data, from->size - without);
}

static int
db_get(struct store *store, const char *key, struct buf *value, struct err *err)
{
	struct store_db *self = (struct store_db *)store;
	DBT key_thing = thing(key, strlen(key) + 1), value_thing = { 0 };
	int rc = true_result(self, self->db->get(self->db, NULL, &key_thing, &value_thing, 0));

	if (rc == DB_NOTFOUND)
		return 0;
	if (rc != 0)
		return failed(self, "error reading", rc, err);
	take(value, &value_thing, 0);
	return 1;
}

static int
db_put(struct store *store, const char *key, const void *value, size_t len, struct err *err)
{
	struct store_db *self = (struct store_db *)store;
	DBT key_thing = thing(key, strlen(key) + 1), value_thing = thing(value, len);
	int rc = true_result(self, self->db->put(self->db, NULL, &key_thing, &value_thing, 0));

	return rc == 0 ? 0 : failed(self, "error writing", rc, err);
}

static int
db_remove(struct store *store, const char *key, struct err *err)
{
	struct store_db *self = (struct store_db *)store;
	DBT key_thing = thing(key, strlen(key) + 1);
	int rc = true_result(self, self->db->del(self->db, NULL, &key_thing, 0));

	if (rc == DB_NOTFOUND)
		return 0;
	if (rc != 0)
		return failed(self, "error deleting from", rc, err);
	return 1;
}

static int
db_next(struct store *store, bool first, struct buf *key, struct buf *value, struct err *err)
{
	struct store_db *self = (struct store_db *)store;
	DBT key_thing = { 0 }, value_thing = { 0 };
	int rc = 0;

	if (!self->walk) {
		first = true;
		rc = self->db->cursor(self->db, NULL, &self->walk, 0);
	}
	if (rc == 0)
		rc = self->walk->get(self->walk, &key_thing, &value_thing, first ? DB_FIRST : DB_NEXT);
	rc = true_result(self, rc);
	if (rc == DB_NOTFOUND) {
		end_walk(self);
		return 0;
	}
	if (rc != 0)
		return failed(self, "error seeking", rc, err);
	take(key, &key_thing, 1);
	take(value, &value_thing, 0);
	return 1;
}

static uint64_t
db_file_bytes(const struct store *store)
{
	return store_disk_bytes(&((const struct store_db *)store)->file);
}

/* An interrupted start leaves the name under which the library builds a new file, and would wait for it for
 * ever. */
static void
remove_leftover(const char *file)
{
	const char *base = text_basename(file);
	char *leftover = alloc_printf("%.*s__db.%s", (int)(base - file), file, base);

	if (unlink(leftover) == 0)
		log_debug("removed leftover %s", leftover);
	free(leftover);
}

/* 0 or an error of the library. */
static int
open_library(struct store_db *self, const char *type)
{
	DBTYPE method = strcmp(type, "hash") == 0 ? DB_HASH : DB_BTREE;
	int fd, rc = db_create(&self->db, NULL, 0);

	if (rc != 0) {
		self->db = NULL;
		return rc;
	}
	self->db->set_errcall(self->db, db_message);
	if ((rc = self->db->set_cachesize(self->db, 0, POOL_BYTES, 1)) != 0 ||
	    (rc = self->db->set_pagesize(self->db, PAGE_BYTES)) != 0 ||
	    (rc = self->db->open(self->db, NULL, self->file.path, NULL, method,
		 self->file.kept ? 0 : DB_CREATE, 0600)) != 0 ||
	    (rc = self->db->fd(self->db, &fd)) != 0)
		return rc;
	if (!store_disk_is(&self->file, fd))
		return ESTALE;
	store_guard_watch(self->guard, fd);
	return 0;
}

/* The library must not see a first page that is not its own. */
static bool
reopen(struct store_db *self, const char *type)
{
	store_guard_load(self->guard, &self->file.tail);
	if (store_guard_is_intact(self->guard, self->file.fd, 0) && open_library(self, type) == 0)
		return true;
	log_debug("%s: kept file not usable", self->file.shown);
	close_library(self, false);
	store_guard_free(self->guard);
	self->guard = store_guard_new(PAGE_BYTES);
	return false;
}

static int
open_file(struct store_db *self, const struct store_config *config, struct err *err)
{
	if (store_disk_open(&self->file, config, ".db", err) < 0)
		return -1;
	remove_leftover(self->file.path);
	if (self->file.kept && reopen(self, config->type))
		return 0;
	if (store_disk_empty(&self->file, err) < 0)
		return -1;
	int rc = open_library(self, config->type);
	return rc == 0 ? 0 : failed(self, "open database", rc, err);
}

static const struct store_ops ops = {
	.free = db_free,
	.get = db_get,
	.put = db_put,
	.remove = db_remove,
	.next = db_next,
	.file_bytes = db_file_bytes,
};

struct store *
store_db_new(const struct store_config *config, struct err *err)
{
	struct store_db *self = alloc_zero(sizeof *self);
	int rc;

	self->store.ops = &ops;
	self->guard = store_guard_new(PAGE_BYTES);
	/* For all handles of the process; each time the same. */
	if ((rc = db_env_set_func_fsync(no_fsync)) != 0 ||
	    (rc = db_env_set_func_pread(store_guard_pread)) != 0 ||
	    (rc = db_env_set_func_ftruncate(store_guard_truncate)) != 0 ||
	    (rc = db_env_set_func_seek(store_guard_seek)) != 0 ||
	    (rc = db_env_set_func_pwrite(store_guard_pwrite)) != 0)
		log_panic("database library: %s", db_strerror(rc));
	if (open_file(self, config, err) < 0) {
		db_free(&self->store, false);
		return NULL;
	}
	self->store.kept = self->file.kept;
	self->store.foreign = store_disk_take_foreign(&self->file);
	return &self->store;
}
