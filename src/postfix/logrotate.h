/* SPDX-License-Identifier: ISC */
/*
 * logrotate: the log file under another name, compressed, and a new one for the running system.
 */
#ifndef POSTFIX_LOGROTATE_H
#define POSTFIX_LOGROTATE_H

struct instance;

/* The exit status of the command. */
int logrotate(struct instance *instance);

#endif
