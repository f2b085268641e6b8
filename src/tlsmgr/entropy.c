/* SPDX-License-Identifier: ISC */
#include "tlsmgr/entropy.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/event.h>

#include "mail/timer.h"
#include "tlsmgr/entropy_impl.h"
#include "util/alloc.h"
#include "util/fdio.h"
#include "util/log.h"

enum {
	LIMIT_MS = 10000,
	LATER_MS = 100,
};

static void run(struct entropy *entropy);

/* --- what the kinds use --- */

size_t
entropy_piece(const struct entropy *entropy)
{
	return entropy->bytes < EGD_ANSWER_MAX ? (size_t)entropy->bytes : EGD_ANSWER_MAX;
}

void
entropy_restart_limit(struct entropy *entropy)
{
	timer_start(entropy->limit, LIMIT_MS);
}

const char *
entropy_reason(const struct entropy *entropy)
{
	return entropy->code ? strerror(entropy->code) : "Application error";
}

long
entropy_get(struct entropy *entropy, void *bytes, size_t len)
{
	ssize_t got;

	do
		got = read(entropy->fd, bytes, len);
	while (got < 0 && errno == EINTR);
	entropy->code = got < 0 ? errno : 0;
	return got;
}

/* --- the end of a reading --- */

static void
finish(struct entropy *entropy, bool done)
{
	entropy_fn fn = entropy->fn;

	if (entropy->readable)
		event_free(entropy->readable);
	entropy->readable = NULL;
	timer_stop(entropy->again);
	timer_stop(entropy->limit);
	entropy->fn = NULL;
	if (done && (entropy->outage || entropy->told_unopened))
		log_info("external entropy source %s is available", entropy->source);
	if (done)
		entropy->told_unopened = false;
	entropy->outage = !done;
	fn(done, entropy->context);
}

static void
tell_unopened(struct entropy *entropy)
{
	if (!entropy->told_unopened)
		entropy->kind->tell_unopened(entropy);
	entropy->told_unopened = true;
}

/* The texts are what administrators know from Postfix, though we do not exit. */
static void
fail(struct entropy *entropy)
{
	if (entropy->fd < 0) {
		tell_unopened(entropy);
		if (!entropy->outage)
			log_info("exiting to reopen external entropy source %s", entropy->source);
	} else {
		if (!entropy->outage)
			entropy->kind->tell_failed(entropy);
		entropy->over = entropy->kind->is_read_once;
	}
	if (!entropy->kind->keeps_descriptor)
		fdio_close(&entropy->fd);
	finish(entropy, false);
}

/* --- its course --- */

static void
on_readable(evutil_socket_t fd, short what, void *context)
{
	(void)fd;
	(void)what;
	run(context);
}

static void
on_again(void *context)
{
	run(context);
}

static void
on_limit(void *context)
{
	struct entropy *entropy = context;

	entropy->code = ETIMEDOUT;
	fail(entropy);
}

/* Some devices cannot be waited for. */
static void
wait_readable(struct entropy *entropy)
{
	if (!entropy->readable)
		entropy->readable = event_new(entropy->base, entropy->fd, EV_READ, on_readable, entropy);
	if (!entropy->readable || event_add(entropy->readable, NULL) < 0)
		timer_start(entropy->again, LATER_MS);
}

/* The new descriptor cannot be waited for with the event of the old one. */
static void
restart(struct entropy *entropy)
{
	if (entropy->readable)
		event_free(entropy->readable);
	entropy->readable = NULL;
	fdio_close(&entropy->fd);
	entropy->begun = false;
	timer_start(entropy->again, 0);
}

static enum entropy_step
advance(struct entropy *entropy)
{
	const struct entropy_kind *kind = entropy->kind;

	if (!entropy->begun) {
		bool good = entropy->fd >= 0 || kind->open(entropy) == 0;
		entropy->begun = good && (!kind->begin || kind->begin(entropy) == 0);
	}
	if (entropy->begun)
		return kind->step(entropy);
	return entropy->fd < 0 && entropy->code == EAGAIN ? ENTROPY_LATER : ENTROPY_FAILED;
}

static void
run(struct entropy *entropy)
{
	switch (advance(entropy)) {
	case ENTROPY_DONE:
		entropy->over = entropy->kind->is_read_once;
		finish(entropy, true);
		return;
	case ENTROPY_GO_ON:
		timer_start(entropy->again, 0);
		return;
	case ENTROPY_READABLE:
		wait_readable(entropy);
		return;
	case ENTROPY_LATER:
		timer_start(entropy->again, LATER_MS);
		return;
	case ENTROPY_RESTART:
		restart(entropy);
		return;
	case ENTROPY_FAILED:
		fail(entropy);
		return;
	}
}

/* --- for the program --- */

struct entropy *
entropy_new(const char *source, int bytes)
{
	static const struct entropy_kind *const kinds[] = { &entropy_device, &entropy_egd, &entropy_file };
	struct entropy *entropy = alloc_zero(sizeof *entropy);
	size_t i = 0;

	entropy->source = alloc_string(source);
	entropy->fd = -1;
	entropy->bytes = bytes;
	if (!*source) {
		log_warn("no entropy source specified with parameter tls_random_source");
		log_warn("encryption keys etc. may be predictable");
		entropy->over = true;
		return entropy;
	}
	while (strncmp(source, kinds[i]->prefix, strlen(kinds[i]->prefix)) != 0)
		i++;
	entropy->kind = kinds[i];
	entropy->path = entropy->source + strlen(kinds[i]->prefix);
	if (entropy->kind->open(entropy) < 0 && entropy->code != EAGAIN)
		tell_unopened(entropy);
	return entropy;
}

void
entropy_free(struct entropy *entropy)
{
	if (!entropy)
		return;
	if (entropy->readable)
		event_free(entropy->readable);
	timer_free(entropy->limit);
	timer_free(entropy->again);
	egd_answer_reset(&entropy->answer);
	fdio_close(&entropy->fd);
	free(entropy->source);
	free(entropy);
}

void
entropy_read(struct entropy *entropy, struct event_base *base, entropy_fn fn, void *context)
{
	if (entropy->over || entropy->fn)
		log_panic("entropy_read: %s", entropy->over ? "nothing to read" : "one is under way");
	if (!entropy->again) {
		entropy->base = base;
		entropy->again = timer_new(base, on_again, entropy);
		entropy->limit = timer_new(base, on_limit, entropy);
	}
	entropy->fn = fn;
	entropy->context = context;
	entropy->begun = false;
	entropy_restart_limit(entropy);

	/* A device may have come back under its name. If it has not, what was opened first is all there is.
	 */
	if (entropy->outage && entropy->fd >= 0 && entropy->kind->open(entropy) < 0)
		entropy->code = 0;
	run(entropy);
}

bool
entropy_has_more(const struct entropy *entropy)
{
	return !entropy->over;
}
