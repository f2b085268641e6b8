/* SPDX-License-Identifier: ISC */
/*
 * entropy_impl: what entropy and its kinds of sources share, and nobody else knows.
 */
#ifndef TLSMGR_ENTROPY_IMPL_H
#define TLSMGR_ENTROPY_IMPL_H

#include <stdbool.h>
#include <stddef.h>

#include "tlsmgr/egd_answer.h"
#include "tlsmgr/entropy.h"

struct event;
struct timer;

/* Where a reading stands. */
enum entropy_step {
	ENTROPY_DONE,     /* complete, the bytes are stirred in */
	ENTROPY_GO_ON,    /* more in the next turn of the event loop */
	ENTROPY_READABLE, /* more when the descriptor is readable */
	ENTROPY_LATER,    /* more in a moment: nothing tells when */
	ENTROPY_RESTART,  /* the descriptor is of no more use; from the beginning with a new one */
	ENTROPY_FAILED,   /* `code` says why */
};

struct entropy_kind {
	const char *prefix; /* of the parameter's value */
	bool is_read_once;
	bool keeps_descriptor; /* after a failure, in case that the path cannot be opened from the jail */

	/* 0 with `fd` set, or -1 with `code`; EAGAIN: busy, try again in a moment. Never waits. */
	int (*open)(struct entropy *entropy);

	/* A reading starts; `fd` is open. 0, or -1 with `code`. May be NULL. */
	int (*begin)(struct entropy *entropy);

	/* Does what can be done without waiting. */
	enum entropy_step (*step)(struct entropy *entropy);

	/* Say to the log that opening, or the reading, failed for `code`. */
	void (*tell_unopened)(const struct entropy *entropy);
	void (*tell_failed)(const struct entropy *entropy);
};

extern const struct entropy_kind entropy_device, entropy_egd, entropy_file;

struct entropy {
	const struct entropy_kind *kind; /* NULL: no source */
	char *source;                    /* owned; the parameter as it was written */
	const char *path;                /* within `source` */
	int bytes;                       /* for one reading */
	int fd;                          /* owned; -1: not open */
	int code;                        /* errno of what failed last; 0: the end of what can be read */
	bool over;                       /* nothing more will come */
	bool told_unopened;              /* the log knows that it cannot be opened */
	bool outage;                     /* the last reading failed, and the log knows */

	/* The reading under way. */
	struct event_base *base;  /* borrowed from who asked first */
	entropy_fn fn;            /* NULL: none */
	void *context;            /* borrowed from who asked */
	bool begun;               /* the source is open, and asked if it needs to be */
	struct event *readable;   /* owned; NULL: not waited for */
	struct timer *again;      /* owned, like `limit`; NULL until first used */
	struct timer *limit;      /* for an answer */
	size_t left;              /* file: bytes still wanted */
	struct egd_answer answer; /* EGD */
	bool is_reused;           /* EGD: the connection has served a reading before */
};

/* As many bytes as one request to a device or daemon asks for. */
size_t entropy_piece(const struct entropy *entropy);

/* The time for an answer counts from now. */
void entropy_restart_limit(struct entropy *entropy);

/* The words for `code`, as Postfix prints a missing one. */
const char *entropy_reason(const struct entropy *entropy);

/* read(), which a signal does not end. -1: `code`. */
long entropy_get(struct entropy *entropy, void *bytes, size_t len);

#endif
