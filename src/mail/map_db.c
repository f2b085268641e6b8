/* SPDX-License-Identifier: ISC */
/*
 * map_db: hash: and btree: tables, in Berkeley DB files as postmap makes them.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include <db.h>

#include "mail/map_impl.h"
#include "util/fdio.h"
#include "util/log.h"

static void
db_message(const DB_ENV *env, const char *prefix, const char *text)
{
	(void)env, (void)prefix;
	log_debug("database library: %s", text);
}

/* 0 or an error of the library. */
static int
read_all(struct map *map, DB *db)
{
	DBC *walk;
	size_t total = 0;
	int rc = db->cursor(db, NULL, &walk, 0);

	if (rc != 0)
		return rc;
	while (rc == 0) {
		DBT key = { 0 }, value = { 0 };

		rc = walk->get(walk, &key, &value, DB_NEXT);
		total += key.size + value.size;
		if (rc == 0 && total > MAP_INDEX_LIMIT)
			rc = EFBIG;
		if (rc == 0)
			map_put_stored(map, key.data, key.size, value.data, value.size);
	}

	int closed = walk->close(walk);
	return rc != DB_NOTFOUND ? rc : closed;
}

/* 0 or an error of the library. */
static int
read_file(struct map *map, const char *path)
{
	DB *db;
	int rc = db_create(&db, NULL, 0);

	if (rc != 0)
		return rc;
	db->set_errcall(db, db_message);
	rc = db->open(db, NULL, path, NULL, map->type == &map_type_btree ? DB_BTREE : DB_HASH, DB_RDONLY, 0);
	if (rc == 0)
		rc = read_all(map, db);

	int closed = db->close(db, DB_NOSYNC);
	return rc != 0 ? rc : closed;
}

static int
read_locked(struct map *map, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	int rc;

	/* postmap holds the lock while it writes. */
	if (fd < 0 || flock(fd, LOCK_SH) < 0)
		rc = errno;
	else
		rc = read_file(map, path);
	fdio_close(&fd);
	return rc;
}

static const char *
words(int error)
{
	return error > 0 ? strerror(error) : db_strerror(error);
}

static int
open_db(struct map *map, struct err *err)
{
	return map_open_index(map, ".db", read_locked, words, err);
}

const struct map_type map_type_hash = { .name = "hash", .open = open_db };
const struct map_type map_type_btree = { .name = "btree", .open = open_db };
