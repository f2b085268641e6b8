/* SPDX-License-Identifier: ISC */
/*
 * bootid: tells this run of the system from those before.
 */
#ifndef TLSMGR_BOOTID_H
#define TLSMGR_BOOTID_H

/* One line without its end; "" if the kernel does not say. Not from a jail. Freed by the caller. */
char *bootid_read(void);

#endif
