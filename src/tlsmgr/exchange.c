/* SPDX-License-Identifier: ISC */
#include "tlsmgr/exchange.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tls/random.h"
#include "util/alloc.h"
#include "util/err.h"
#include "util/fdio.h"
#include "util/file.h"
#include "util/log.h"

enum { EXCHANGE_LEN = 1024 };

struct exchange {
	char *path; /* owned */
	int fd;     /* owned */
};

struct exchange *
exchange_new(const char *path, struct err *err)
{
	struct stat st;
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0600);

	if (fd < 0 || fstat(fd, &st) < 0) {
		err_errno(err, "cannot open PRNG exchange file %s", path);
		fdio_close(&fd);
		return NULL;
	}
	if (!S_ISREG(st.st_mode)) {
		err_set(err, "cannot open PRNG exchange file %s: not a regular file", path);
		fdio_close(&fd);
		return NULL;
	}
	log_debug("tls_prng_exch_open: opened PRNG exchange file %s", path);

	struct exchange *exchange = alloc_zero(sizeof *exchange);
	exchange->path = alloc_string(path);
	exchange->fd = fd;
	return exchange;
}

void
exchange_free(struct exchange *exchange)
{
	if (!exchange)
		return;
	fdio_close(&exchange->fd);
	free(exchange->path);
	free(exchange);
}

bool
exchange_is_removed(const struct exchange *exchange)
{
	struct stat st;

	return fstat(exchange->fd, &st) == 0 && st.st_nlink == 0;
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
	return 0;
}

int
exchange_update(struct exchange *exchange, struct err *err)
{
	unsigned char bytes[EXCHANGE_LEN];
	int locked = file_lock(exchange->fd, false);

	/* A lock that somebody keeps must not stop the service; this update is left out. */
	if (locked == 0)
		errno = EAGAIN;
	if (locked <= 0)
		return err_errno(err, "cannot lock PRNG exchange file %s", exchange->path);
	int rc = replace(exchange, bytes, err);
	file_unlock(exchange->fd);
	alloc_wipe(bytes, sizeof bytes);
	return rc;
}
