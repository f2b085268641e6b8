/* SPDX-License-Identifier: ISC */
#include "tlsmgr/client.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <unistd.h>

#include <event2/event.h>

#include "mail/attr.h"
#include "mail/service.h"
#include "mail/timer.h"
#include "mail/tlsmgr_proto.h"
#include "tlsmgr/mgr_request.h"
#include "tlsmgr/statistics.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/fdio.h"
#include "util/log.h"
#include "util/now.h"

enum {
	LIST_LIMIT = 4 * 1024 * 1024, /* a session of 1 MiB, which base64 makes larger, with its id */
	READ_SIZE = 16384,
	DISCARD_READS = 64,
	TURN_LISTS = 32,             /* then it is the turn of others */
	TURN_BYTES = 128 * 1024,     /* of replies, likewise */
	KEEP_BYTES = 4 * READ_SIZE,  /* a shared buffer that has become larger is not kept */
	TIMEOUT_MAX_S = 1000 * 1000, /* what a timer can hold */

	/* What all clients with more than KEEP_BYTES may hold; some of the largest requests at a time. */
	HELD_LIMIT = 64 * 1024 * 1024,
};

/* Where in a list that is too long to keep. */
enum skip_state { SKIP_NOT, SKIP_NAME_START, SKIP_NAME, SKIP_VALUE };

struct client_set {
	struct service *service;           /* borrowed */
	const struct mgr_request_env *env; /* borrowed */
	int timeout_ms;

	/* Most requests come whole and most replies are taken whole: they need no memory of the client's.
	 * Both are empty between two wake-ups. */
	struct buf in;
	struct buf out;

	TAILQ_HEAD(, client) large; /* who holds more than KEEP_BYTES, the longest first */
	size_t held;                /* bytes, of these */
	bool crowded;               /* it was said that they hold too much */
};

struct client {
	TAILQ_ENTRY(client) next; /* in `large`, if it holds anything there */
	size_t held;              /* bytes that are counted there; 0: not in it */
	struct client_set *set;   /* borrowed */
	int fd;                   /* owned */
	struct event *readable;   /* owned */
	struct event *writable;   /* owned; NULL unless `out` holds bytes */
	struct timer *timer;      /* owned; NULL while there is nothing to wait for */
	struct buf in;            /* begins with a list that is not complete, or whose turn has not come */
	struct buf out;           /* what the socket did not take of the replies */
	struct attr_frame frame;  /* of the list at the start of what is there */
	int64_t deadline_ms;      /* of the list or reply under way; 0: not set yet */
	enum skip_state skipping;
	bool reading;
	bool more; /* the turn ended before the input did */
	bool eof;
	bool ending; /* nothing follows but the rest of `out` */
};

/* Brings up to date what is known of its memory. */
static void
weigh(struct client *client)
{
	struct client_set *set = client->set;
	size_t held = client->in.room + client->out.room;

	if (held <= KEEP_BYTES)
		held = 0;
	if (held > 0 && client->held == 0)
		TAILQ_INSERT_TAIL(&set->large, client, next);
	if (held == 0 && client->held > 0)
		TAILQ_REMOVE(&set->large, client, next);
	set->held += held;
	set->held -= client->held;
	client->held = held;
}

static void
client_free(struct client *client)
{
	struct client_set *set = client->set;

	log_debug("connection closed fd %d", client->fd);
	event_free(client->readable);
	if (client->writable)
		event_free(client->writable);
	timer_free(client->timer);
	fdio_close(&client->fd);
	buf_release_secret(&client->in);
	buf_release_secret(&client->out);
	weigh(client);
	free(client);
	set->env->statistics->clients--;
	service_client_gone(set->service);
}

/* Requests and replies hold sessions and keys: nothing of them stays behind. */
static void
empty_shared(struct buf *buf)
{
	if (buf->room > KEEP_BYTES) {
		buf_release_secret(buf);
	} else if (buf->len > 0) {
		alloc_wipe(buf->bytes, buf->len);
		buf_clear(buf);
	}
}

