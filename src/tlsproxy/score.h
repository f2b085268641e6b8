/* SPDX-License-Identifier: ISC */
/*
 * score: what this process counts, and tells of what it serves, for "postfix tls status".
 */
#ifndef TLSPROXY_SCORE_H
#define TLSPROXY_SCORE_H

#include <stdbool.h>

#include "mail/param.h"

struct context;
struct scoreboard;
struct service;

struct score_settings {
	char *status_file; /* "": none */
};

extern const struct param score_params[];

/* As root. NULL, after a warning if there should be one: then nothing is counted. */
struct scoreboard *score_open(struct service *service, const struct score_settings *settings);

/* A handshake has ended. */
void score_handshake(struct scoreboard *board, bool is_client, bool done, bool resumed);

/* Replaces what it says of served certificates. NULL: there are none. */
void score_serve(struct scoreboard *board, int generation, struct context *context);

#endif
