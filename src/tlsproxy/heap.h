/* SPDX-License-Identifier: ISC */
/*
 * heap: gives memory that sessions no longer use back to the kernel while others of them last.
 *
 * Handshakes at the same time take large pieces for a moment and small ones for as long as the session
 * lasts; what is then free lies between what is not. Where the C library cannot be told, nothing is done.
 */
#ifndef TLSPROXY_HEAP_H
#define TLSPROXY_HEAP_H

struct event_base;
struct heap;

/* Looks for free memory every `period_ms` while there are sessions. Freed by the caller. */
struct heap *heap_new(struct event_base *base, int period_ms);
void heap_free(struct heap *heap);

/* A session begins, or has ended. */
void heap_enter(struct heap *heap);
void heap_leave(struct heap *heap);

#endif
