/* SPDX-License-Identifier: ISC */
/* A file: read once, from its start, up to the number of bytes or its end. What is no regular file may be
 * slow. */
#include <errno.h>
#include <fcntl.h>

#include "tls/random.h"
#include "tlsmgr/entropy_impl.h"
#include "util/alloc.h"
#include "util/log.h"

enum { PIECE_LEN = 8192 };

static int
file_open(struct entropy *entropy)
{
	entropy->fd = open(entropy->path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	entropy->code = errno;
	if (entropy->fd < 0)
		return -1;
	log_debug("tls_prng_file_open: opened entropy file %s", entropy->path);
	return 0;
}

static int
file_begin(struct entropy *entropy)
{
	entropy->left = (size_t)entropy->bytes;
	return 0;
}

/* One piece a turn: the number of bytes has no upper bound. */
static enum entropy_step
file_step(struct entropy *entropy)
{
	unsigned char bytes[PIECE_LEN];
	long got = entropy_get(entropy, bytes, entropy->left < sizeof bytes ? entropy->left : sizeof bytes);

	if (got < 0 && entropy->code == EAGAIN)
		return ENTROPY_READABLE;
	if (got < 0 || (got == 0 && entropy->left == (size_t)entropy->bytes))
		return ENTROPY_FAILED;
	log_debug("read %ld bytes from entropy file %s", got, entropy->path);
	random_add(bytes, (size_t)got);
	alloc_wipe(bytes, sizeof bytes);
	entropy->left -= (size_t)got;
	return got == 0 || entropy->left == 0 ? ENTROPY_DONE : ENTROPY_GO_ON;
}

static void
file_unopened(const struct entropy *entropy)
{
	log_debug("cannot open entropy file %s: %s", entropy->path, entropy_reason(entropy));
}

static void
file_failed(const struct entropy *entropy)
{
	log_warn("cannot read from entropy file %s: %s", entropy->path, entropy_reason(entropy));
}

const struct entropy_kind entropy_file = {
	.prefix = "",
	.is_read_once = true,
	.open = file_open,
	.begin = file_begin,
	.step = file_step,
	.tell_unopened = file_unopened,
	.tell_failed = file_failed,
};
