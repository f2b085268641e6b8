/* SPDX-License-Identifier: ISC */
#include "tlsmgr/client.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/event.h>

#include "mail/attr.h"
#include "mail/service.h"
#include "mail/tlsmgr_proto.h"
#include "tlsmgr/mgr_request.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/fdio.h"
#include "util/log.h"

enum {
	LIST_LIMIT =
	    4 * 1024 * 1024, /* room for a session of 1 MiB, which base64 makes larger, with its id */
	READ_SIZE = 8192,
	READS = 16, /* in one go: others wait */
};

/* Where in a list that is too long to keep. */
enum skip_state { SKIP_NOT, SKIP_NAME_START, SKIP_NAME, SKIP_VALUE };

struct client {
	struct service *service;           /* borrowed */
	const struct mgr_request_env *env; /* borrowed */
	int fd;                            /* owned */
	struct event *readable;            /* owned; its timeout runs inside a list only */
	struct event *writable;            /* owned; pending while `out` holds bytes */
	struct timeval limit;
	struct buf in;
	struct buf out;
	struct attr_frame frame; /* of the list at the start of `in` */
	enum skip_state skipping;
	bool eof;
};

static void
client_free(struct client *client)
{
	struct service *service = client->service;

	log_debug("connection closed fd %d", client->fd);
	event_free(client->readable);
	event_free(client->writable);
	fdio_close(&client->fd);
	buf_release_secret(&client->in);
	buf_release_secret(&client->out);
	free(client);
	service_client_gone(service);
}

/* Requests and replies hold sessions and keys: nothing of them stays behind. */
static void
drop_input(struct client *client, size_t len)
{
	if (len >= client->in.len)
		buf_release_secret(&client->in);
	else
		buf_consume(&client->in, len);
	attr_frame_init(&client->frame, LIST_LIMIT);
}

/* One request, or what the client meant to be one. */
static void
handle(struct client *client, size_t len)
{
	service_taken(client->service);
	bool proper = mgr_request_handle(client->env, client->in.bytes, len, &client->out);
	drop_input(client, proper ? len : client->in.len);
	service_available(client->service);
}

static void
reply_fail(struct client *client)
{
	service_taken(client->service);
	tlsmgr_proto_reply_status(&client->out, TLSMGR_PROTO_FAIL);
	service_available(client->service);
}

/* The first name is there, and it is not "request": no need to wait for the rest. */
static bool
is_hopeless(const struct buf *in)
{
	static const char wanted[] = TLSMGR_PROTO_REQUEST; /* compared with its zero byte */
	size_t len = in->len < sizeof wanted ? in->len : sizeof wanted;

	return memcmp(in->bytes, wanted, len) != 0 && memchr(in->bytes, 0, in->len);
}

/* Drops what belongs to the list that is too long; answers at its end, when the client expects it. */
static void
skip(struct client *client)
{
	size_t at = 0;

	while (at < client->in.len && client->skipping != SKIP_NOT) {
		bool zero = client->in.bytes[at++] == 0;

		if (client->skipping == SKIP_NAME_START)
			client->skipping = zero ? SKIP_NOT : SKIP_NAME;
		else if (zero)
			client->skipping = client->skipping == SKIP_NAME ? SKIP_VALUE : SKIP_NAME_START;
	}
	drop_input(client, at);
	if (client->skipping == SKIP_NOT)
		reply_fail(client);
}

enum progress { GO_ON, WAIT, END };

/* Two bytes or less are no list, but master's question whether somebody is there. */
static enum progress
take_short_input(struct client *client)
{
	if (!memchr(client->in.bytes, 0, client->in.len))
		return WAIT;
	if (strcmp(client->in.bytes, TLSMGR_PROTO_WAKEUP) == 0) {
		log_debug("received master trigger");
		return END;
	}
	reply_fail(client);
	drop_input(client, client->in.len);
	return GO_ON;
}

