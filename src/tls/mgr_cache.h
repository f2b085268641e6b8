/* SPDX-License-Identifier: ISC */
/*
 * mgr_cache: one session cache of tlsmgr's: whether there is one, and what is in it.
 *
 * Nothing waits: a reply comes to the function that asked for it, which hands it back.
 */
#ifndef TLS_MGR_CACHE_H
#define TLS_MGR_CACHE_H

#include <stdbool.h>
#include <stddef.h>

#include "tls/mgr_client.h"

struct ssl_session_st;

struct mgr_cache {
	struct mgr_client *mgr; /* borrowed */
	char *type;             /* owned; "smtpd", "smtp", "lmtp" */
	bool policy_known;      /* else the next two are not */
	bool cachable;          /* sessions are kept */
	int timeout_s;          /* 0: neither sessions nor tickets are wanted */
};

/* `type` is copied. */
void mgr_cache_init(struct mgr_cache *cache, struct mgr_client *mgr, const char *type);
void mgr_cache_release(struct mgr_cache *cache);

/* Taking it: false when there is no reply, or none that makes sense; then nothing changes. */
struct mgr_request *mgr_cache_ask_policy(struct mgr_cache *cache, mgr_reply_fn fn, void *context);
bool mgr_cache_take_policy(struct mgr_cache *cache, const void *list, size_t len);

/* Taking it: freed by the caller. NULL: there is none, or, after logging, none that the library can read. */
struct mgr_request *mgr_cache_ask_session(
    struct mgr_cache *cache, const char *id, mgr_reply_fn fn, void *context);
struct ssl_session_st *mgr_cache_take_session(const struct mgr_cache *cache, const void *list, size_t len);

/* Nobody waits for the outcome, or hears of it. False after logging: the session cannot be written. */
bool mgr_cache_store(struct mgr_cache *cache, const char *id, struct ssl_session_st *session);
void mgr_cache_remove(struct mgr_cache *cache, const char *id);

#endif
