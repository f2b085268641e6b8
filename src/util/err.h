/* SPDX-License-Identifier: ISC */
/*
 * err: why an operation failed, in words fit for the log.
 *
 * The function that knows fills it, those in between may put words in front, the one that
 * decides what happens next logs `text`, once.
 */
#ifndef UTIL_ERR_H
#define UTIL_ERR_H

struct err {
	int code; /* errno at the failure, 0 if none */
	char text[1024];
};

/* Both return -1, so that a caller can say: return err_set(err, ...). `err` may be NULL. */
int err_set(struct err *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Adds ": " and the words for errno. */
int err_errno(struct err *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Puts words and ": " in front of what is there. */
int err_prefix(struct err *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
