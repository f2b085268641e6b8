/* SPDX-License-Identifier: ISC */
/*
 * log: what the program tells the administrator.
 *
 * A message is one line; bytes that are not printable become '?' and text past 2000 bytes
 * is dropped. Levels and labels are Postfix's. Where messages go is the sink's business:
 * standard error until log_set_sink() is called.
 */
#ifndef UTIL_LOG_H
#define UTIL_LOG_H

struct buf;

enum log_level { LOG_LEVEL_INFO, LOG_LEVEL_WARNING, LOG_LEVEL_ERROR, LOG_LEVEL_FATAL, LOG_LEVEL_PANIC };

/* `text` is clean, without label and newline. */
typedef void (*log_sink_fn)(enum log_level level, const char *text, void *context);

void log_set_sink(log_sink_fn sink, void *context);

/* From now on, and until it is called with NULL, lines go to `lines`, a newline behind each, and not to the
 * sink: for what is tried and may fail in many words. Errors among them do not count. What ends the process
 * is logged all the same. */
void log_divert(struct buf *lines);

/* Warnings and worse end with " (" `place` ")" from now on: where among programs of one name. Borrowed; NULL:
 * they do not. */
void log_set_place(const char *place);

/* "" for info, "warning: " and so on for the others. */
const char *log_label(enum log_level level);

void log_info(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_warn(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The 13th error of a process is its last: it is followed by log_fatal(). */
void log_error(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* A line of any level and nothing more: neither does the process end nor are errors counted. For those who
 * log in the name of others. */
void log_line(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Debug lines are info lines, written only when verbosity is above zero (-v). */
extern int log_verbosity;
#define log_debug(...)                                                                                       \
	do {                                                                                                 \
		if (__builtin_expect(log_verbosity > 0, 0))                                                  \
			log_info(__VA_ARGS__);                                                               \
	} while (0)

/* It cannot start: logs, waits one second, exits with status 1. Both as log_set_fatal() says. */
_Noreturn void log_fatal(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* It cannot be: logs, waits as long, aborts. */
_Noreturn void log_panic(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* A command that is run by hand exits at once, and may exit with another status. */
void log_set_fatal(int status, unsigned int delay_s);

#endif
