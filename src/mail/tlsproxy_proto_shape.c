/* SPDX-License-Identifier: ISC */
#include "mail/tlsproxy_proto_shape.h"

#include <stdlib.h>
#include <string.h>

#include "mail/attr.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/log.h"

static void *
member(void *base, const struct tlsproxy_shape *row)
{
	return (char *)base + row->offset;
}

static const char *
string_of(const void *base, const struct tlsproxy_shape *row)
{
	const char *value;

	memcpy(&value, (const char *)base + row->offset, sizeof value);
	return value;
}

static int
number_of(const void *base, const struct tlsproxy_shape *row)
{
	int value;

	memcpy(&value, (const char *)base + row->offset, sizeof value);
	return value;
}

static bool
is_there(const void *base, const struct tlsproxy_shape *row)
{
	switch (row->type) {
	case TLSPROXY_SHAPE_STR:
		return string_of(base, row) != NULL;
	case TLSPROXY_SHAPE_INT:
		return number_of(base, row) != TLSPROXY_SHAPE_ABSENT;
	default:
		return true;
	}
}

/* --- reading --- */

int
tlsproxy_proto_shape_scan_count(
    struct attr_scan *scan, const char *name, int limit, const char *what, size_t *count)
{
	int number;

	*count = 0;
	if (attr_scan_int(scan, name, &number) <= 0)
		return -1;
	if (number < 0 || number > limit) {
		log_warn("invalid size %d from %s while reading %s", number, scan->stream, what);
		attr_scan_refuse(scan);
		return -1;
	}
	*count = (size_t)number;
	return 0;
}

static int
scan_list(struct attr_scan *scan, struct tlsproxy_shape_list *list)
{
	size_t count;

	*list = (struct tlsproxy_shape_list){ 0 };
	if (tlsproxy_proto_shape_scan_count(scan, "argv_size", TLSPROXY_SHAPE_LIST_LIMIT, "ARGV", &count) < 0)
		return -1;
	if (count > 0)
		list->values = alloc_array(count, sizeof *list->values);
	while (list->count < count) {
		if (attr_scan_str(scan, "argv_value", &list->values[list->count]) <= 0)
			return -1;
		list->count++;
	}
	return 0;
}

void
tlsproxy_proto_shape_release_list(struct tlsproxy_shape_list *list)
{
	free(list->values);
	*list = (struct tlsproxy_shape_list){ 0 };
}

/* The number that stands for none is as absurd as the one beside it. */
static int
scan_number(struct attr_scan *scan, const char *name, int *number)
{
	if (attr_scan_int(scan, name, number) <= 0)
		return -1;
	if (*number == TLSPROXY_SHAPE_ABSENT)
		(*number)++;
	return 0;
}

static int
scan_row(struct attr_scan *scan, const struct tlsproxy_shape *row, void *into)
{
	switch (row->type) {
	case TLSPROXY_SHAPE_STR:
		return attr_scan_str(scan, row->name, member(into, row)) > 0 ? 0 : -1;
	case TLSPROXY_SHAPE_INT:
		return scan_number(scan, row->name, member(into, row));
	default:
		return scan_list(scan, member(into, row));
	}
}

static void
clear(const struct tlsproxy_shape *rows, void *into)
{
	static const int absent = TLSPROXY_SHAPE_ABSENT;

	for (const struct tlsproxy_shape *row = rows; row->name; row++) {
		if (row->type == TLSPROXY_SHAPE_STR)
			memset(member(into, row), 0, sizeof(const char *));
		else if (row->type == TLSPROXY_SHAPE_INT)
			memcpy(member(into, row), &absent, sizeof absent);
		else
			memset(member(into, row), 0, sizeof(struct tlsproxy_shape_list));
	}
}

int
tlsproxy_proto_shape_scan(struct attr_scan *scan, const struct tlsproxy_shape *rows, void *into)
{
	bool above = true;

	clear(rows, into);
	for (const struct tlsproxy_shape *row = rows; row->name; row++) {
		if (row->need == TLSPROXY_SHAPE_MAY_LACK) {
			const char *next = attr_scan_peek(scan);

			above = next && strcmp(next, row->name) == 0;
		} else if (row->need == TLSPROXY_SHAPE_WANTED) {
			above = true;
		}
		if (above && scan_row(scan, row, into) < 0)
			return -1;
	}
	return 0;
}

/* --- writing --- */

static void
put_list(struct buf *to, const struct tlsproxy_shape_list *list)
{
	attr_put_int(to, "argv_size", (int)list->count);
	for (size_t i = 0; i < list->count; i++)
		attr_put_str(to, "argv_value", list->values[i]);
}

void
tlsproxy_proto_shape_put(struct buf *to, const struct tlsproxy_shape *rows, const void *from)
{
	for (const struct tlsproxy_shape *row = rows; row->name; row++) {
		if (!is_there(from, row))
			continue;
		if (row->type == TLSPROXY_SHAPE_STR)
			attr_put_str(to, row->name, string_of(from, row));
		else if (row->type == TLSPROXY_SHAPE_INT)
			attr_put_int(to, row->name, number_of(from, row));
		else
			put_list(to, (const struct tlsproxy_shape_list *)(const void *)((const char *)from +
											row->offset));
	}
}

/* --- comparing --- */

static bool
same(const struct tlsproxy_shape *row, const void *a, const void *b)
{
	if (row->type == TLSPROXY_SHAPE_LIST || !is_there(a, row) || !is_there(b, row))
		return true;
	if (row->type == TLSPROXY_SHAPE_STR)
		return strcmp(string_of(a, row), string_of(b, row)) == 0;
	return number_of(a, row) == number_of(b, row);
}

static void
put_line(struct buf *to, const struct tlsproxy_shape *row, const void *from)
{
	if (row->type == TLSPROXY_SHAPE_STR)
		buf_printf(to, "'%s=%s'", row->name, string_of(from, row));
	else
		buf_printf(to, "'%s=%u'", row->name, (unsigned int)number_of(from, row));
}

bool
tlsproxy_proto_shape_differ(
    struct buf *to, const struct tlsproxy_shape *rows, const void *server, const void *client)
{
	bool differ = false;

	for (const struct tlsproxy_shape *row = rows; row->name; row++) {
		if (same(row, server, client))
			continue;
		buf_add_str(to, differ ? "; (server) " : "(server) ");
		put_line(to, row, server);
		buf_add_str(to, " != (client) ");
		put_line(to, row, client);
		differ = true;
	}
	return differ;
}
