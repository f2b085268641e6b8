/* SPDX-License-Identifier: ISC */
#include "util/buf.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/alloc.h"
#include "util/log.h"

void
buf_release(struct buf *buf)
{
	free(buf->bytes);
	*buf = (struct buf)BUF_INIT;
}

void
buf_release_secret(struct buf *buf)
{
	if (buf->bytes)
		alloc_wipe(buf->bytes, buf->room);
	buf_release(buf);
}

void
buf_clear(struct buf *buf)
{
	buf_truncate(buf, 0);
}

char *
buf_reserve(struct buf *buf, size_t more)
{
	if (more > SIZE_MAX / 4 || buf->len > SIZE_MAX / 4)
		log_panic("buf_reserve: absurd length %zu", more);

	size_t need = buf->len + more + 1;
	if (need > buf->room) {
		size_t room = buf->room ? buf->room : 64;
		while (room < need)
			room *= 2;

		/* Not realloc(): what is left behind might be a secret. */
		char *bytes = alloc_zero(room);
		if (buf->bytes) {
			memcpy(bytes, buf->bytes, buf->len);
			alloc_wipe(buf->bytes, buf->room);
			free(buf->bytes);
		}
		buf->bytes = bytes;
		buf->room = room;
	}
	buf->bytes[buf->len] = 0;
	return buf->bytes + buf->len;
}

void
buf_terminate(struct buf *buf)
{
	if (buf->len >= buf->room)
		log_panic("buf_terminate: %zu bytes in %zu", buf->len, buf->room);
	buf->bytes[buf->len] = 0;
}

void
buf_add(struct buf *buf, const void *bytes, size_t len)
{
	char *to = buf_reserve(buf, len);

	if (len)
		memcpy(to, bytes, len);
	buf->len += len;
	buf_terminate(buf);
}

void
buf_add_byte(struct buf *buf, char byte)
{
	buf_add(buf, &byte, 1);
}

void
buf_add_str(struct buf *buf, const char *text)
{
	buf_add(buf, text, strlen(text));
}

void
buf_printf(struct buf *buf, const char *format, ...)
{
	va_list args, again;

	va_start(args, format);
	va_copy(again, args);

	char *to = buf_reserve(buf, 0);
	size_t room = buf->room - buf->len;
	int len = vsnprintf(to, room, format, args);
	va_end(args);
	if (len < 0)
		log_panic("buf_printf: bad format");
	if ((size_t)len >= room)
		vsnprintf(buf_reserve(buf, (size_t)len), (size_t)len + 1, format, again);
	va_end(again);
	buf->len += (size_t)len;
}

void
buf_consume(struct buf *buf, size_t len)
{
	if (len > buf->len)
		log_panic("buf_consume: %zu of %zu bytes", len, buf->len);
	if (len == 0)
		return;
	memmove(buf->bytes, buf->bytes + len, buf->len - len);
	buf->len -= len;
	buf_terminate(buf);
}

void
buf_truncate(struct buf *buf, size_t len)
{
	if (len >= buf->len)
		return;
	buf->len = len;
	buf_terminate(buf);
}

char *
buf_detach(struct buf *buf)
{
	buf_reserve(buf, 0);
	char *text = buf->bytes;
	*buf = (struct buf)BUF_INIT;
	return text;
}

const char *
buf_str(const struct buf *buf)
{
	return buf->bytes ? buf->bytes : "";
}
