/* SPDX-License-Identifier: ISC */
/*
 * service_inherit: the descriptors a daemon gets from master: status on 5, listen sockets from 6 up.
 */
#ifndef MAIL_SERVICE_INHERIT_H
#define MAIL_SERVICE_INHERIT_H

#include <stdbool.h>

enum { SERVICE_INHERIT_LISTEN_FD = 6 };

/* How many listen sockets there are; 0 as well when there is no status channel. To be called before the
 * process opens anything that could lie where they should be. */
int service_inherit_count(void);

/* `wanted` sockets out of `count`: made non-blocking, and all of master's close-on-exec. Any lack is fatal.
 */
void service_inherit_prepare(int count, int wanted);

enum service_inherit_accept {
	SERVICE_INHERIT_NONE = -1,  /* nobody is there any more */
	SERVICE_INHERIT_PAUSE = -2, /* logged; asking again at once would not help */
};

/* A client, non-blocking and close-on-exec, or one of the above. A lack of descriptors or memory is logged
 * once: `said_full` is set then, and cleared when nobody waits any more. */
int service_inherit_accept(int listen_fd, bool *said_full);

/* As many descriptors as this process may have: each client takes one. */
void service_inherit_raise_limit(void);

#endif
