/* SPDX-License-Identifier: ISC */
/*
 * reap: lets a child process end without waiting for it.
 */
#ifndef MAIL_REAP_H
#define MAIL_REAP_H

#include <sys/types.h>

struct event_base;

/* The child is about to end; it is looked for now and a second later. One that hangs for longer is init's
 * when this process ends. One that is not our child, as after a fork, is left alone. */
void reap(struct event_base *base, pid_t pid);

#endif
