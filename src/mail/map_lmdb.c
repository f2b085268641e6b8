/* SPDX-License-Identifier: ISC */
/*
 * map_lmdb: lmdb: tables, as postmap makes them.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <lmdb.h>

#include "mail/map_impl.h"
#include "util/fdio.h"
#include "util/log.h"

struct reading {
	struct map *map;
	MDB_env *env; /* owned */
	MDB_txn *txn; /* owned */
	jmp_buf escape;
};

/* The library aborts when this returns. */
static void
lmdb_assertion(MDB_env *env, const char *text)
{
	struct reading *reading = mdb_env_get_userctx(env);

	log_debug("database library: %s", text);
	longjmp(reading->escape, 1);
}

/* 0 or an error of the library. */
static int
read_all(struct reading *reading)
{
	MDB_cursor *cursor;
	MDB_val key, value;
	MDB_dbi dbi;
	size_t total = 0;
	int rc = mdb_dbi_open(reading->txn, NULL, 0, &dbi);

	if (rc != 0 || (rc = mdb_cursor_open(reading->txn, dbi, &cursor)) != 0)
		return rc;
	while ((rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == 0) {
		total += key.mv_size + value.mv_size;
		if (total > MAP_INDEX_LIMIT) {
			rc = EFBIG;
			break;
		}
		map_put_stored(reading->map, key.mv_data, key.mv_size, value.mv_data, value.mv_size);
	}
	mdb_cursor_close(cursor);
	return rc == MDB_NOTFOUND ? 0 : rc;
}

/* What the library was doing when it found the file damaged is lost, memory included. */
static int
read_file(struct reading *reading, const char *path)
{
	int rc;

	if (setjmp(reading->escape))
		return MDB_CORRUPTED;
	if ((rc = mdb_env_create(&reading->env)) != 0) {
		reading->env = NULL;
		return rc;
	}
	if ((rc = mdb_env_set_userctx(reading->env, reading)) == 0 &&
	    (rc = mdb_env_set_assert(reading->env, lmdb_assertion)) == 0 &&
	    (rc = mdb_env_open(reading->env, path, MDB_NOSUBDIR | MDB_NOLOCK | MDB_RDONLY, 0)) == 0 &&
	    (rc = mdb_txn_begin(reading->env, NULL, MDB_RDONLY, &reading->txn)) == 0) {
		rc = read_all(reading);
		mdb_txn_abort(reading->txn);
	}
	mdb_env_close(reading->env);
	return rc;
}

/* 0 or an error of the library. The file may shrink under the library's map no more than a writer lets it: a
 * transaction never does. */
static int
read_locked(struct map *map, const char *path)
{
	struct flock lock = { .l_type = F_RDLCK, .l_whence = SEEK_SET };
	struct stat found;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	int rc;

	if (fd < 0)
		return errno;
	if (fstat(fd, &found) < 0 || fcntl(fd, F_SETLKW, &lock) < 0) {
		rc = errno;
	} else if (found.st_size == 0) {
		/* What the library does of such a file is a new one. */
		rc = EBADF;
	} else {
		struct reading reading = { .map = map };

		rc = read_file(&reading, path);
	}
	fdio_close(&fd);
	return rc;
}

static const char *
words(int error)
{
	return mdb_strerror(error);
}

static int
open_lmdb(struct map *map, struct err *err)
{
	return map_open_index(map, ".lmdb", read_locked, words, err);
}

const struct map_type map_type_lmdb = { .name = "lmdb", .open = open_lmdb };
