/* SPDX-License-Identifier: ISC */
/*
 * request: what a user names of master.cf: SERVICE/TYPE/ITEM, where "*", or nothing at the end, is any.
 */
#ifndef MAIL_REQUEST_H
#define MAIL_REQUEST_H

#include <stdbool.h>

struct entry;

enum { REQUEST_PARTS = 3 };

struct request {
	char *parts[REQUEST_PARTS]; /* owned; NULL: not given */
	int count;
};

/* False: more than `most` parts, or no first one. */
bool request_parse(struct request *request, const char *text, int most) __attribute__((warn_unused_result));
void request_release(struct request *request);

bool request_is_any(const struct request *request, int part);
bool request_matches(const struct request *request, const char *service, const char *type);

#endif
