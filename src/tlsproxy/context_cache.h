/* SPDX-License-Identifier: ISC */
/*
 * context_cache: contexts by the settings that make them.
 *
 * A caller's request says with which settings its session is to be; most say the same. The cache is bounded:
 * when it is full, the context that no session uses and that was not asked for longest goes. One that could
 * not be built is not tried again for a few seconds, so that a burst of requests does not read bad files a
 * hundred times.
 */
#ifndef TLSPROXY_CONTEXT_CACHE_H
#define TLSPROXY_CONTEXT_CACHE_H

#include <stddef.h>

struct buf;
struct context;
struct context_cache;

enum { CONTEXT_CACHE_FAILED_MS = 3000 };

/* Returns a context whose one reference is the cache's, or NULL after logging why not. */
typedef struct context *(*context_cache_build_fn)(void *arg);

/* Freed by the caller. Keeps at most `limit` contexts beside the pinned ones. */
struct context_cache *context_cache_new(size_t limit);
void context_cache_free(struct context_cache *cache);

/* The context of this key, with a reference for the caller, built if need be. NULL: it cannot be built. */
struct context *context_cache_get(
    struct context_cache *cache, const struct buf *key, context_cache_build_fn build, void *arg);

/* Takes a reference of `context` for good: it stays until another one is pinned under its key. */
void context_cache_pin(struct context_cache *cache, const struct buf *key, struct context *context);

/* Forgets all that are not pinned; sessions keep what they have. */
void context_cache_forget(struct context_cache *cache);

size_t context_cache_count(const struct context_cache *cache);

#endif
