/* SPDX-License-Identifier: ISC */
/*
 * log_capture: keeps log lines instead of printing them, so that a test can expect them.
 */
#ifndef TEST_LOG_CAPTURE_H
#define TEST_LOG_CAPTURE_H

#include <stdio.h>
#include <string.h>

#include "util/log.h"

static struct {
	char text[65536]; /* "label: text\n" each */
	size_t len;
	int lines;
} log_capture;

static void
log_capture_sink(enum log_level level, const char *text, void *context)
{
	int n = snprintf(log_capture.text + log_capture.len, sizeof log_capture.text - log_capture.len,
	    "%s%s\n", log_label(level), text);

	(void)context;
	if (n > 0 && log_capture.len + (size_t)n < sizeof log_capture.text)
		log_capture.len += (size_t)n;
	log_capture.lines++;
}

static inline void
log_capture_start(void)
{
	memset(&log_capture, 0, sizeof log_capture);
	log_set_sink(log_capture_sink, NULL);
}

#endif