/* --- input: `in` is the client's or the shared buffer, `at` how much of it is done with --- */

static void
end_list(struct client *client)
{
	attr_frame_init(&client->frame, LIST_LIMIT);
	client->deadline_ms = 0;
}

static void
fail(struct client *client)
{
	tlsmgr_proto_reply_status(&client->set->out, TLSMGR_PROTO_FAIL);
	statistics_count(client->set->env->statistics, STATISTICS_OTHER, TLSMGR_PROTO_FAIL);
}

/* What is left of a list without a recognisable end is in the socket, or will never come. */
static void
discard(struct client *client, struct buf *in, size_t *at)
{
	char bytes[READ_SIZE];
	ssize_t got = READ_SIZE;

	for (int i = 0; i < DISCARD_READS && got == READ_SIZE; i++)
		got = read(client->fd, bytes, sizeof bytes);
	alloc_wipe(bytes, sizeof bytes);
	if (got == 0)
		client->eof = true;
	*at = in->len;
}

/* One request, or what the client meant to be one. */
static void
handle(struct client *client, struct buf *in, size_t *at, size_t len)
{
	bool proper = mgr_request_handle(client->set->env, in->bytes + *at, len, &client->set->out);

	*at += len;
	if (!proper)
		discard(client, in, at);
	end_list(client);
}

/* The first name is there, and it is not "request": no need to wait for the rest. */
static bool
is_hopeless(const char *bytes, size_t len)
{
	static const char wanted[] = TLSMGR_PROTO_REQUEST; /* compared with its zero byte */
	size_t compared = len < sizeof wanted ? len : sizeof wanted;

	return memcmp(bytes, wanted, compared) != 0 && memchr(bytes, 0, len);
}

/* Passes over what belongs to the list that is too long; answers at its end, when the client expects it. */
static void
skip(struct client *client, const struct buf *in, size_t *at)
{
	while (*at < in->len && client->skipping != SKIP_NOT) {
		bool zero = in->bytes[(*at)++] == 0;

		if (client->skipping == SKIP_NAME_START)
			client->skipping = zero ? SKIP_NOT : SKIP_NAME;
		else if (zero)
			client->skipping = client->skipping == SKIP_NAME ? SKIP_VALUE : SKIP_NAME_START;
	}
	if (client->skipping == SKIP_NOT) {
		fail(client);
		end_list(client);
	}
}

enum progress { GO_ON, WAIT, END };

/* Two bytes or less are no list, but master's question whether somebody is there. */
static enum progress
take_short_input(struct client *client, const struct buf *in, size_t *at)
{
	const char *bytes = in->bytes + *at;

	if (!memchr(bytes, 0, in->len - *at))
		return WAIT;
	if (strcmp(bytes, TLSMGR_PROTO_WAKEUP) == 0) {
		log_debug("received master trigger");
		return END;
	}
	fail(client);
	*at = in->len;
	end_list(client);
	return GO_ON;
}

/* Acts on at most one list. */
static enum progress
take_list(struct client *client, struct buf *in, size_t *at)
{
	size_t left = in->len - *at;
	size_t len;

	if (left == 0)
		return client->eof ? END : WAIT;
	const char *bytes = in->bytes + *at;
	if (client->skipping != SKIP_NOT) {
		skip(client, in, at);
		return GO_ON;
	}
	if (left <= 2 && client->frame.scanned == 0 && !client->eof)
		return take_short_input(client, in, at);
	if (is_hopeless(bytes, left)) {
		handle(client, in, at, left);
		return GO_ON;
	}
	switch (attr_frame_feed(&client->frame, bytes, left, &len)) {
	case ATTR_COMPLETE:
		handle(client, in, at, len);
		return GO_ON;
	case ATTR_TOO_LONG:
		log_warn("request of more than %d bytes from %s", LIST_LIMIT, client->set->env->stream);
		client->skipping = SKIP_NAME_START;
		return GO_ON;
	case ATTR_MORE:
		break;
	}
	if (!client->eof)
		return WAIT;
	handle(client, in, at, left);
	return GO_ON;
}

