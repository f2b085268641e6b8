/* SPDX-License-Identifier: ISC */
#include "tlsmgr/entropy.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/event.h>

#include "tls/random.h"
#include "util/alloc.h"
#include "util/err.h"
#include "util/fdio.h"
#include "util/log.h"

enum {
	PIECE_MAX = 255, /* what one byte of an EGD request can ask for; the same for devices */
	FILE_PIECE = 8192,
	LIMIT_S = 10,
};

struct entropy {
	const struct entropy_kind *kind;
	char *source;     /* owned; the parameter as it was written */
	const char *path; /* within `source` */
	int fd;           /* owned; -1: not open */
	int bytes;
	bool over;   /* nothing more will come */
	bool outage; /* the last reading failed, and the log has said so */

	/* The reading under way. */
	struct event *event; /* owned; NULL: none */
	entropy_fn fn;
	void *context;
	bool counted; /* EGD has told how much it gives */
	unsigned char got[PIECE_MAX];
	size_t len, wanted;
};

struct entropy_kind {
	void (*open)(struct entropy *entropy);
	void (*read)(struct entropy *entropy, struct event_base *base);
};

/* --- what all kinds share --- */

/* The words for errno, as Postfix prints a missing one. */
static const char *
reason(int code)
{
	return code ? strerror(code) : "Application error";
}

static void
finish(struct entropy *entropy, bool done)
{
	entropy_fn fn = entropy->fn;

	if (entropy->event)
		event_free(entropy->event);
	entropy->event = NULL;
	entropy->fn = NULL;
	alloc_wipe(entropy->got, sizeof entropy->got);
	entropy->outage = !done;
	fn(done, entropy->context);
}

/* An outage is told once; the text is what administrators know from Postfix, though we do not exit. */
#define TELL(entropy, ...)                                                                                   \
	do {                                                                                                 \
		if (!(entropy)->outage)                                                                      \
			log_info(__VA_ARGS__);                                                               \
	} while (0)

#define WARN(entropy, ...)                                                                                   \
	do {                                                                                                 \
		if (!(entropy)->outage)                                                                      \
			log_warn(__VA_ARGS__);                                                               \
	} while (0)

static size_t
piece(const struct entropy *entropy)
{
	return entropy->bytes < PIECE_MAX ? (size_t)entropy->bytes : PIECE_MAX;
}

/* --- a device --- */

