/* SPDX-License-Identifier: ISC */
#include "mail/reap.h"

#include <stdint.h>
#include <sys/wait.h>

#include <event2/event.h>

#include "util/log.h"

static void
on_time(evutil_socket_t fd, short what, void *pid)
{
	(void)fd;
	(void)what;
	if (waitpid((pid_t)(intptr_t)pid, NULL, WNOHANG) == 0)
		log_debug("process %d takes its time to end", (int)(intptr_t)pid);
}

void
reap(struct event_base *base, pid_t pid)
{
	static const struct timeval later = { .tv_sec = 1 };

	if (waitpid(pid, NULL, WNOHANG) == 0 &&
	    event_base_once(base, -1, EV_TIMEOUT, on_time, (void *)(intptr_t)pid, &later) < 0)
		log_debug("process %d will not be waited for", (int)pid);
}
