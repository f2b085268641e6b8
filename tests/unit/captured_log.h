/* SPDX-License-Identifier: ISC */
/*
 * captured_log: what a program would have logged, one line a message, "warning: text".
 */
#ifndef TEST_CAPTURED_LOG_H
#define TEST_CAPTURED_LOG_H

#include <stdbool.h>
#include <string.h>

#include "util/buf.h"
#include "util/log.h"

static struct buf captured_log;

static void
captured_log_add(enum log_level level, const char *text, void *context)
{
	(void)context;
	buf_printf(&captured_log, "%s%s\n", log_label(level), text);
}

__attribute__((unused)) static void
captured_log_start(void)
{
	buf_clear(&captured_log);
	log_set_sink(captured_log_add, NULL);
}

static bool
captured_log_has(const char *lines, const char *line, size_t len)
{
	for (const char *at = lines; *at != '\0'; at += strcspn(at, "\n") + 1)
		if (strcspn(at, "\n") == len && memcmp(at, line, len) == 0)
			return true;
	return len == 0;
}

/* The same messages in any order and number: a vector lists each once. */
__attribute__((unused)) static bool
captured_log_same(const char *lines, const char *others)
{
	for (int turn = 0; turn < 2; turn++) {
		for (const char *at = lines; *at != '\0'; at += strcspn(at, "\n") + 1)
			if (!captured_log_has(others, at, strcspn(at, "\n")))
				return false;
		const char *swap = lines;
		lines = others;
		others = swap;
	}
	return true;
}

#endif
