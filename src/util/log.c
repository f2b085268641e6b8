/* SPDX-License-Identifier: ISC */
#include "util/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "util/buf.h"
#include "util/text.h"

enum { TEXT_LIMIT = 2000, ERROR_LIMIT = 13 };

int log_verbosity;

static void to_stderr(enum log_level level, const char *text, void *context);

static struct {
	log_sink_fn sink;
	void *context;
	const char *place;    /* borrowed; NULL: not told */
	struct buf *diverted; /* borrowed; NULL: lines go to the sink */
	int fatal_status;
	unsigned int fatal_delay_s;
	int errors;
} logger = { .sink = to_stderr, .fatal_status = 1, .fatal_delay_s = 1 };

static void
to_stderr(enum log_level level, const char *text, void *context)
{
	(void)context;
	fprintf(stderr, "%s%s\n", log_label(level), text);
}

void
log_set_sink(log_sink_fn sink, void *context)
{
	logger.sink = sink ? sink : to_stderr;
	logger.context = context;
}

void
log_set_fatal(int status, unsigned int delay_s)
{
	logger.fatal_status = status;
	logger.fatal_delay_s = delay_s;
}

void
log_divert(struct buf *lines)
{
	logger.diverted = lines;
}

void
log_set_place(const char *place)
{
	logger.place = place;
}

const char *
log_label(enum log_level level)
{
	static const char *const labels[] = { "", "warning: ", "error: ", "fatal: ", "panic: " };

	return labels[level];
}

static void
emit(enum log_level level, const char *format, va_list args)
{
	int saved = errno;
	char text[TEXT_LIMIT + 1];

	vsnprintf(text, sizeof text, format, args);
	if (logger.place && level > LOG_LEVEL_INFO) {
		size_t len = strlen(text);
		snprintf(text + len, sizeof text - len, " (%s)", logger.place);
	}
	text_printable(text);
	if (logger.diverted && level < LOG_LEVEL_FATAL)
		buf_printf(logger.diverted, "%s%s\n", log_label(level), text);
	else
		logger.sink(level, text, logger.context);
	errno = saved;
}

#define EMIT(level, format)                                                                                  \
	do {                                                                                                 \
		va_list args;                                                                                \
		va_start(args, format);                                                                      \
		emit(level, format, args);                                                                   \
		va_end(args);                                                                                \
	} while (0)

void
log_line(enum log_level level, const char *format, ...)
{
	EMIT(level, format);
}

void
log_info(const char *format, ...)
{
	EMIT(LOG_LEVEL_INFO, format);
}

void
log_warn(const char *format, ...)
{
	EMIT(LOG_LEVEL_WARNING, format);
}

void
log_error(const char *format, ...)
{
	EMIT(LOG_LEVEL_ERROR, format);
	if (!logger.diverted && ++logger.errors >= ERROR_LIMIT)
		log_fatal("too many errors - program terminated");
}

void
log_fatal(const char *format, ...)
{
	EMIT(LOG_LEVEL_FATAL, format);
	if (logger.fatal_delay_s)
		sleep(logger.fatal_delay_s);
	exit(logger.fatal_status);
}

void
log_panic(const char *format, ...)
{
	EMIT(LOG_LEVEL_PANIC, format);
	if (logger.fatal_delay_s)
		sleep(logger.fatal_delay_s);
	abort();
}
