/* SPDX-License-Identifier: ISC */
/*
 * config_read: reads main.cf or master.cf as it was at one moment.
 *
 * Who replaces the file by rename is no trouble. Who writes it in place is waited for: while the kernel says
 * that somebody has it open for writing; where it does not say so, which is about other users' files, until
 * the file has not changed for a second.
 */
#ifndef MAIL_CONFIG_READ_H
#define MAIL_CONFIG_READ_H

#include <stddef.h>

struct buf;
struct err;

/* Appends the whole file. A FIFO, more than `limit` bytes, and a file that keeps changing are errors. 0 or
 * -1. */
int config_read(const char *path, size_t limit, struct buf *to, struct err *err)
    __attribute__((warn_unused_result));

#endif
