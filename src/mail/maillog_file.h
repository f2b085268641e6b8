/* SPDX-License-Identifier: ISC */
/*
 * maillog_file: the log file, made in one way by whoever writes to it first.
 */
#ifndef MAIL_MAILLOG_FILE_H
#define MAIL_MAILLOG_FILE_H

#include <sys/types.h>

struct err;
struct maincf;

/* maillog_file_permissions. 0 or -1. */
int maillog_file_mode(struct maincf *cf, mode_t *mode, struct err *err) __attribute__((warn_unused_result));

/* For appending, created with `mode` if need be. /dev/stdout is the standard output this process has. The
 * descriptor or -1. */
int maillog_file_open(const char *path, mode_t mode, struct err *err) __attribute__((warn_unused_result));

#endif
