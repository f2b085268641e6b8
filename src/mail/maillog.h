/* SPDX-License-Identifier: ISC */
/*
 * maillog: where log lines go: syslog, or a log file through postlogd.
 *
 * Tags, line format and the choice follow Postfix (doc/wire.md, "Log datagrams").
 */
#ifndef MAIL_MAILLOG_H
#define MAIL_MAILLOG_H

#include <stdbool.h>

struct err;
struct maincf;

/* From the environment alone (MAIL_LOGTAG, POSTLOG_SERVICE, POSTLOG_HOSTNAME), before main.cf is read. */
void maillog_init(const char *process_name);

/* From main.cf: syslog_name, syslog_facility, maillog_file, postlog_service_name, myhostname; exports
 * MAIL_LOGTAG. Opens the socket now, so that it outlives a jail. 0 or -1. */
int maillog_configure(struct maincf *cf, const char *process_name, struct err *err)
    __attribute__((warn_unused_result));

/* The whole tag instead of syslog_name/process_name. After maillog_configure(). */
void maillog_set_tag(const char *tag);

/* Also to standard error (-V, and commands run from a terminal). */
void maillog_also_stderr(bool on);

/* For programs that may append to the log file themselves when postlogd does not listen: master, postfix,
 * postlog. */
void maillog_allow_file(bool on);

/*
 * For maillog_gather.c, and for lines to postlogd: one of level info that comes less than `ms` after the last
 * that was sent waits for others. They go in the order in which they came, as many as postlogd takes at a
 * time, when one is no info, and by maillog_flush(). `wait` is called when the first of them begins to wait.
 */
typedef void (*maillog_wait_fn)(void *context);
void maillog_hold(int ms, maillog_wait_fn wait, void *context);

/* Before a fork, and at the end of the process: what waits is sent. */
void maillog_flush(void);

/* For postlogd itself: all further lines go to this descriptor. */
void maillog_to_fd(int fd);

#endif
