/* SPDX-License-Identifier: ISC */
/*
 * scoreboard: what the processes of a service count, and say of themselves, in a file that they share.
 *
 * Each process has a page of it, mapped, that it alone writes: counting costs no system call, and nobody
 * waits. A page belongs to the process that holds a lock on it, which the kernel takes away at the process's
 * end, however that came; then what was counted belongs to the processes of the past. A process that goes on
 * as its child, to drain, has the page to its end.
 */
#ifndef MAIL_SCOREBOARD_H
#define MAIL_SCOREBOARD_H

#include <stdint.h>
#include <sys/types.h>

struct err;
struct scoreboard;

enum {
	SCOREBOARD_COUNTERS = 32,
	SCOREBOARD_GAUGES = 4, /* the first ones, which tell how it is now, and are no matter of the past */
	SCOREBOARD_TEXT_SIZE = 3072,
	SCOREBOARD_PROCESSES = 255, /* that find a page */
};

/* Takes a page of the file, which is made if there is none: mode 0600, 1 MiB. NULL with err. */
struct scoreboard *scoreboard_open(const char *path, struct err *err);
void scoreboard_close(struct scoreboard *board); /* NULL is fine */

/* Nothing, when `board` is NULL. */
void scoreboard_add(struct scoreboard *board, int counter, int by);

/* Replaces the text; what does not fit is cut off. */
void scoreboard_say(struct scoreboard *board, const char *text);

struct scoreboard_page {
	pid_t pid;     /* 0: all processes that have ended; else of who took the page */
	int64_t since; /* seconds since 1970: when it took the page, or the file was made */
	int64_t counters[SCOREBOARD_COUNTERS];
	char text[SCOREBOARD_TEXT_SIZE]; /* as it was said by a process that nobody need trust */
};

/* Calls `each` for the past, and then for each process. 0, or -1 with err. */
int scoreboard_read(const char *path, void (*each)(const struct scoreboard_page *page, void *arg), void *arg,
    struct err *err) __attribute__((warn_unused_result));

#endif
