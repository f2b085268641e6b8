/* SPDX-License-Identifier: ISC */
#include "util/alloc.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/log.h"

static void *
or_die(void *memory, size_t size)
{
	if (!memory)
		log_fatal("memory is out: %zu bytes wanted", size);
	return memory;
}

void *
alloc_zero(size_t size)
{
	return or_die(calloc(1, size ? size : 1), size);
}

void *
alloc_array(size_t count, size_t size)
{
	return or_die(calloc(count ? count : 1, size ? size : 1), count);
}

void *
alloc_resize(void *old, size_t count, size_t size)
{
	return or_die(reallocarray(old, count ? count : 1, size ? size : 1), count);
}

char *
alloc_string_n(const char *text, size_t len)
{
	char *copy = alloc_zero(len + 1);

	memcpy(copy, text, len);
	return copy;
}

char *
alloc_string(const char *text)
{
	return alloc_string_n(text, strlen(text));
}

char *
alloc_printf(const char *format, ...)
{
	va_list args;
	char *text = NULL;

	va_start(args, format);
	int len = vasprintf(&text, format, args);
	va_end(args);
	if (len < 0)
		return or_die(NULL, 0);
	return text;
}

void
alloc_wipe(void *bytes, size_t len)
{
	if (len)
		explicit_bzero(bytes, len);
}
