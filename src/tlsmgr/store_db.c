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
db_free(struct store *store, bool keep)
{
	struct store_db *self = (struct store_db *)store;

	(void)keep;
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
	int rc = self->db->get(self->db, NULL, &key_thing, &value_thing, 0);

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
	int rc = self->db->put(self->db, NULL, &key_thing, &value_thing, 0);

	return rc == 0 ? 0 : failed(self, "error writing", rc, err);
}

static int
db_remove(struct store *store, const char *key, struct err *err)
{
	struct store_db *self = (struct store_db *)store;
	DBT key_thing = thing(key, strlen(key) + 1);
	int rc = self->db->del(self->db, NULL, &key_thing, 0);

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
	if (rc == DB_NOTFOUND) {
		self->walk->close(self->walk);
		self->walk = NULL;
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
	const struct store_db *self = (const struct store_db *)store;
	struct stat st;

	return fstat(self->lock, &st) < 0 ? 0 : (uint64_t)st.st_blocks * 512;
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
lock_file(struct store_db *self, const struct store_config *config, struct err *err)
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
		return err_errno(err, "%s:%s: unable to get exclusive lock", config->type, config->shown);
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
	.file_bytes = db_file_bytes,
};

struct store *
store_db_new(const struct store_config *config, struct err *err)
{
	struct store_db *self = alloc_zero(sizeof *self);

	self->store.ops = &ops;
	self->file = alloc_printf("%s.db", config->path);
	self->lock = -1;
	if (lock_file(self, config, err) < 0)
		goto fail;
	remove_leftover(self->file);

	DBTYPE method = strcmp(config->type, "hash") == 0 ? DB_HASH : DB_BTREE;
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
	db_free(&self->store, false);
	return NULL;
}
