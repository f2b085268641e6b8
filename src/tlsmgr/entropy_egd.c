/* SPDX-License-Identifier: ISC */
/* An EGD server: asked with the byte 1 and a number; the answer is gathered as it comes. */
#include <errno.h>
#include <sys/socket.h>

#include "tls/random.h"
#include "tlsmgr/entropy_impl.h"
#include "util/alloc.h"
#include "util/err.h"
#include "util/fdio.h"
#include "util/log.h"

enum { READ_BLOCKING = 1 };

static int
egd_open(struct entropy *entropy)
{
	struct err err = { 0 };

	entropy->fd = fdio_connect_unix(entropy->path, true, &err);
	if (entropy->fd < 0) {
		/* Without errno when the path is too long for an address. */
		entropy->code = err.code ? err.code : ENAMETOOLONG;
		return -1;
	}
	entropy->is_reused = false;
	log_debug("connected to EGD server %s", entropy->path);
	return 0;
}

/* A connection that its peer closed since the last answer, or on which bytes lie that nobody asked for, is of
 * no more use: they would be taken for the next answer. */
static bool
is_stale(const struct entropy *entropy)
{
	char byte;

	return recv(entropy->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) >= 0 || errno != EAGAIN;
}

static int
ask(struct entropy *entropy)
{
	unsigned char request[] = { READ_BLOCKING, (unsigned char)entropy_piece(entropy) };

	egd_answer_reset(&entropy->answer);
	/* Two bytes fit into the buffer of a socket on which everything was answered. */
	if (send(entropy->fd, request, sizeof request, MSG_NOSIGNAL) == (ssize_t)sizeof request)
		return 0;
	entropy->code = errno;
	return -1;
}

static int
ask_on_new_connection(struct entropy *entropy)
{
	fdio_close(&entropy->fd);
	if (egd_open(entropy) < 0)
		return -1;
	return ask(entropy);
}

static int
egd_begin(struct entropy *entropy)
{
	if (is_stale(entropy))
		return ask_on_new_connection(entropy);
	if (ask(entropy) == 0)
		return 0;
	return entropy->is_reused ? ask_on_new_connection(entropy) : -1;
}

static enum entropy_step
egd_step(struct entropy *entropy)
{
	struct egd_answer *answer = &entropy->answer;
	unsigned char bytes[EGD_ANSWER_MAX];

	while (egd_answer_missing(answer) > 0) {
		bool first = answer->state == EGD_ANSWER_COUNT;
		long got = entropy_get(entropy, bytes, egd_answer_missing(answer));

		if (got < 0 && entropy->code == EAGAIN)
			return ENTROPY_READABLE;
		/* The server closed the connection while the request was on its way. */
		if (got <= 0 && first && entropy->is_reused)
			return ENTROPY_RESTART;
		if (got <= 0)
			return ENTROPY_FAILED;
		egd_answer_take(answer, bytes, (size_t)got);
		alloc_wipe(bytes, (size_t)got);
		if (first)
			entropy_restart_limit(entropy);
	}
	if (answer->state == EGD_ANSWER_NONE)
		return ENTROPY_FAILED;
	random_add(answer->bytes, answer->len);
	egd_answer_reset(answer);
	entropy->is_reused = true;
	return ENTROPY_DONE;
}

static void
egd_unopened(const struct entropy *entropy)
{
	log_warn("cannot connect to EGD server %s: %s", entropy->path, entropy_reason(entropy));
}

static void
egd_failed(const struct entropy *entropy)
{
	const struct egd_answer *answer = &entropy->answer;

	if (!entropy->begun)
		log_info("cannot write to EGD server %s: %s", entropy->path, entropy_reason(entropy));
	else if (answer->state == EGD_ANSWER_NONE)
		log_info("EGD server %s reports zero bytes available", entropy->path);
	else if (answer->state == EGD_ANSWER_BYTES)
		log_info("cannot read %zu bytes from EGD server %s: %s", answer->count, entropy->path,
		    entropy_reason(entropy));
	else
		log_info("cannot read from EGD server %s: %s", entropy->path, entropy_reason(entropy));
	log_info("lost connection to EGD server %s -- exiting to reconnect", entropy->path);
}

const struct entropy_kind entropy_egd = {
	.prefix = "egd:",
	.open = egd_open,
	.begin = egd_begin,
	.step = egd_step,
	.tell_unopened = egd_unopened,
	.tell_failed = egd_failed,
};
