/* SPDX-License-Identifier: ISC */
#include "postlogd/logfile.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/uio.h>
#include <syslog.h>

#include "util/log.h"

enum { DATE_LEN = sizeof "Mon DD HH:MM:SS " - 1 };

int
logfile_append(int fd, const char *bytes, size_t len)
{
	/* One call, so that what others append does not get in between. */
	struct iovec parts[2] = { { .iov_base = (char *)(size_t)bytes, .iov_len = len },
		{ .iov_base = (char[]){ '\n' }, .iov_len = 1 } };
	ssize_t done;

	do
		done = writev(fd, parts, 2);
	while (done < 0 && errno == EINTR);
	if (done == (ssize_t)len + 1)
		return 0;
	if (done >= 0)
		errno = ENOSPC;
	return -1;
}

static int
priority_of(const char *text)
{
	static const struct {
		enum log_level level;
		int priority;
	} levels[] = {
		{ LOG_LEVEL_WARNING, LOG_WARNING },
		{ LOG_LEVEL_ERROR, LOG_ERR },
		{ LOG_LEVEL_FATAL, LOG_CRIT },
		{ LOG_LEVEL_PANIC, LOG_CRIT },
	};

	for (size_t i = 0; i < sizeof levels / sizeof levels[0]; i++) {
		const char *label = log_label(levels[i].level);
		if (strncmp(text, label, strlen(label)) == 0)
			return levels[i].priority;
	}
	return LOG_INFO;
}

void
logfile_parse(const char *line, struct logfile_line *parsed)
{
	const char *tag = strlen(line) > DATE_LEN ? strchr(line + DATE_LEN, ' ') : NULL;
	const char *colon = tag ? strstr(tag, "]: ") : NULL;

	if (!colon || line[3] != ' ' || line[6] != ' ') {
		snprintf(parsed->tag, sizeof parsed->tag, "postlogd");
		parsed->text = line;
	} else {
		snprintf(parsed->tag, sizeof parsed->tag, "%.*s", (int)(colon - tag), tag + 1);
		parsed->text = colon + 3;
	}
	parsed->priority = priority_of(parsed->text);
}
