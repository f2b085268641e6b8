/* SPDX-License-Identifier: ISC */
/*
 * server_level: whether a server offers TLS, and whether it insists on it.
 */
#ifndef TLS_SERVER_LEVEL_H
#define TLS_SERVER_LEVEL_H

#include <stdbool.h>

struct err;

struct server_level {
	bool use;     /* TLS is offered */
	bool enforce; /* nothing is done without; never without `use` */
};

/* What the level `name`, the value of `param`, asks for, or, when it is "", the booleans of before there were
 * levels. A level that only a client can have is a warning and means "encrypt". -1: it is no level of a
 * server. */
int server_level_read(const char *param, const char *name, bool use_tls, bool enforce_tls,
    struct server_level *level, struct err *err) __attribute__((warn_unused_result));

#endif
