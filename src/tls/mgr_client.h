/* SPDX-License-Identifier: ISC */
/*
 * mgr_client: asks tlsmgr without ever waiting for it.
 *
 * Requests are answered in their order over one connection, opened when needed, closed when
 * idle or old. A request that finds no server, or loses it, is tried twice, a second apart, with a
 * connection of its own each time; one that is not answered in time fails. After a failure the
 * client counts as down and further requests fail at once, except one every few seconds that finds
 * out whether tlsmgr is back: sessions go on without it meanwhile.
 *
 * Only one request is under way at a time: Postfix's tlsmgr loses those that come before their turn,
 * and nothing in its announcement could tell it from one that does not. What the server says out of
 * turn ends the connection, so that no reply is ever taken for that to another request.
 *
 * What waits is bounded: as long as megabytes of it do, a request that nobody waits for is dropped. It would
 * keep those waiting that somebody waits for, and what it stores is only worth a resumed session.
 *
 * Messages: mail/tlsmgr_proto.h.
 */
#ifndef TLS_MGR_CLIENT_H
#define TLS_MGR_CLIENT_H

#include <stdbool.h>
#include <stddef.h>

struct buf;
struct event_base;
struct mgr_client;
struct mgr_request;

struct mgr_client_settings {
	const char *path; /* e.g. "private/tlsmgr"; copied */
	int idle_s;       /* ipc_idle */
	int ttl_s;        /* ipc_ttl */
	int reply_ms;     /* how long a reply may take, from the moment it was asked for */
};

/* The reply, borrowed; NULL: there is none. Called from the event loop, never from mgr_client_ask(). It may
 * ask again and may cancel other requests; it must not free the client. */
typedef void (*mgr_reply_fn)(const void *list, size_t len, void *context);

/* Freed by the caller; requests that wait then are dropped without a call. */
struct mgr_client *mgr_client_new(struct event_base *base, const struct mgr_client_settings *settings);
void mgr_client_free(struct mgr_client *client);

/* `request` is emptied. The result may be cancelled until `fn` was called, and is not the caller's to free.
 * `fn` may be NULL when nobody waits for the outcome: then so may the result be. */
struct mgr_request *mgr_client_ask(
    struct mgr_client *client, struct buf *request, mgr_reply_fn fn, void *context);

/* `fn` will not be called. */
void mgr_client_cancel(struct mgr_request *request);

/* False after a failure until tlsmgr has answered again. */
bool mgr_client_is_up(const struct mgr_client *client);

/* For log lines and decoders. */
const char *mgr_client_name(const struct mgr_client *client);

#endif