static void
device_open(struct entropy *entropy)
{
	entropy->fd = open(entropy->path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (entropy->fd < 0)
		WARN(entropy, "cannot open entropy device %s: %s", entropy->path, reason(errno));
	else
		log_debug("tls_prng_dev_open: opened entropy device %s", entropy->path);
}

static void
device_failed(struct entropy *entropy, int code)
{
	TELL(entropy, "cannot read from entropy device %s: %s -- exiting to reopen", entropy->path,
	    reason(code));
	fdio_close(&entropy->fd);
	finish(entropy, false);
}

static void
on_device(evutil_socket_t fd, short what, void *context)
{
	struct entropy *entropy = context;

	if (!(what & EV_READ)) {
		device_failed(entropy, ETIMEDOUT);
		return;
	}
	ssize_t got = read(fd, entropy->got, piece(entropy));
	if (got <= 0) {
		device_failed(entropy, got < 0 ? errno : 0);
		return;
	}
	log_debug("tls_prng_dev_read: read %zd bytes from entropy device %s", got, entropy->path);
	random_add(entropy->got, (size_t)got);
	finish(entropy, true);
}

static void
wait_for(struct entropy *entropy, struct event_base *base, event_callback_fn fn)
{
	struct timeval limit = { .tv_sec = LIMIT_S };

	entropy->event = event_new(base, entropy->fd, EV_READ | EV_PERSIST, fn, entropy);
	if (!entropy->event || event_add(entropy->event, &limit) < 0) {
		fdio_close(&entropy->fd);
		finish(entropy, false);
	}
}

/* Most devices have bytes at hand, and some of them cannot be waited for. */
static void
device_read(struct entropy *entropy, struct event_base *base)
{
	ssize_t got = read(entropy->fd, entropy->got, piece(entropy));

	if (got > 0) {
		random_add(entropy->got, (size_t)got);
		finish(entropy, true);
	} else if (got < 0 && errno == EAGAIN) {
		wait_for(entropy, base, on_device);
	} else {
		device_failed(entropy, got < 0 ? errno : 0);
	}
}

static const struct entropy_kind device = { device_open, device_read };

/* --- an EGD server: one byte with the number, then that many --- */

static void
egd_open(struct entropy *entropy)
{
	struct err err = { 0 };

	entropy->fd = fdio_connect_unix(entropy->path, true, &err);
	if (entropy->fd < 0)
		WARN(entropy, "cannot connect to EGD server %s: %s", entropy->path, reason(err.code));
}

static void
egd_lost(struct entropy *entropy)
{
	TELL(entropy, "lost connection to EGD server %s -- exiting to reconnect", entropy->path);
	fdio_close(&entropy->fd);
	finish(entropy, false);
}

static void
egd_unreadable(struct entropy *entropy, int code)
{
	if (entropy->counted)
		TELL(entropy, "cannot read %zu bytes from EGD server %s: %s", entropy->wanted, entropy->path,
		    reason(code));
	else
		TELL(entropy, "cannot read from EGD server %s: %s", entropy->path, reason(code));
	egd_lost(entropy);
}

static void
on_egd(evutil_socket_t fd, short what, void *context)
{
	struct entropy *entropy = context;
	unsigned char count = 0;
	void *to = entropy->counted ? &entropy->got[entropy->len] : &count;
	size_t room = entropy->counted ? entropy->wanted - entropy->len : 1;
	ssize_t got;

	if (!(what & EV_READ)) {
		egd_unreadable(entropy, ETIMEDOUT);
		return;
	}
	got = read(fd, to, room);
	if (got < 0 && errno == EAGAIN)
		return;
	if (got <= 0) {
		egd_unreadable(entropy, got < 0 ? errno : 0);
		return;
	}
	if (!entropy->counted && (count == 0 || count > piece(entropy))) {
		if (count == 0)
			TELL(entropy, "EGD server %s reports zero bytes available", entropy->path);
		else
			TELL(entropy, "EGD server %s offers %d bytes, more than were asked for",
			    entropy->path, count);
		egd_lost(entropy);
		return;
	}
	if (!entropy->counted) {
		entropy->counted = true;
		entropy->wanted = count;
		return;
	}
	entropy->len += (size_t)got;
	if (entropy->len < entropy->wanted)
		return;
	random_add(entropy->got, entropy->len);
	finish(entropy, true);
}

static void
egd_read(struct entropy *entropy, struct event_base *base)
{
	unsigned char request[2] = { 1, (unsigned char)piece(entropy) };

	entropy->counted = false;
	entropy->len = entropy->wanted = 0;
	/* Two bytes fit into the buffer of a socket on which everything was answered. */
	if (send(entropy->fd, request, sizeof request, MSG_NOSIGNAL) != (ssize_t)sizeof request) {
		TELL(entropy, "cannot write to EGD server %s: %s", entropy->path, reason(errno));
		egd_lost(entropy);
		return;
	}
	wait_for(entropy, base, on_egd);
}

static const struct entropy_kind egd = { egd_open, egd_read };

/* --- a file: read once, up to the number of bytes --- */

static void
file_open(struct entropy *entropy)
{
	entropy->fd = open(entropy->path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (entropy->fd < 0)
		log_debug("cannot open entropy file %s: %s", entropy->path, reason(errno));
}

static void
file_read_once(struct entropy *entropy, struct event_base *base)
{
	unsigned char bytes[FILE_PIECE];
	size_t left = (size_t)entropy->bytes;
	ssize_t got = 1;

	(void)base;
	while (left > 0 && got > 0) {
		got = read(entropy->fd, bytes, left < sizeof bytes ? left : sizeof bytes);
		if (got < 0)
			log_warn("cannot read from entropy file %s: %s", entropy->path, reason(errno));
		if (got > 0) {
			random_add(bytes, (size_t)got);
			left -= (size_t)got;
		}
	}
	alloc_wipe(bytes, sizeof bytes);
	fdio_close(&entropy->fd);
	entropy->over = true;
	finish(entropy, true);
}

static const struct entropy_kind file = { file_open, file_read_once };

/* --- all of them --- */

struct entropy *
entropy_new(const char *source, int bytes)
{
	static const struct {
		const char *prefix;
		const struct entropy_kind *kind;
	} kinds[] = { { "dev:", &device }, { "egd:", &egd }, { "", &file } };
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
	while (strncmp(source, kinds[i].prefix, strlen(kinds[i].prefix)) != 0)
		i++;
	entropy->kind = kinds[i].kind;
	entropy->path = entropy->source + strlen(kinds[i].prefix);
	entropy->kind->open(entropy);
	return entropy;
}

void
entropy_free(struct entropy *entropy)
{
	if (!entropy)
		return;
	if (entropy->event)
		event_free(entropy->event);
	alloc_wipe(entropy->got, sizeof entropy->got);
	fdio_close(&entropy->fd);
	free(entropy->source);
	free(entropy);
}

void
entropy_read(struct entropy *entropy, struct event_base *base, entropy_fn fn, void *context)
{
	if (entropy->over || entropy->fn) {
		fn(false, context);
		return;
	}
	entropy->fn = fn;
	entropy->context = context;

	/* After an outage the source is opened anew, as the user this program has become. */
	if (entropy->fd < 0 && entropy->outage)
		entropy->kind->open(entropy);
	if (entropy->fd < 0) {
		TELL(entropy, "exiting to reopen external entropy source %s", entropy->source);
		finish(entropy, false);
		return;
	}
	entropy->kind->read(entropy, base);
}

bool
entropy_has_more(const struct entropy *entropy)
{
	return !entropy->over;
}
