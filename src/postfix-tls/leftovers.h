/* SPDX-License-Identifier: ISC */
/*
 * leftovers: one command at a time, and after one that was killed what it had begun is taken away.
 *
 * A pair of new files is written beside its final names, as ".NAME.new"; links give it those names; when all
 * is done the name of the key beside goes first, and with it the pair is there to stay. So a key that still
 * has the name beside belongs to a command that did not get to its end, unless main.cf names it already.
 */
#ifndef POSTFIX_TLS_LEFTOVERS_H
#define POSTFIX_TLS_LEFTOVERS_H

struct err;

/* Waits until no other command changes this directory, and keeps others waiting until this process ends. 0,
 * or -1 when another does not come to an end. */
int leftovers_lock(const char *config_directory, struct err *err) __attribute__((warn_unused_result));

/* With the lock: takes away what no process will finish, unfinished edits of main.cf among it. `main_cf` is
 * the text of main.cf. */
void leftovers_remove(const char *config_directory, const char *main_cf);

/* The name beside `path`. Freed by the caller. */
char *leftovers_beside(const char *path);

#endif
