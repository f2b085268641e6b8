/* SPDX-License-Identifier: ISC */
#include "tls/dump.h"

#include <stdint.h>

#include "util/buf.h"
#include "util/log.h"

enum { ROW = 16 };

static void
dump_row(const unsigned char *bytes, size_t at, size_t len)
{
	struct buf line = BUF_INIT;

	buf_printf(&line, "%04lx ", (unsigned long)at);
	for (size_t i = 0; i < ROW; i++) {
		if (at + i < len)
			buf_printf(&line, "%02x%c", bytes[at + i], i == ROW / 2 - 1 ? '|' : ' ');
		else
			buf_add_str(&line, "   ");
	}
	buf_add_byte(&line, ' ');
	for (size_t i = 0; i < ROW && at + i < len; i++) {
		unsigned char byte = bytes[at + i];

		buf_add_byte(&line, byte >= 0x20 && byte < 0x7f ? (char)byte : '.');
		if (i == ROW / 2 - 1)
			buf_add_byte(&line, ' ');
	}
	log_info("%s", buf_str(&line));
	buf_release(&line);
}

void
dump_block(const struct bio_st *bio, bool is_read, const char *bytes, size_t wanted, long result, size_t len)
{
	const char *direction = is_read ? "read from" : "write to";
	unsigned long object = (unsigned long)(uintptr_t)bio, buffer = (unsigned long)(uintptr_t)bytes;
	size_t shown = len;

	if (result <= 0) {
		log_info(
		    "%s %08lX [%08lX] (%ld bytes => %ld)", direction, object, buffer, (long)wanted, result);
		return;
	}
	log_info("%s %08lX [%08lX] (%ld bytes => %ld (0x%lX))", direction, object, buffer, (long)wanted,
	    (long)len, (unsigned long)len);
	while (shown > 0 && (bytes[shown - 1] == ' ' || bytes[shown - 1] == '\0'))
		shown--;
	for (size_t at = 0; at < shown; at += ROW)
		dump_row((const unsigned char *)bytes, at, shown);
	if (shown < len)
		log_info("%04lx - <SPACES/NULLS>", (unsigned long)shown);
}
