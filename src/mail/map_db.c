/* SPDX-License-Identifier: ISC */
/*
 * map_db: hash: and btree: tables, in Berkeley DB files as postmap makes them.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include <db.h>

#include "mail/map_impl.h"
#include "util/alloc.h"
#include "util/err.h"
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
read_file(struct map *map, const char *path, DBTYPE method)
{
	DB *db;
	int rc = db_create(&db, NULL, 0);

	if (rc != 0)
		return rc;
	db->set_errcall(db, db_message);
	rc = db->open(db, NULL, path, NULL, method, DB_RDONLY, 0);
	if (rc == 0)
		rc = read_all(map, db);

	int closed = db->close(db, DB_NOSYNC);
	return rc != 0 ? rc : closed;
}

static int
open_db(struct map *map, DBTYPE method, struct err *err)
{
	char *path = alloc_printf("%s.db", map->name);
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	int rc = 0;

	map->index_suffix = ".db";
	/* postmap holds the lock while it writes. */
	if (fd < 0 || flock(fd, LOCK_SH) < 0)
		rc = errno;
	else
		rc = read_file(map, path, method);
	fdio_close(&fd);
	if (rc == 0)
		map_check_age(map, path);
	else
		err_set(err, "open database %s: %s", path, rc > 0 ? strerror(rc) : db_strerror(rc));
	free(path);
	return rc == 0 ? 0 : -1;
}

static int
open_hash(struct map *map, struct err *err)
{
	return open_db(map, DB_HASH, err);
}

static int
open_btree(struct map *map, struct err *err)
{
	return open_db(map, DB_BTREE, err);
}

const struct map_type map_type_hash = { .name = "hash", .open = open_hash };
const struct map_type map_type_btree = { .name = "btree", .open = open_btree };
