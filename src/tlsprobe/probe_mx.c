/* SPDX-License-Identifier: ISC */
#include "tlsprobe/probe_mx.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "tlscheck/resolver.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/reader.h"

enum { LABEL_LIMIT = 63 };

/* Labels with their lengths; the library has undone the compression. */
static bool
read_name(struct reader *reader, struct buf *name)
{
	for (;;) {
		const unsigned char *len = reader_take(reader, 1), *label;

		if (!len || *len > LABEL_LIMIT)
			return false;
		if (*len == 0)
			return true;
		label = reader_take(reader, *len);
		if (!label)
			return false;
		if (name->len > 0)
			buf_add_byte(name, '.');
		for (size_t i = 0; i < *len; i++)
			buf_add_byte(name,
			    label[i] > ' ' && label[i] < 0x7f && label[i] != '.' ? (char)label[i] : '?');
	}
}

void
probe_mx_add(struct probe_mx *mx, const unsigned char *bytes, size_t len)
{
	struct reader reader;
	struct buf name = BUF_INIT;
	const unsigned char *preference;

	reader_init(&reader, bytes, len);
	preference = reader_take(&reader, 2);
	if (preference && read_name(&reader, &name) && reader_left(&reader) == 0) {
		mx->record = alloc_resize(mx->record, mx->count + 1, sizeof *mx->record);
		mx->record[mx->count++] = (struct probe_mx_record){
			.preference = preference[0] << 8 | preference[1],
			.name = alloc_string(buf_str(&name)),
		};
	}
	buf_release(&name);
}

static int
compare(const void *a, const void *b)
{
	const struct probe_mx_record *one = a, *other = b;

	if (one->preference != other->preference)
		return one->preference < other->preference ? -1 : 1;
	return strcasecmp(one->name, other->name);
}

void
probe_mx_read(struct probe_mx *mx, const struct resolver_reply *reply)
{
	for (size_t i = 0; i < reply->count; i++) {
		size_t len;
		const unsigned char *bytes = resolver_record(reply, i, &len);

		probe_mx_add(mx, bytes, len);
	}
	if (mx->count > 0)
		qsort(mx->record, mx->count, sizeof *mx->record, compare);
}

void
probe_mx_release(struct probe_mx *mx)
{
	for (size_t i = 0; i < mx->count; i++)
		free(mx->record[i].name);
	free(mx->record);
	*mx = (struct probe_mx){ 0 };
}
