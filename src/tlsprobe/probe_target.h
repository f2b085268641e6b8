/* SPDX-License-Identifier: ISC */
/*
 * probe_target: a destination as transport tables spell it, with the port and the way to its servers.
 *
 *     name  name:port  [name]  [name]:port  inet:any-of-them  unix:path
 *
 * The last two are those of lmtp(8), which looks for no mail exchangers.
 */
#ifndef TLSPROBE_PROBE_TARGET_H
#define TLSPROBE_PROBE_TARGET_H

#include <stdbool.h>

struct err;

/* Strings are owned. */
struct probe_target {
	char *domain;    /* without brackets and port */
	char *path;      /* of a UNIX-domain socket; NULL: TCP */
	char *service;   /* as written; NULL: it is not */
	int port;        /* set by probe_target_find_port() */
	bool exchangers; /* MX records name the servers */
};

/* "smtp" or "lmtp", by the spelling alone. */
const char *probe_target_client(const char *destination);

/* 0, or -1 with Postfix's words. Released in either case. */
int probe_target_init(struct probe_target *target, const char *destination, struct err *err)
    __attribute__((warn_unused_result));
void probe_target_release(struct probe_target *target);

/* `usual` is for a destination without a port; both may be a name in `known` (known_tcp_ports) or in
 * services(5). */
int probe_target_find_port(struct probe_target *target, const char *usual, const char *known, struct err *err)
    __attribute__((warn_unused_result));

#endif
