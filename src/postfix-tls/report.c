/* SPDX-License-Identifier: ISC */
#include "postfix-tls/report.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "postfix-tls/child.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/log.h"

static struct {
	char *postlog; /* owned */
	char *tag;     /* owned */
	enum log_level level;
	struct buf lines; /* all of `level`, not yet handed over */
} report;

void
report_flush(void)
{
	static const char *const severities[] = { "info", "warn", "error", "fatal", "panic" };
	const char *argv[] = { report.postlog, "-t", report.tag, "-p", severities[report.level], NULL };
	struct err err;

	if (report.lines.len == 0)
		return;
	if (child_run(argv, buf_str(&report.lines), NULL, NULL, &err) < 0)
		fprintf(stderr, "%s: warning: not logged: %s\n", report.tag, err.text);
	buf_clear(&report.lines);
}

static void
sink(enum log_level level, const char *text, void *context)
{
	(void)context;
	fprintf(stderr, "%s: %s%s\n", report.tag, log_label(level), text);
	if (level != report.level)
		report_flush();
	report.level = level;
	buf_printf(&report.lines, "%s\n", text);
}

static void
at_exit(void)
{
	report_flush();
	buf_release(&report.lines);
	free(report.postlog);
	free(report.tag);
	report.postlog = report.tag = NULL;
}

void
report_start(const char *command_directory)
{
	const char *log_tag = getenv("MAIL_LOGTAG");

	report.postlog = alloc_printf("%s/postlog", command_directory);
	/* A wrong command directory is among the things to be reported. */
	if (access(report.postlog, X_OK) < 0) {
		free(report.postlog);
		report.postlog = alloc_string("postlog");
	}
	report.tag = alloc_printf("%s/postfix-tls-script", log_tag && *log_tag ? log_tag : "postfix");
	log_set_sink(sink, NULL);
	log_set_fatal(EXIT_FAILURE, 0);
	atexit(at_exit);
}
