/* SPDX-License-Identifier: ISC */
/*
 * service_jail: from root to mail_owner, for a while or for good.
 */
#ifndef MAIL_SERVICE_JAIL_H
#define MAIL_SERVICE_JAIL_H

#include <stdbool.h>

struct err;

/* `user` must exist and be no superuser; in Postfix's words if not. 0 or -1. */
int service_jail_check_owner(const char *user, struct err *err) __attribute__((warn_unused_result));

/* Effective ids and groups: those of `user`, and root's again. Any failure is fatal. Only as root. */
void service_jail_become(const char *user);
void service_jail_become_root(void);

/* For good: the ids of `user` (NULL: stay), and `directory` as the root (NULL: none). Any failure is fatal.
 */
void service_jail_enter(const char *directory, const char *user);

#endif
