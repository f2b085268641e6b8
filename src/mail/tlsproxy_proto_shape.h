/* SPDX-License-Identifier: ISC */
/*
 * tlsproxy_proto_shape: lists to tlsproxy whose attributes depend on the version of the caller.
 *
 * The attributes of a list are rows of a table; what only some versions send is recognised by
 * its name at its place. So one table reads the shapes of all versions. What is wanted and
 * absent, or out of order, ends the reading with Postfix's words in the log.
 */
#ifndef MAIL_TLSPROXY_PROTO_SHAPE_H
#define MAIL_TLSPROXY_PROTO_SHAPE_H

#include <stdbool.h>
#include <stddef.h>

struct attr_scan;
struct buf;

/* A number that was not sent; a string that was not sent is NULL. */
#define TLSPROXY_SHAPE_ABSENT (-0x7fffffff - 1)

enum tlsproxy_shape_type {
	TLSPROXY_SHAPE_STR,  /* const char *, borrowed from the list */
	TLSPROXY_SHAPE_INT,  /* int */
	TLSPROXY_SHAPE_LIST, /* struct tlsproxy_shape_list */
};

enum tlsproxy_shape_need {
	TLSPROXY_SHAPE_WANTED,
	TLSPROXY_SHAPE_MAY_LACK, /* depends on the version */
	TLSPROXY_SHAPE_AS_ABOVE, /* there if and only if the row above is */
};

/* "argv_size" and so many times "argv_value". */
struct tlsproxy_shape_list {
	const char **values; /* owned; the strings are borrowed from the list */
	size_t count;
};

enum { TLSPROXY_SHAPE_LIST_LIMIT = 1024 };

/* The last row has no name. */
struct tlsproxy_shape {
	const char *name;
	enum tlsproxy_shape_type type;
	enum tlsproxy_shape_need need;
	size_t offset; /* of the member in the struct */
};

#define TLSPROXY_SHAPE_ROW(in, type, name, member, need)                                                     \
	{                                                                                                    \
		name, TLSPROXY_SHAPE_##type, TLSPROXY_SHAPE_##need, offsetof(struct in, member)              \
	}
#define TLSPROXY_SHAPE_ROWS_END                                                                              \
	{                                                                                                    \
		.name = NULL                                                                                 \
	}

/* Fills `into`, all of it, also when it fails. 0, or -1 after a warning. Lists are released by the caller. */
int tlsproxy_proto_shape_scan(struct attr_scan *scan, const struct tlsproxy_shape *rows, void *into)
    __attribute__((warn_unused_result));

/* Those attributes of `from` that are there. */
void tlsproxy_proto_shape_put(struct buf *to, const struct tlsproxy_shape *rows, const void *from);

/*
 * Appends what differs as "(server) 'name=value' != (client) 'name=value'", joined by "; ", and says whether
 * anything does. Attributes that one of the two does not have are not compared, nor are lists.
 */
bool tlsproxy_proto_shape_differ(
    struct buf *to, const struct tlsproxy_shape *rows, const void *server, const void *client);

void tlsproxy_proto_shape_release_list(struct tlsproxy_shape_list *list);

/* A number that says how many follow. 0, or -1 after a warning that it is more than `limit`, "while reading
 * WHAT". */
int tlsproxy_proto_shape_scan_count(struct attr_scan *scan, const char *name, int limit, const char *what,
    size_t *count) __attribute__((warn_unused_result));

#endif
