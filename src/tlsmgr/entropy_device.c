/* SPDX-License-Identifier: ISC */
/* A device: one read, and fewer bytes than asked for are welcome. */
#include <errno.h>
#include <fcntl.h>

#include "tls/random.h"
#include "tlsmgr/entropy_impl.h"
#include "util/alloc.h"
#include "util/fdio.h"
#include "util/log.h"

/* What is open already stays so until there is something better. */
static int
device_open(struct entropy *entropy)
{
	/* A FIFO without writer would hold up a blocking open for ever. */
	int fd = open(entropy->path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

	entropy->code = errno;
	if (fd < 0)
		return -1;
	fdio_close(&entropy->fd);
	entropy->fd = fd;
	log_debug("tls_prng_dev_open: opened entropy device %s", entropy->path);
	return 0;
}

static enum entropy_step
device_step(struct entropy *entropy)
{
	unsigned char bytes[EGD_ANSWER_MAX];
	long got = entropy_get(entropy, bytes, entropy_piece(entropy));

	if (got < 0 && entropy->code == EAGAIN)
		return ENTROPY_READABLE;
	if (got <= 0)
		return ENTROPY_FAILED;
	log_debug("tls_prng_dev_read: read %ld bytes from entropy device %s", got, entropy->path);
	random_add(bytes, (size_t)got);
	alloc_wipe(bytes, sizeof bytes);
	return ENTROPY_DONE;
}

static void
device_unopened(const struct entropy *entropy)
{
	log_warn("cannot open entropy device %s: %s", entropy->path, entropy_reason(entropy));
}

static void
device_failed(const struct entropy *entropy)
{
	log_info("cannot read from entropy device %s: %s -- exiting to reopen", entropy->path,
	    entropy_reason(entropy));
}

const struct entropy_kind entropy_device = {
	.prefix = "dev:",
	.keeps_descriptor = true,
	.open = device_open,
	.step = device_step,
	.tell_unopened = device_unopened,
	.tell_failed = device_failed,
};
