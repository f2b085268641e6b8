/* SPDX-License-Identifier: ISC */
/*
 * terminate: the end of the system by signal: all processes of the group go, then master by the same signal.
 */
#ifndef MASTER_TERMINATE_H
#define MASTER_TERMINATE_H

#include <stdbool.h>

struct event_base;

/* From the event loop for SIGTERM, SIGINT and SIGQUIT, at once for faults, and when the loop has stood still
 * for 1000 s. `init_mode`: this is process 1, which signals do not end. */
void terminate_init(struct event_base *base, bool init_mode);

#endif
