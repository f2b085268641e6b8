/* SPDX-License-Identifier: ISC */
/*
 * opener: reads certain files after the process has given up the right to.
 *
 * A small process (opener_process.h) is forked before the jail. It knows a list of names and sends the
 * content of the file that goes by one of them: a regular file, of a megabyte at most. So a process that
 * talks to strangers sees what is in a renewed key, as it saw the key before, and never regains a right; a
 * disk or a file server that is slow is waited for by the other process.
 */
#ifndef MAIL_OPENER_H
#define MAIL_OPENER_H

#include <stddef.h>
#include <stdint.h>

#include "mail/opener_process.h"

struct err;
struct event_base;
struct opener;

/* One answer. `bytes` are borrowed for the call, and wiped behind it. */
typedef void (*opener_answer_fn)(const struct opener_reply *reply, const char *bytes, void *context);

/* The process has ended; no answer will come any more. Not called twice, nor when it was opener_free() that
 * ended it. */
typedef void (*opener_gone_fn)(void *context);

/* Forks: before secrets are read and the jail is entered. The names are copied. NULL with `err`. */
struct opener *opener_new(struct event_base *base, const char *const *names, size_t count, struct err *err);

/* Ends the process. Also from inside of the functions below. */
void opener_free(struct opener *opener);

/* The functions that answers come to. */
void opener_set_handler(struct opener *opener, opener_answer_fn answer, opener_gone_fn gone, void *context);

/* Asks for file number `file`; when it is the one that is `known`, no content comes. One question at a time.
 */
void opener_ask(struct opener *opener, size_t file, const struct opener_identity *known);

pid_t opener_pid(const struct opener *opener);

#endif