/* Acts on at most one list. */
static enum progress
take_input(struct client *client)
{
	size_t len;

	if (client->in.len == 0)
		return client->eof ? END : WAIT;
	if (client->skipping != SKIP_NOT) {
		skip(client);
		return GO_ON;
	}
	if (client->in.len <= 2 && client->frame.scanned == 0 && !client->eof)
		return take_short_input(client);
	if (is_hopeless(&client->in)) {
		handle(client, client->in.len);
		return GO_ON;
	}
	switch (attr_frame_feed(&client->frame, client->in.bytes, client->in.len, &len)) {
	case ATTR_COMPLETE:
		handle(client, len);
		return GO_ON;
	case ATTR_TOO_LONG:
		log_warn("request of more than %d bytes from %s", LIST_LIMIT, client->env->stream);
		client->skipping = SKIP_NAME_START;
		return GO_ON;
	case ATTR_MORE:
		break;
	}
	if (!client->eof)
		return WAIT;
	handle(client, client->in.len);
	return GO_ON;
}

/* False: the connection is of no further use. */
static bool
flush(struct client *client)
{
	while (client->out.len > 0) {
		ssize_t put = write(client->fd, client->out.bytes, client->out.len);
		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return errno == EAGAIN;
		if ((size_t)put == client->out.len)
			buf_release_secret(&client->out);
		else
			buf_consume(&client->out, (size_t)put);
	}
	return true;
}

/* Waits for room while a reply is under way, else for bytes; only an unfinished request has a time limit. */
static void
arm(struct client *client)
{
	if (client->out.len > 0) {
		event_del(client->readable);
		event_add(client->writable, &client->limit);
	} else if (client->in.len > 0 || client->skipping != SKIP_NOT) {
		event_add(client->readable, &client->limit);
	} else {
		event_remove_timer(client->readable);
		event_add(client->readable, NULL);
	}
}

static void
run(struct client *client)
{
	enum progress progress = GO_ON;

	while (progress == GO_ON) {
		if (!flush(client)) {
			client_free(client);
			return;
		}
		if (client->out.len > 0)
			break;
		progress = take_input(client);
	}
	if (progress == END) {
		client_free(client);
		return;
	}
	arm(client);
}

/* The words depend on whether the silence fell into a name or value, or between two. */
static void
log_timeout(const struct client *client)
{
	const struct buf *in = &client->in;
	bool in_value = false;

	for (size_t i = 0; i < in->len; i++)
		if (in->bytes[i] == 0)
			in_value = !in_value;
	if (in->len > 0 && in->bytes[in->len - 1] == 0)
		log_warn("timeout on %s while reading input attribute %s", client->env->stream,
		    in_value ? "value" : "name");
	else
		log_warn("unexpected end-of-input from %s while reading input attribute %s",
		    client->env->stream, in_value ? "value" : "name");
}

static void
on_readable(evutil_socket_t fd, short what, void *context)
{
	struct client *client = context;

	if (!(what & EV_READ)) {
		log_timeout(client);
		client_free(client);
		return;
	}
	for (int i = 0; i < READS && !client->eof; i++) {
		ssize_t got = read(fd, buf_reserve(&client->in, READ_SIZE), READ_SIZE);

		if (got < 0 && errno != EAGAIN && errno != EINTR) {
			client_free(client);
			return;
		}
		if (got <= 0) {
			client->eof = got == 0;
			break;
		}
		client->in.len += (size_t)got;
		buf_terminate(&client->in);
		if (got < READ_SIZE)
			break;
	}
	run(client);
}

static void
on_writable(evutil_socket_t fd, short what, void *context)
{
	struct client *client = context;

	(void)fd;
	if (!(what & EV_WRITE)) {
		log_warn("timeout on %s while writing a reply", client->env->stream);
		client_free(client);
		return;
	}
	run(client);
}

void
client_start(struct service *service, int fd, const struct mgr_request_env *env, int timeout_s)
{
	struct client *client = alloc_zero(sizeof *client);
	struct event_base *base = service_base(service);

	client->service = service;
	client->env = env;
	client->fd = fd;
	client->limit = (struct timeval){ .tv_sec = timeout_s };
	client->readable = event_new(base, fd, EV_READ | EV_PERSIST, on_readable, client);
	client->writable = event_new(base, fd, EV_WRITE, on_writable, client);
	if (!client->readable || !client->writable)
		log_fatal("cannot watch a client of %s", env->stream);
	attr_frame_init(&client->frame, LIST_LIMIT);
	log_debug("connection established fd %d", fd);
	if (!service_is_stand_alone(service))
		tlsmgr_proto_put_announcement(&client->out);
	run(client);
}
