/* SPDX-License-Identifier: ISC */
/*
 * child: runs another program to its end.
 */
#ifndef POSTFIX_TLS_CHILD_H
#define POSTFIX_TLS_CHILD_H

struct buf;
struct err;

/*
 * `argv[0]` is searched for in PATH unless it has a slash. Standard input holds `input` (NULL: empty);
 * standard output and standard error are appended to `out` and `errors` (either may be NULL: dropped).
 * Gives the exit status, 128 plus the signal that ended it, or -1 with err when it did not start.
 */
int child_run(const char *const *argv, const char *input, struct buf *out, struct buf *errors,
    struct err *err) __attribute__((warn_unused_result));

#endif
