/* SPDX-License-Identifier: ISC */
/*
 * upkeep: when the random generator is stirred: from the external source, and from the exchange file.
 *
 * Both happen at the start and then again and again, after a time up to the period of each that nobody can
 * foretell. What fails is told to the log once, tried again after a second, two, four, up to a minute, and
 * told once when it is good again. The generator works without either.
 */
#ifndef TLSMGR_UPKEEP_H
#define TLSMGR_UPKEEP_H

#include <stdint.h>

struct event_base;
struct upkeep;

struct upkeep_config {
	const char *source; /* tls_random_source; borrowed for upkeep_new() */
	int bytes;          /* tls_random_bytes */
	int reseed_period_s, update_period_s;

	/* Where the time (now_ms) of the last success is noted; borrowed, may be NULL. */
	int64_t *reseeded_ms, *updated_ms;
};

/* Opens the source, as the user who calls. */
struct upkeep *upkeep_new(const struct upkeep_config *config);

/* Opens or creates the exchange file, as the user who calls. Without this call there is none. */
void upkeep_use_exchange(struct upkeep *upkeep, const char *path);

/* The directory of the exchange file, open; -1: none. Borrowed. */
int upkeep_directory(const struct upkeep *upkeep);

/* Stirs for the first time; from now on `base` keeps it going. */
void upkeep_start(struct upkeep *upkeep, struct event_base *base);

/* The exchange file gets new bytes a last time. */
void upkeep_free(struct upkeep *upkeep);

/* The time until the next turn, for a random byte. */
int upkeep_delay_s(int period_s, unsigned char chance);

#endif
