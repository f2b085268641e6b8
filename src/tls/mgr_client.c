/* SPDX-License-Identifier: ISC */
#include "tls/mgr_client.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "mail/stream.h"
#include "mail/timer.h"
#include "mail/tlsmgr_proto.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/fdio.h"
#include "util/log.h"
#include "util/now.h"

enum {
	WAITING_LIMIT = 4 * 1024 * 1024, /* bytes, before requests are dropped that nobody waits for */
	LIST_LIMIT = 4 * 1024 * 1024,    /* a session of 1 MiB in base64, and then some */
	ATTEMPTS = 2,
	RETRY_MS = 1000,
	DOWN_MS = 5000,
	IDLE_MAX_S = 1000 * 1000, /* what a timer can hold */
};

struct mgr_request {
	STAILQ_ENTRY(mgr_request) next;
	struct buf bytes;
	int64_t asked_ms;
	mgr_reply_fn fn; /* NULL: nobody waits */
	void *context;
};

enum connection { CLOSED, ANNOUNCING, READY, WAITING };

struct mgr_client {
	struct event_base *base;
	struct mgr_client_settings settings;
	char *path; /* owned; settings.path points here */
	STAILQ_HEAD(, mgr_request) queue;
	int queued;
	size_t queued_bytes;
	enum connection state;
	struct stream *stream;  /* owned; NULL when CLOSED */
	struct timer *deadline; /* of the reply that is awaited, the announcement included */
	struct timer *again; /* until the next attempt, or until a failure is reported from the event loop */
	struct timer *idle;
	int64_t opened_ms;
	bool served;  /* this connection has brought a reply */
	int attempts; /* for the request at the head */
	bool up;
	int64_t down_until_ms;
};

static void go_on(struct mgr_client *client);

static void
disconnect(struct mgr_client *client)
{
	stream_free(client->stream);
	client->stream = NULL;
	client->state = CLOSED;
	timer_stop(client->deadline);
	timer_stop(client->idle);
}

static void
request_free(struct mgr_request *request)
{
	buf_release_secret(&request->bytes);
	free(request);
}

static struct mgr_request *
take_head(struct mgr_client *client)
{
	struct mgr_request *request = STAILQ_FIRST(&client->queue);

	STAILQ_REMOVE_HEAD(&client->queue, next);
	client->queued--;
	client->queued_bytes -= request->bytes.len;
	client->attempts = 0;
	return request;
}

static void
answer(struct mgr_request *request, const void *list, size_t len)
{
	if (request->fn)
		request->fn(list, len, request->context);
	request_free(request);
}

/* Requests made by the answers wait behind those that fail now, and are left alone. */
static void
fail_queue(struct mgr_client *client)
{
	for (int left = client->queued; left > 0; left--)
		answer(take_head(client), NULL, 0);
}

static void
log_problem(const struct mgr_client *client, int code)
{
	log_warn(
	    "problem talking to server %s: %s", client->path, code ? strerror(code) : "Application error");
}

static void
give_up(struct mgr_client *client, int code)
{
	log_problem(client, code);
	disconnect(client);
	client->up = false;
	client->down_until_ms = now_ms() + DOWN_MS;
	fail_queue(client);
}

/* The connection is of no use; `code` is errno or 0. */
static void
attempt_failed(struct mgr_client *client, int code)
{
	disconnect(client);
	if (STAILQ_EMPTY(&client->queue))
		return;
	if (++client->attempts >= ATTEMPTS) {
		give_up(client, code);
		return;
	}
	if (log_verbosity > 0 || (code && code != EPIPE && code != ENOENT && code != ECONNRESET))
		log_problem(client, code);
	timer_start(client->again, RETRY_MS);
}

/* `list` is borrowed from the stream: the connection stays until it has been looked at. */
static void
take_reply(struct mgr_client *client, const void *list, size_t len)
{
	bool in_turn = stream_is_quiet(client->stream);

	client->up = true;
	client->served = true;
	answer(take_head(client), list, len);
	client->state = READY;
	if (!in_turn)
		disconnect(client);
}

static void
on_list(struct stream *stream, const void *list, size_t len, void *context)
{
	struct mgr_client *client = context;

	(void)stream;
	switch (client->state) {
	case ANNOUNCING:
		if (tlsmgr_proto_get_announcement(list, len, client->path) < 0) {
			attempt_failed(client, 0);
			return;
		}
		client->state = READY;
		break;
	case WAITING:
		take_reply(client, list, len);
		break;
	default:
		attempt_failed(client, 0); /* nobody asked */
		return;
	}
	go_on(client);
}

static void
on_end(struct stream *stream, enum stream_end why, void *context)
{
	struct mgr_client *client = context;
	int code = why == STREAM_ERROR ? errno : 0;

	(void)stream;
	if (client->state == READY)
		disconnect(client); /* closed between requests: tlsmgr was restarted */
	else
		attempt_failed(client, code);
}

