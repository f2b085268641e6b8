/* SPDX-License-Identifier: ISC */
/*
 * logfile: what becomes of a line.
 */
#ifndef POSTLOGD_LOGFILE_H
#define POSTLOGD_LOGFILE_H

#include <stddef.h>

/* The bytes as they are, and a newline. 0 or -1 with errno. */
int logfile_append(int fd, const char *bytes, size_t len) __attribute__((warn_unused_result));

/* A line taken apart: "Mon DD HH:MM:SS HOST TAG: [LABEL: ]TEXT". */
struct logfile_line {
	char tag[128]; /* with the process id, as it came; shortened if need be */
	const char *text;
	int priority; /* for syslog() */
};

/* A line of another form is all text, tagged "postlogd". `line` is borrowed. */
void logfile_parse(const char *line, struct logfile_line *parsed);

#endif
