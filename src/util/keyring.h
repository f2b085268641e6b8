/* SPDX-License-Identifier: ISC */
/*
 * keyring: small secrets that the kernel keeps in memory for the processes of one user.
 *
 * The user is that of the real user id; all processes with that id see the same secrets until the system is
 * restarted. A kernel without keyrings, or a container that forbids them, refuses with errno.
 */
#ifndef UTIL_KEYRING_H
#define UTIL_KEYRING_H

#include <stddef.h>

/* Creates or replaces, for `lifetime_s` seconds from now. 0, or -1 with errno. */
int keyring_put(const char *name, const void *bytes, size_t len, unsigned int lifetime_s)
    __attribute__((warn_unused_result));

/* 1: found, `bytes` has all `len` of it. 0: absent, or of another length. -1: errno. */
int keyring_get(const char *name, void *bytes, size_t len) __attribute__((warn_unused_result));

/* Removes it if it is there. */
void keyring_drop(const char *name);

#endif