/* A client whose turn has ended goes on after all others that are ready. */
static enum progress
take_turn(struct client *client, struct buf *in)
{
	enum progress progress = GO_ON;
	size_t at = 0;

	for (int i = 0; i < TURN_LISTS && client->set->out.len < TURN_BYTES && progress == GO_ON; i++)
		progress = take_list(client, in, &at);
	if (in != &client->in) {
		if (in->len > at)
			buf_add(&client->in, in->bytes + at, in->len - at);
		empty_shared(in);
	} else if (in->len > at) {
		buf_consume(in, at);
	} else {
		buf_release_secret(in);
	}
	return progress;
}

/* --- output --- */

/* Sends what the socket takes of `from`. The number of bytes; -1: the connection is of no further use. */
static ssize_t
send_some(const struct client *client, const struct buf *from)
{
	size_t sent = 0;

	while (sent < from->len) {
		ssize_t put = write(client->fd, from->bytes + sent, from->len - sent);

		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return errno == EAGAIN ? (ssize_t)sent : -1;
		sent += (size_t)put;
	}
	return (ssize_t)sent;
}

/* Replies go out at once as far as they can; the rest is kept. False: no use. */
static bool
send_replies(struct client *client)
{
	struct buf *replies = &client->set->out;
	ssize_t sent = send_some(client, replies);

	if (sent >= 0 && (size_t)sent < replies->len)
		buf_add(&client->out, replies->bytes + sent, replies->len - (size_t)sent);
	empty_shared(replies);
	return sent >= 0;
}

/* The same for what was kept. */
static bool
send_rest(struct client *client)
{
	ssize_t sent = send_some(client, &client->out);

	if (sent < 0)
		return false;
	if ((size_t)sent < client->out.len) {
		buf_consume(&client->out, (size_t)sent);
		return true;
	}
	buf_release_secret(&client->out);
	client->deadline_ms = 0;
	return true;
}

/* --- events --- */

static void on_writable(evutil_socket_t fd, short what, void *context);
static void on_timer(void *context);

static void
arm_events(struct client *client)
{
	bool writing = client->out.len > 0;
	bool reading = !writing && !client->more && !client->eof;

	if (reading && !client->reading)
		event_add(client->readable, NULL);
	if (!reading && client->reading)
		event_del(client->readable);
	client->reading = reading;
	if (writing && !client->writable) {
		client->writable = event_new(service_base(client->set->service), client->fd,
		    EV_WRITE | EV_PERSIST, on_writable, client);
		event_add(client->writable, NULL);
	}
	if (!writing && client->writable) {
		event_free(client->writable);
		client->writable = NULL;
	}
}

static int
left_ms(const struct client *client)
{
	int64_t left = client->deadline_ms ? client->deadline_ms - now_ms() : client->set->timeout_ms;

	return left > 0 ? (int)left : 0;
}

static void
arm_timer(struct client *client)
{
	bool unfinished = client->out.len > 0 || client->in.len > 0 || client->skipping != SKIP_NOT;

	if (!unfinished && !client->more) {
		timer_free(client->timer);
		client->timer = NULL;
		return;
	}
	if (!client->timer)
		client->timer = timer_new(service_base(client->set->service), on_timer, client);
	if (client->deadline_ms == 0)
		client->deadline_ms = now_ms() + client->set->timeout_ms;
	if (client->more && client->out.len == 0)
		timer_start(client->timer, 0);
	else if (!timer_is_running(client->timer))
		timer_start(client->timer, left_ms(client));
}

/* Who means it has done with his request in a moment, so the one that has been at it longest goes. */
static void
limit_memory(struct client_set *set)
{
	if (set->held == 0)
		set->crowded = false;
	while (set->held > HELD_LIMIT) {
		if (!set->crowded)
			log_warn("unfinished requests and unread replies on %s hold more than %d bytes: "
				 "disconnecting the oldest",
			    set->env->stream, HELD_LIMIT);
		set->crowded = true;
		set->env->statistics->dropped++;
		client_free(TAILQ_FIRST(&set->large));
	}
}

