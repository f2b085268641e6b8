/* SPDX-License-Identifier: ISC */
#include "tlsmgr/exchange.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tls/random.h"
#include "tlsmgr/location.h"
#include "util/alloc.h"
#include "util/err.h"
#include "util/fdio.h"
#include "util/file.h"
#include "util/log.h"
#include "util/text.h"

enum { EXCHANGE_LEN = 1024 };

struct exchange {
	char *path;    /* owned */
	int directory; /* owned; -1: could not be opened */
	int fd;        /* owned; -1: not open */
};

struct exchange *
exchange_new(const char *path)
{
	struct exchange *exchange = alloc_zero(sizeof *exchange);

	exchange->path = alloc_string(path);
	exchange->directory = location_directory(path);
	exchange->fd = -1;
	return exchange;
}

void
exchange_free(struct exchange *exchange)
{
	if (!exchange)
		return;
	fdio_close(&exchange->fd);
	fdio_close(&exchange->directory);
	free(exchange->path);
	free(exchange);
}

const char *
exchange_path(const struct exchange *exchange)
{
	return exchange->path;
}

int
exchange_directory(const struct exchange *exchange)
{
	return exchange->directory;
}

/* In the directory that was there at the start; in one that took its place if that is gone. */
static int
open_or_create(const struct exchange *exchange)
{
	/* A FIFO in its place would hold up a blocking open for ever. */
	enum { FLAGS = O_RDWR | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK };
	int fd = -1;

	if (exchange->directory >= 0)
		fd = openat(exchange->directory, text_basename(exchange->path), FLAGS, 0600);
	if (fd < 0 && (exchange->directory < 0 || errno == ENOENT))
		fd = open(exchange->path, FLAGS, 0600);
	return fd;
}

/* What others could read or write is stirred in all the same: it is never all there is. */
static void
keep_private(const struct exchange *exchange, const struct stat *st)
{
	if (st->st_uid != geteuid())
		log_warn("PRNG exchange file %s belongs to another user", exchange->path);
	else if ((st->st_mode & 077) != 0 && fchmod(exchange->fd, 0600) == 0)
		log_warn("PRNG exchange file %s was accessible to others", exchange->path);
}

int
exchange_open(struct exchange *exchange, struct err *err)
{
	struct stat st;

	fdio_close(&exchange->fd);
	exchange->fd = open_or_create(exchange);
	if (exchange->fd < 0 || fstat(exchange->fd, &st) < 0) {
		err_errno(err, "cannot open PRNG exchange file %s", exchange->path);
		fdio_close(&exchange->fd);
		return -1;
	}
	if (!S_ISREG(st.st_mode)) {
		err_set(err, "cannot open PRNG exchange file %s: not a regular file", exchange->path);
		fdio_close(&exchange->fd);
		return -1;
	}
	keep_private(exchange, &st);
	log_debug("tls_prng_exch_open: opened PRNG exchange file %s", exchange->path);
	return 0;
}

bool
exchange_is_removed(const struct exchange *exchange)
{
	struct stat st;

	return exchange->fd >= 0 && fstat(exchange->fd, &st) == 0 && st.st_nlink == 0;
}

static int
replace(struct exchange *exchange, unsigned char *bytes, struct err *err)
{
	ssize_t got = pread(exchange->fd, bytes, EXCHANGE_LEN, 0);

	if (got < 0)
		return err_errno(err, "cannot read PRNG exchange file %s", exchange->path);
	random_add(bytes, (size_t)got);
	if (random_bytes(bytes, EXCHANGE_LEN) < 0)
		return err_set(err, "no random bytes for PRNG exchange file %s", exchange->path);

	ssize_t put = pwrite(exchange->fd, bytes, EXCHANGE_LEN, 0);
	if (put >= 0 && put != EXCHANGE_LEN)
		errno = ENOSPC;
	if (put != EXCHANGE_LEN)
		return err_errno(err, "cannot write PRNG exchange file %s", exchange->path);
	return 1;
}

int
exchange_update(struct exchange *exchange, struct err *err)
{
	unsigned char bytes[EXCHANGE_LEN];

	if (exchange->fd < 0 && exchange_open(exchange, err) < 0)
		return -1;
	int locked = file_lock(exchange->fd, false);
	if (locked < 0)
		return err_errno(err, "cannot lock PRNG exchange file %s", exchange->path);
	if (locked == 0)
		return 0;
	int rc = replace(exchange, bytes, err);
	file_unlock(exchange->fd);
	alloc_wipe(bytes, sizeof bytes);
	return rc;
}
