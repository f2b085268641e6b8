/* SPDX-License-Identifier: ISC */
/*
 * service_jail: from root to mail_owner, for a while or for good.
 */
#ifndef MAIL_SERVICE_JAIL_H
#define MAIL_SERVICE_JAIL_H

#include <sys/types.h>

struct err;

/* Looked up once: each time costs a look into the files behind it. */
struct service_jail_owner {
	const char *user; /* borrowed from the caller of service_jail_find() */
	uid_t uid;
	gid_t gid;
};

/* `user` must exist and be no superuser; in Postfix's words if not. 0 or -1. */
int service_jail_find(struct service_jail_owner *owner, const char *user, struct err *err)
    __attribute__((warn_unused_result));

/* Effective ids and groups: those of `owner`, and root's again. Any failure is fatal. Only as root. */
void service_jail_become(const struct service_jail_owner *owner);
void service_jail_become_root(void);

/* For good: the ids of `owner` (NULL: stay), and `directory` as the root (NULL: none). Any failure is fatal.
 */
void service_jail_enter(const char *directory, const struct service_jail_owner *owner);

#endif
