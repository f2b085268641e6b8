/* SPDX-License-Identifier: ISC */
/*
 * egd_answer: what an entropy gathering daemon says to a request for bytes: one byte with their number, then
 * the bytes.
 */
#ifndef TLSMGR_EGD_ANSWER_H
#define TLSMGR_EGD_ANSWER_H

#include <stddef.h>

enum { EGD_ANSWER_MAX = 255 };

enum egd_answer_state {
	EGD_ANSWER_COUNT, /* the number is still to come */
	EGD_ANSWER_BYTES, /* some of the bytes are */
	EGD_ANSWER_WHOLE,
	EGD_ANSWER_NONE, /* the number was zero */
};

struct egd_answer {
	enum egd_answer_state state;
	size_t count; /* as announced: less or more than was asked for */
	size_t len;   /* bytes that are here */
	unsigned char bytes[EGD_ANSWER_MAX];
};

/* Nothing has come yet, and what an earlier answer left is wiped. */
void egd_answer_reset(struct egd_answer *answer);

/* How many bytes may be read next; 0 when the answer is at its end. What follows an answer is none of it. */
size_t egd_answer_missing(const struct egd_answer *answer);

/* Takes `len` bytes, at most as many as are missing. */
void egd_answer_take(struct egd_answer *answer, const unsigned char *bytes, size_t len);

#endif
