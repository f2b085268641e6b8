/* SPDX-License-Identifier: ISC */
/*
 * probe_visit: one server: its TLSA records, the policy for it, and what became of a session with it.
 */
#ifndef TLSPROBE_PROBE_VISIT_H
#define TLSPROBE_PROBE_VISIT_H

#include <stdbool.h>
#include <stddef.h>

#include "tlspolicy/policy_destination.h"
#include "tlspolicy/policy_request.h"
#include "tlspolicy/policy_result.h"
#include "tlsprobe/probe_session.h"
#include "util/buf.h"

struct context;
struct dane_set;
struct probe_plan;
struct probe_server;
struct probe_settings;
struct probe_target;
struct resolver;

enum probe_resumption {
	PROBE_RESUMPTION_NOT_TRIED,
	PROBE_RESUMPTION_NOT_OFFERED, /* the server gives its clients no sessions to come back with */
	PROBE_RESUMPTION_REFUSED,
	PROBE_RESUMPTION_DONE,
};

struct probe_visit {
	const struct probe_server *server; /* borrowed from the plan */
	char *namaddr;                     /* owned */
	struct policy_destination destination;
	struct policy_result policy;
	enum policy_tlsa tlsa;
	struct dane_set *records; /* owned; NULL: none that count */
	bool has_session;         /* the policy let it come to that */
	struct probe_session session;
	enum probe_resumption resumption;
	const char *dsn, *reason; /* NULL: mail would be delivered; of the policy or the session */
	struct buf log;           /* what the client would log, each line ending in a newline */
};

/* All borrowed. */
struct probe_visit_input {
	const struct probe_settings *settings;
	const struct probe_target *target;
	const struct probe_plan *plan;
	const char *nexthop; /* as it was written */
	struct resolver *resolver;
	policy_lookup_fn lookup;
	policy_anchors_fn anchors;
	void *tables;
	struct context **context; /* made with the first session that needs it; NULL in it: not made yet */
	const char *proxy;
	bool resume;
	int release;
	int timeout_s;
};

/* 0; or -1 with the words with which the client would end at its start. Released in either case. */
int probe_visit_run(struct probe_visit *visit, const struct probe_visit_input *input,
    const struct probe_server *server, struct err *err) __attribute__((warn_unused_result));
void probe_visit_release(struct probe_visit *visit);

#endif