/* Who waits does so from the moment he asked, however many were before him. */
static void
start_deadline(struct mgr_client *client)
{
	const struct mgr_request *head = STAILQ_FIRST(&client->queue);
	int64_t left_ms = head->asked_ms + client->settings.reply_ms - now_ms();

	timer_start(client->deadline, left_ms > 0 ? left_ms : 0);
}

static void
connect_now(struct mgr_client *client)
{
	static const struct stream_handler handler = { .list = on_list, .end = on_end };
	struct err err = { 0 };
	int fd = fdio_connect_unix(client->path, true, &err);

	if (fd < 0) {
		log_warn("connect to %s: %s", client->path, err.code ? strerror(err.code) : err.text);
		attempt_failed(client, err.code);
		return;
	}
	client->stream = stream_new(client->base, fd, LIST_LIMIT, &handler, client);
	client->state = ANNOUNCING;
	client->served = false;
	client->opened_ms = now_ms();
	start_deadline(client);
}

/* False: it is old, was closed by the server, or the server has said what nobody asked for. */
static bool
is_usable(const struct mgr_client *client)
{
	return now_ms() - client->opened_ms <= (int64_t)client->settings.ttl_s * 1000 &&
	       stream_is_quiet(client->stream);
}

/* Does what can be done for the request at the head. */
static void
go_on(struct mgr_client *client)
{
	struct mgr_request *head = STAILQ_FIRST(&client->queue);

	if (!head) {
		timer_stop(client->deadline);
		if (client->state == READY)
			timer_start(client->idle, (int64_t)client->settings.idle_s * 1000);
		return;
	}
	if (timer_is_running(client->again))
		return;
	if (!client->up && now_ms() < client->down_until_ms) {
		fail_queue(client);
		return;
	}
	if (client->state == READY && !is_usable(client)) {
		if (!client->served) {
			attempt_failed(client, 0);
			return;
		}
		disconnect(client);
	}
	switch (client->state) {
	case CLOSED:
		connect_now(client);
		break;
	case READY:
		timer_stop(client->idle);
		client->state = WAITING;
		start_deadline(client);
		stream_send(client->stream, head->bytes.bytes, head->bytes.len);
		break;
	default:
		break;
	}
}

static void
on_deadline(void *context)
{
	give_up(context, ETIMEDOUT);
}

static void
on_again(void *context)
{
	struct mgr_client *client = context;

	timer_stop(client->again);
	go_on(client);
}

static void
on_idle(void *context)
{
	struct mgr_client *client = context;

	if (client->state == READY && STAILQ_EMPTY(&client->queue))
		disconnect(client);
}

struct mgr_client *
mgr_client_new(struct event_base *base, const struct mgr_client_settings *settings)
{
	struct mgr_client *client = alloc_zero(sizeof *client);

	client->base = base;
	client->settings = *settings;
	client->path = alloc_string(settings->path);
	client->settings.path = client->path;
	if (client->settings.idle_s > IDLE_MAX_S)
		client->settings.idle_s = IDLE_MAX_S;
	client->up = true;
	STAILQ_INIT(&client->queue);
	client->deadline = timer_new(base, on_deadline, client);
	client->again = timer_new(base, on_again, client);
	client->idle = timer_new(base, on_idle, client);
	return client;
}

void
mgr_client_free(struct mgr_client *client)
{
	if (!client)
		return;
	disconnect(client);
	while (!STAILQ_EMPTY(&client->queue))
		request_free(take_head(client));
	timer_free(client->idle);
	timer_free(client->again);
	timer_free(client->deadline);
	free(client->path);
	free(client);
}

struct mgr_request *
mgr_client_ask(struct mgr_client *client, struct buf *bytes, mgr_reply_fn fn, void *context)
{
	if (!fn && client->queued_bytes >= WAITING_LIMIT) {
		buf_release_secret(bytes);
		return NULL;
	}

	struct mgr_request *request = alloc_zero(sizeof *request);
	request->bytes = *bytes;
	*bytes = (struct buf)BUF_INIT;
	request->asked_ms = now_ms();
	request->fn = fn;
	request->context = context;
	STAILQ_INSERT_TAIL(&client->queue, request, next);
	client->queued++;
	client->queued_bytes += request->bytes.len;

	/* The head's own events drive the rest of the queue. A failure must not be told before this returns.
	 */
	if (client->state == READY && client->queued == 1)
		go_on(client);
	else if (client->state == CLOSED && !timer_is_running(client->again))
		timer_start(client->again, 0);
	return request;
}

void
mgr_client_cancel(struct mgr_request *request)
{
	request->fn = NULL;
}

bool
mgr_client_is_up(const struct mgr_client *client)
{
	return client->up;
}

const char *
mgr_client_name(const struct mgr_client *client)
{
	return client->path;
}
