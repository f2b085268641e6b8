/* SPDX-License-Identifier: ISC */
/*
 * fuzz_attr: attribute lists. First byte: encoding and flags; the rest: the list.
 *
 * Beyond memory errors it looks for a frame that depends on how the bytes were cut.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "mail/attr.h"
#include "util/buf.h"
#include "util/log.h"
#include "util/table.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

enum { LIMIT = 4096 };

static void
silent(enum log_level level, const char *text, void *context)
{
	(void)level;
	(void)text;
	(void)context;
}

static void
read_fields(struct attr_scan *scan)
{
	struct buf data = BUF_INIT;
	const char *text;
	int number;
	long large;

	attr_scan_match(scan, "protocol", "tlsmgr_protocol");
	attr_scan_str(scan, "request", &text);
	attr_scan_int(scan, "size", &number);
	attr_scan_data(scan, "seed", &data);
	attr_scan_long(scan, "long", &large);
	attr_scan_end(scan);
	buf_release(&data);
}

static void
read_hash(struct attr_scan *scan)
{
	struct table *hash = table_new(free);
	const char *text;

	attr_scan_hash(scan, hash);
	attr_scan_str(scan, "z", &text);
	attr_scan_end(scan);
	table_free(hash);
}

static void
check_frame(const uint8_t *list, size_t len)
{
	struct attr_frame whole, pieces;
	size_t whole_len = 0, pieces_len = 0;
	enum attr_progress a, b = ATTR_MORE;

	attr_frame_init(&whole, LIMIT);
	a = attr_frame_feed(&whole, list, len, &whole_len);
	attr_frame_init(&pieces, LIMIT);
	for (size_t n = 0; n <= len && b == ATTR_MORE; n++)
		b = attr_frame_feed(&pieces, list, n, &pieces_len);
	if (a != b || whole_len != pieces_len)
		abort();
	if (a == ATTR_COMPLETE && (whole_len > LIMIT || whole_len > len || list[whole_len - 1] != 0))
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct buf scratch = BUF_INIT;
	struct attr_scan scan;

	if (len == 0)
		return 0;
	log_set_sink(silent, NULL);

	enum attr_encoding encoding = (enum attr_encoding)(bytes[0] % 3);
	int flags = bytes[0] / 3 % 4;
	attr_scan_init_as(&scan, encoding, bytes + 1, len - 1, flags, "fuzz", &scratch);
	read_fields(&scan);
	attr_scan_init_as(&scan, encoding, bytes + 1, len - 1, flags, "fuzz", &scratch);
	read_hash(&scan);
	if (encoding == ATTR_NULL) {
		attr_scan_init(&scan, bytes + 1, len - 1, flags, "fuzz");
		if (attr_scan_peek(&scan) && attr_scan_peek(&scan) != (const char *)bytes + 1)
			abort();
	}
	check_frame(bytes + 1, len - 1);
	buf_release(&scratch);
	return 0;
}
