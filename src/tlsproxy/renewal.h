/* SPDX-License-Identifier: ISC */
/*
 * renewal: a context whose files have changed is built again, and takes its place when it is good.
 *
 * Files are read through an opener, so jail and rights stay as they are. A look compares them with what is in
 * service: about once a second, and soon after a change in their directories. What is found must stay as it
 * is for a moment (settle_ms) before it is tried: key and certificate are often written one after the other.
 * A file that was rewritten in its place and has become shorter by a certificate, or ends in the middle, is
 * most likely not complete, and waited for longer (patience_ms).
 *
 * What cannot be used is told once, when it has stayed like that for patience_ms, and tried again from time
 * to time, as a certificate may become valid. The context is built in the event loop: that takes a
 * millisecond or two for each key.
 */
#ifndef TLSPROXY_RENEWAL_H
#define TLSPROXY_RENEWAL_H

#include <stdbool.h>
#include <stddef.h>

#include "tls/chain.h"
#include "tlsproxy/certfiles.h"

struct context;
struct err;
struct event_base;
struct renewal;

struct renewal_settings {
	struct event_base *base;
	const char *label; /* of what is renewed, for the log: "" or words and a colon; borrowed for good */
	bool bare;         /* no certificate is named: a context is good without one */
	const struct certfiles_name *names; /* copied */
	size_t count;
	/* Makes a context from files that `read` has. NULL after logging why; what is logged is not shown. */
	struct context *(*build)(chain_read_fn read, void *read_arg, void *arg);
	/* Takes the reference of a new one. */
	void (*use)(struct context *context, void *arg);
	/* True: there will be no new sessions. */
	bool (*is_over)(void *arg);
	/* On: what is in service is not what the next process would find. */
	void (*hold)(bool on, void *arg);
	void *arg;

	/* Tests make these shorter. 0: the usual. */
	int poll_ms, settle_ms, patience_ms, retry_ms;
};

/*
 * In two steps. Before the files are read for the first time, as root: forks the opener, watches the
 * directories, sees what is there. NULL with `err`.
 */
struct renewal *renewal_new(const struct renewal_settings *settings, struct err *err);
void renewal_free(struct renewal *renewal);

/* Behind the jail: begins. `context` was made from the files meanwhile; NULL: they were of no use. It is
 * borrowed for the call. */
void renewal_start(struct renewal *renewal, struct context *context);

/* 1 for what was there at the start. */
int renewal_generation(const struct renewal *renewal);

#endif
