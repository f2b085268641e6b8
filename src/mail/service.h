/* SPDX-License-Identifier: ISC */
/*
 * service: a program under master(8).
 *
 * Arguments, main.cf, logging, the jail and the drop of privileges, listen descriptors, the
 * status channel, idle and use limits, draining at end of file on the status channel, the
 * watchdog. What a program does with a client is its own.
 *
 * Started by an ordinary user the program stays that user: no jail, no change of ids, no
 * check of mail_owner. So an instance runs as a whole without root.
 */
#ifndef MAIL_SERVICE_H
#define MAIL_SERVICE_H

#include <stdbool.h>
#include <stddef.h>

struct event_base;
struct maincf;
struct param;
struct service;

enum service_kind {
	SERVICE_MANY,      /* many clients, the program reports each request: tlsmgr */
	SERVICE_EVENTS,    /* many clients; drains when master ends it: tlsproxy */
	SERVICE_DATAGRAMS, /* reads datagrams from the listen descriptor: postlogd */
};

struct service_program {
	const char *name;
	enum service_kind kind;
	int process_limit;          /* 1: needs -l, 0: needs -z, -1: any */
	const struct param *params; /* ends with PARAM_END; may be NULL */
	void *settings;             /* filled from `params` before pre_jail */
	bool names_service;         /* in warnings, since there are several services of this program */
	const char *watchdog_param; /* name of a time parameter; NULL: daemon_timeout */

	/* As root, in the queue directory. A failure that ends the program is log_fatal(). May be NULL. */
	void (*pre_jail)(struct service *service);

	/* Unprivileged, before the first client. May be NULL. */
	void (*post_jail)(struct service *service);

	/* A client has connected; `fd` is the program's, non-blocking and close-on-exec. For
	 * SERVICE_DATAGRAMS the listen descriptor is readable: read from it, do not close it. */
	void (*client)(struct service *service, int fd);

	/* About to exit in an orderly way. May be NULL. */
	void (*pre_exit)(struct service *service);
};

/* Runs the program. Does not return: the end is pre_exit() and status 0, or fatal. */
int service_main(const struct service_program *program, int argc, char **argv);

struct event_base *service_base(struct service *service);
struct maincf *service_maincf(struct service *service);

/* master.cf service name (-n), e.g. "tlsproxy"; for an inet service "127.0.0.1:2525". */
const char *service_name(const struct service *service);
const char *service_mail_owner(const struct service *service);

/* True if the queue directory is, or will be, the root directory of this process. */
bool service_is_jailed(const struct service *service);

/* Makes the effective ids those of mail_owner, and root's again. Only in pre_jail. */
void service_become_owner(struct service *service);
void service_become_root(struct service *service);

/* Requests are being dealt with; a program of kind SERVICE_MANY reports them, an accept counts as one in any.
 * master hears of the first one, and of later ones a few times in a second at most; it is never waited for.
 */
void service_used(struct service *service);

/* A client that client() was called with is gone. Every client needs this call, once. */
void service_client_gone(struct service *service);

/* True once the process no longer accepts clients and ends with its last one. */
bool service_is_draining(const struct service *service);

/* True with -S: the one client is on stdin and stdout, and hears no announcement. */
bool service_is_stand_alone(const struct service *service);

/* While it is on, neither max_use nor max_idle ends the process: the next one could not do what it does. */
void service_hold(struct service *service, bool on);

/* No limit by max_use and max_idle from now on (tlsmgr). */
void service_never_retire(struct service *service);

#endif
