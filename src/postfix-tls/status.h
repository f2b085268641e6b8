/* SPDX-License-Identifier: ISC */
/*
 * status: what tlsmgr and tlsproxy do at this moment, and whether what is served is what is configured.
 */
#ifndef POSTFIX_TLS_STATUS_H
#define POSTFIX_TLS_STATUS_H

#include <stdbool.h>
#include <stddef.h>

#include "mail/tlsproxy_score.h"
#include "postfix-tls/mgr_stats.h"
#include "util/err.h"

struct site;
struct table;

/* A certificate that a process serves, as it says. */
struct status_certificate {
	char *kind, *names;
	int64_t not_after;
	char *digest;     /* SHA-256 of the certificate, lower-case hex */
	char *key_digest; /* of the public key, as TLSA "3 1 1" has it */
};

struct status_process {
	struct scoreboard_page page;
	int generation; /* 1: the certificates it started with; 0: it serves none */
	struct status_certificate *certificates;
	size_t certificate_count;
};

/* A certificate that tlsproxy is configured with. */
struct status_file {
	char *path;
	char *digest; /* "": none could be read, for the reason in `why` */
	char *why;
};

struct status {
	enum mgr_stats tlsmgr;
	struct table *numbers; /* strings, by their names on the wire */
	struct err tlsmgr_error;

	bool counted;                     /* there is a scoreboard */
	struct err tlsproxy_error;        /* else why not */
	struct status_process *processes; /* the first one is all that have ended */
	size_t process_count;

	struct status_file *files;
	size_t file_count;
};

/* 0, or -1 when main.cf cannot be read. */
int status_collect(const struct site *site, struct status *status, struct err *err)
    __attribute__((warn_unused_result));
void status_release(struct status *status);

/* How many processes serve that certificate. */
size_t status_served(const struct status *status, const char *digest);

/* The sum over all processes, or now, for a gauge. */
int64_t status_total(const struct status *status, enum tlsproxy_score counter);

#endif
