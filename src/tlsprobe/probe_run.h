/* SPDX-License-Identifier: ISC */
/*
 * probe_run: visits the servers of a destination.
 */
#ifndef TLSPROBE_PROBE_RUN_H
#define TLSPROBE_PROBE_RUN_H

#include <stdbool.h>
#include <stddef.h>

#include "tlspolicy/policy_request.h"
#include "tlsprobe/probe_plan.h"
#include "tlsprobe/probe_target.h"
#include "util/buf.h"

struct err;
struct probe_settings;
struct probe_visit;

/* All borrowed. */
struct probe_options {
	const char *destination;
	const char *resolver;     /* whom to ask instead of those of resolv.conf(5); NULL: nobody */
	const char *trust_anchor; /* file with the keys that validation begins with; NULL: the root's */
	const char *proxy;        /* path of the tlsproxy that shall do TLS; NULL: it is done here */
	bool first;               /* no further than to the first server that would take mail */
	bool resume;              /* connect to each once more */
	int timeout_s;            /* of each question, and of each step of a session */
	int release;              /* of conn.h */
	policy_lookup_fn lookup;
	policy_anchors_fn anchors;
	void *tables;
};

struct probe_run {
	struct probe_target target;
	struct probe_plan plan;
	bool asked_dns;
	bool validated;            /* answers were, here */
	struct buf log;            /* what the client would log before it comes to a server */
	struct probe_visit *visit; /* owned */
	size_t count;
};

/* 0; or -1 with err when there is nothing to visit and never will be: a destination or a setting that makes
 * no sense. Released in either case. */
int probe_run(struct probe_run *run, const struct probe_settings *settings,
    const struct probe_options *options, struct err *err) __attribute__((warn_unused_result));
void probe_run_release(struct probe_run *run);

/* How many of the visits would have ended in a delivery. */
size_t probe_run_delivered(const struct probe_run *run);

#endif
