/* SPDX-License-Identifier: ISC */
#include "tlsmgr/store_db.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <db.h>

#include "tlsmgr/store.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/fdio.h"
#include "util/file.h"
#include "util/log.h"
#include "util/text.h"

/* Berkeley DB's pool; more is taken from the file cache of the kernel. */
enum { POOL_BYTES = 4 * 1024 * 1024 };

struct store_db {
	struct store store;
	char *file; /* owned */
	int lock;   /* owned; the lock lasts as long as this descriptor */
	DB *db;     /* owned */
	DBC *walk;  /* owned; NULL when no walk is under way */
};

static void
db_message(const DB_ENV *env, const char *prefix, const char *text)
{
	(void)env;
	(void)prefix;
	log_debug("database library: %s", text);
}

static void
db_free(struct store *store)
{
	struct store_db *self = (struct store_db *)store;

	if (self->walk)
		self->walk->close(self->walk);
	if (self->db)
		self->db->close(self->db, DB_NOSYNC);
	fdio_close(&self->lock);
	free(self->file);
	free(self);
}

static int
failed(const struct store_db *self, const char *doing, int rc, struct err *err)
{
	err_set(err, "%s %s: %s", doing, self->file, db_strerror(rc));
	err->code = rc > 0 ? rc : EIO;
	return -1;
}

/* Keys and values are never written through these. */
static DBT
text_thing(const char *text, size_t len)
{
	return (DBT){ .data = (void *)(uintptr_t)text, .size = (u_int32_t)len + 1 };
}

/* Without the zero byte that ends it. */
static void
take_text(struct buf *to, const DBT *from)
{
	size_t len = from->size;
	const char *bytes = from->data;

	if (len > 0 && bytes[len - 1] == 0)
		len--;
	buf_clear(to);
	buf_add(to, bytes, len);
}

static int
db_get(struct store *store, const char *key, struct buf *value, struct err *err)
{
	struct store_db *self = (struct store_db *)store;
	DBT key_thing = text_thing(key, strlen(key)), value_thing = { 0 };
	int rc = self->db->get(self->db, NULL, &key_thing, &value_thing, 0);

	if (rc == DB_NOTFOUND)
		return 0;
	if (rc != 0)
		return failed(self, "error reading", rc, err);
	take_text(value, &value_thing);
	return 1;
}

/* 1: *len is what record `key` occupies. 0: absent. -1 */
static int
record_size(struct store_db *self, DBT *key, size_t *len, struct err *err)
{
	/* A buffer without room makes the library tell the size and copy nothing. */
	DBT value = { .flags = DB_DBT_USERMEM };
	int rc = self->db->get(self->db, NULL, key, &value, 0);

	if (rc == DB_NOTFOUND)
		return 0;
	if (rc != 0 && rc != DB_BUFFER_SMALL)
		return failed(self, "error reading", rc, err);
	*len = (size_t)key->size + value.size;
	return 1;
}

static void
subtract(struct store *store, size_t len)
{
	store->bytes = len < store->bytes ? store->bytes - len : 0;
}

static int
db_put(struct store *store, const char *key, const char *value, size_t len, struct err *err)
{
	struct store_db *self = (struct store_db *)store;
	DBT key_thing = text_thing(key, strlen(key)), value_thing = text_thing(value, len);
	size_t old = 0;

	if (record_size(self, &key_thing, &old, err) < 0)
		return -1;
	int rc = self->db->put(self->db, NULL, &key_thing, &value_thing, 0);
	if (rc != 0)
		return failed(self, "error writing", rc, err);
	subtract(store, old);
	store->bytes += (uint64_t)key_thing.size + value_thing.size;
	return 0;
}

static int
db_remove(struct store *store, const char *key, struct err *err)
{
	struct store_db *self = (struct store_db *)store;
	DBT key_thing = text_thing(key, strlen(key));
	size_t old = 0;
	int there = record_size(self, &key_thing, &old, err);

	if (there <= 0)
		return there;
	int rc = self->db->del(self->db, NULL, &key_thing, 0);
	if (rc == DB_NOTFOUND)
		return 0;
	if (rc != 0)
		return failed(self, "error deleting from", rc, err);
	subtract(store, old);
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
	if (rc == DB_NOTFOUND) {
		self->walk->close(self->walk);
		self->walk = NULL;
		return 0;
	}
	if (rc != 0)
		return failed(self, "error seeking", rc, err);
	take_text(key, &key_thing);
	take_text(value, &value_thing);
	return 1;
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

/* Nobody's live database is emptied: the lock comes first. */
static int
lock_file(struct store_db *self, const char *type, const char *path, struct err *err)
{
	struct stat st;

	self->lock = open(self->file, O_RDWR | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0600);
	if (self->lock < 0 || fstat(self->lock, &st) < 0)
		return err_errno(err, "open database %s", self->file);
	if (!S_ISREG(st.st_mode))
		return err_set(err, "open database %s: not a regular file", self->file);

	int rc = file_lock(self->lock, false);
	if (rc <= 0) {
		if (rc == 0)
			errno = EAGAIN;
		return err_errno(err, "%s:%s: unable to get exclusive lock", type, path);
	}
	if (ftruncate(self->lock, 0) < 0)
		return err_errno(err, "open database %s", self->file);
	return 0;
}

/* True if the library has opened the file that is locked. */
static bool
is_locked_file(const struct store_db *self)
{
	struct stat locked, opened;
	int fd;

	return self->db->fd(self->db, &fd) == 0 && fstat(self->lock, &locked) == 0 &&
	       fstat(fd, &opened) == 0 && locked.st_dev == opened.st_dev && locked.st_ino == opened.st_ino;
}

static const struct store_ops ops = {
	.free = db_free,
	.get = db_get,
	.put = db_put,
	.remove = db_remove,
	.next = db_next,
};

struct store *
store_db_new(const char *type, const char *path, struct err *err)
{
	struct store_db *self = alloc_zero(sizeof *self);

	self->store.ops = &ops;
	self->file = alloc_printf("%s.db", path);
	self->lock = -1;
	if (lock_file(self, type, path, err) < 0)
		goto fail;
	remove_leftover(self->file);

	DBTYPE method = strcmp(type, "hash") == 0 ? DB_HASH : DB_BTREE;
	int rc = db_create(&self->db, NULL, 0);
	if (rc == 0) {
		self->db->set_errcall(self->db, db_message);
		rc = self->db->set_cachesize(self->db, 0, POOL_BYTES, 1);
	}
	if (rc == 0)
		rc = self->db->open(self->db, NULL, self->file, NULL, method, DB_CREATE | DB_TRUNCATE, 0600);
	if (rc != 0) {
		err_set(err, "open database %s: %s", self->file, db_strerror(rc));
		goto fail;
	}
	if (!is_locked_file(self)) {
		err_set(err, "open database %s: the file was replaced while it was opened", self->file);
		goto fail;
	}
	return &self->store;
fail:
	db_free(&self->store);
	return NULL;
}
