/* SPDX-License-Identifier: ISC */
/*
 * kept_session: one session of the client role in the memory of the process, for who connects twice.
 *
 * It is resumed only by a connection that would look for it under the same key (session_id.h).
 */
#ifndef TLS_KEPT_SESSION_H
#define TLS_KEPT_SESSION_H

#include <stdbool.h>

struct kept_session;
struct ssl_session_st;
struct ssl_st;

/* Empty. Freed by the caller. */
struct kept_session *kept_session_new(void);
void kept_session_free(struct kept_session *kept);

/* The server has offered one, and no session is kept otherwise. */
bool kept_session_is_there(const struct kept_session *kept);

/* In place of what was there; `id` is copied, `session` is referred to. */
void kept_session_put(struct kept_session *kept, const char *id, struct ssl_session_st *session);

/* Before the handshake: offers it to the server, if it is one of this key. */
void kept_session_use(const struct kept_session *kept, const char *id, struct ssl_st *ssl);

#endif
