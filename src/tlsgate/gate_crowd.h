/* SPDX-License-Identifier: ISC */
/*
 * gate_crowd: how many sessions each client address has in this process.
 */
#ifndef TLSGATE_GATE_CROWD_H
#define TLSGATE_GATE_CROWD_H

#include <stdbool.h>

struct gate_crowd;

/* At most `limit` sessions from one address. Freed by the caller. */
struct gate_crowd *gate_crowd_new(int limit);
void gate_crowd_free(struct gate_crowd *crowd);

/* One session more of "[address]:port"; false: there are as many as may be. */
bool gate_crowd_enter(struct gate_crowd *crowd, const char *peer);

/* Undoes one gate_crowd_enter() that was true. */
void gate_crowd_leave(struct gate_crowd *crowd, const char *peer);

#endif
