/* SPDX-License-Identifier: ISC */
#include "util/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int
err_set(struct err *err, const char *format, ...)
{
	va_list args;

	if (!err)
		return -1;
	err->code = 0;
	va_start(args, format);
	vsnprintf(err->text, sizeof err->text, format, args);
	va_end(args);
	return -1;
}

int
err_errno(struct err *err, const char *format, ...)
{
	int code = errno;
	va_list args;

	if (!err)
		return -1;
	err->code = code;
	va_start(args, format);
	vsnprintf(err->text, sizeof err->text, format, args);
	va_end(args);

	size_t len = strlen(err->text);
	snprintf(
	    err->text + len, sizeof err->text - len, ": %s", code ? strerror(code) : "Application error");
	return -1;
}

int
err_prefix(struct err *err, const char *format, ...)
{
	char tail[sizeof err->text];
	va_list args;

	if (!err)
		return -1;
	memcpy(tail, err->text, sizeof tail);
	va_start(args, format);
	vsnprintf(err->text, sizeof err->text, format, args);
	va_end(args);

	size_t len = strlen(err->text);
	snprintf(err->text + len, sizeof err->text - len, ": %s", tail);
	return -1;
}
