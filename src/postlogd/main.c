/* SPDX-License-Identifier: ISC */
/*
 * postlogd: writes what other programs log into maillog_file.
 */
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <syslog.h>

#include "mail/maillog.h"
#include "mail/maillog_file.h"
#include "mail/param.h"
#include "mail/service.h"
#include "postlogd/logfile.h"
#include "util/alloc.h"
#include "util/err.h"
#include "util/log.h"

enum { DATAGRAM_LIMIT = 4096, BATCH = 64 };

static struct settings {
	char *maillog_file;
	char *syslog_name;
} settings;

static const struct param params[] = {
	{ .name = "maillog_file", .type = PARAM_STRING, .offset = offsetof(struct settings, maillog_file) },
	{ .name = "syslog_name",
	    .type = PARAM_STRING,
	    .offset = offsetof(struct settings, syslog_name),
	    .min = 1 },
	PARAM_END,
};

static int file = -1;

static void
open_file(struct service *service)
{
	struct err err;
	mode_t mode;

	/* Switched off while an old master still has the socket: lines go to syslog. */
	if (!*settings.maillog_file)
		return;
	if (maillog_file_mode(service_maincf(service), &mode, &err) < 0 ||
	    (file = maillog_file_open(settings.maillog_file, mode, &err)) < 0)
		log_fatal("%s", err.text);
	maillog_to_fd(file);
}

static void
forward_line(const char *line)
{
	static struct logfile_line parsed; /* openlog() keeps a pointer to the tag */
	char *own = alloc_printf("%s/postlogd", settings.syslog_name);

	logfile_parse(line, &parsed);
	closelog();
	openlog(parsed.tag, LOG_NDELAY, 0); /* 0: the facility stays */
	syslog(parsed.priority, "%s", parsed.text);
	maillog_set_tag(own);
	free(own);
}

/* One or several lines; takes them apart. */
static void
forward_to_syslog(char *lines)
{
	for (char *line; (line = strsep(&lines, "\n")) != NULL;)
		forward_line(line);
}

static void
record(char *bytes, size_t len)
{
	static bool complained;

	if (file < 0) {
		forward_to_syslog(bytes);
		return;
	}
	if (logfile_append(file, bytes, len) == 0) {
		complained = false;
		return;
	}
	/* A full disk is news once; what cannot be written is not lost. */
	if (!complained) {
		complained = true;
		forward_line("error: write to maillog_file failed; logging to syslog");
	}
	forward_to_syslog(bytes);
}

/* The descriptor is not ours to change, so every read says itself that it shall not wait. */
static void
on_datagram(struct service *service, int fd)
{
	char bytes[DATAGRAM_LIMIT + 1];

	(void)service;
	for (int i = 0; i < BATCH; i++) {
		ssize_t len = recv(fd, bytes, DATAGRAM_LIMIT, MSG_DONTWAIT);
		if (len < 0) {
			if (errno != EAGAIN && errno != EINTR)
				log_warn("receive log record: %m");
			return;
		}
		bytes[len] = '\0';
		record(bytes, (size_t)len);
	}
}

int
main(int argc, char **argv)
{
	static const struct service_program program = {
		.name = "postlogd",
		.kind = SERVICE_DATAGRAMS,
		.process_limit = 1,
		.params = params,
		.settings = &settings,
		.watchdog_param = "postlogd_watchdog_timeout",
		.pre_jail = open_file,
		.client = on_datagram,
	};

	return service_main(&program, argc, argv);
}