/* Acts on what has come, unless the replies to what came before are still here. */
static void
run(struct client *client, struct buf *in)
{
	enum progress progress = client->ending ? END : WAIT;

	if (!client->ending && client->out.len == 0) {
		progress = take_turn(client, in);
		/* First, for master takes who dies before for one that cannot start. */
		if (client->set->out.len > 0)
			service_used(client->set->service);
		if (!send_replies(client)) {
			client_free(client);
			return;
		}
	}
	if (progress == END && client->out.len == 0) {
		client_free(client);
		return;
	}
	client->ending = progress == END;
	client->more = progress == GO_ON;
	arm_events(client);
	arm_timer(client);
	weigh(client);
	limit_memory(client->set); /* which may end this client, too */
}

static void
on_readable(evutil_socket_t fd, short what, void *context)
{
	struct client *client = context;
	struct buf *in = client->in.len > 0 ? &client->in : &client->set->in;
	ssize_t got = read(fd, buf_reserve(in, READ_SIZE), READ_SIZE);

	(void)what;
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got < 0) {
		client_free(client);
		return;
	}
	client->eof = got == 0;
	in->len += (size_t)got;
	buf_terminate(in);
	run(client, in);
}

static void
on_writable(evutil_socket_t fd, short what, void *context)
{
	struct client *client = context;

	(void)fd;
	(void)what;
	if (!send_rest(client))
		client_free(client);
	else if (client->out.len == 0)
		run(client, &client->in);
}

/* The words depend on whether the silence fell into a name or value, or between two. */
static void
log_timeout(const struct client *client)
{
	const char *stream = client->set->env->stream;
	const struct buf *in = &client->in;
	bool in_value = false;

	if (client->out.len > 0) {
		log_warn("timeout on %s while writing a reply", stream);
		return;
	}
	for (size_t i = 0; i < in->len; i++)
		if (in->bytes[i] == 0)
			in_value = !in_value;
	if (in->len > 0 && in->bytes[in->len - 1] == 0)
		log_warn(
		    "timeout on %s while reading input attribute %s", stream, in_value ? "value" : "name");
	else
		log_warn("unexpected end-of-input from %s while reading input attribute %s", stream,
		    in_value ? "value" : "name");
}

static void
on_timer(void *context)
{
	struct client *client = context;

	if (client->more && client->out.len == 0) {
		run(client, &client->in);
	} else if (left_ms(client) > 0) {
		/* The list or reply it was started for has come to its end, another is under way. */
		timer_start(client->timer, left_ms(client));
	} else {
		log_timeout(client);
		client->set->env->statistics->timeouts++;
		client_free(client);
	}
}

void
client_start(struct client_set *set, int fd)
{
	struct client *client = alloc_zero(sizeof *client);

	client->set = set;
	client->fd = fd;
	client->readable =
	    event_new(service_base(set->service), fd, EV_READ | EV_PERSIST, on_readable, client);
	if (!client->readable)
		log_fatal("cannot watch a client of %s", set->env->stream);
	attr_frame_init(&client->frame, LIST_LIMIT);
	set->env->statistics->clients++;
	set->env->statistics->clients_ever++;
	log_debug("connection established fd %d", fd);
	if (!service_is_stand_alone(set->service))
		tlsmgr_proto_put_announcement(&set->out);
	if (!send_replies(client)) {
		client_free(client);
		return;
	}
	arm_events(client);
	arm_timer(client);
}

struct client_set *
client_set_new(struct service *service, const struct mgr_request_env *env, int timeout_s)
{
	struct client_set *set = alloc_zero(sizeof *set);

	set->service = service;
	set->env = env;
	TAILQ_INIT(&set->large);
	set->timeout_ms = (timeout_s < TIMEOUT_MAX_S ? timeout_s : TIMEOUT_MAX_S) * 1000;
	return set;
}

void
client_set_free(struct client_set *set)
{
	if (!set)
		return;
	buf_release_secret(&set->in);
	buf_release_secret(&set->out);
	free(set);
}
