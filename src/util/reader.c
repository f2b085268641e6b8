/* SPDX-License-Identifier: ISC */
#include "util/reader.h"

#include <string.h>

void
reader_init(struct reader *reader, const void *bytes, size_t len)
{
	*reader = (struct reader){ .bytes = bytes, .len = len };
}

size_t
reader_left(const struct reader *reader)
{
	return reader->failed ? 0 : reader->len - reader->at;
}

const unsigned char *
reader_take(struct reader *reader, size_t len)
{
	if (reader->failed || len > reader->len - reader->at) {
		reader->failed = true;
		return NULL;
	}

	const unsigned char *bytes = reader->bytes + reader->at;
	reader->at += len;
	return bytes;
}

const char *
reader_string(struct reader *reader, size_t *len)
{
	size_t left = reader_left(reader);
	const unsigned char *start = left ? reader->bytes + reader->at : NULL;
	const unsigned char *end = left ? memchr(start, 0, left) : NULL;

	if (len)
		*len = end ? (size_t)(end - start) : 0;
	if (!end) {
		reader->failed = true;
		return NULL;
	}
	reader->at += (size_t)(end - start) + 1;
	return (const char *)start;
}

int64_t
reader_i64_native(struct reader *reader)
{
	int64_t number = 0;
	const unsigned char *bytes = reader_take(reader, sizeof number);

	if (bytes)
		memcpy(&number, bytes, sizeof number);
	return number;
}
