/* SPDX-License-Identifier: ISC */
/*
 * service_status: what a daemon tells master about itself on descriptor 5.
 *
 * A record is 12 bytes in native layout: process id, generation, availability. End of file
 * on the descriptor is master's "please go away".
 */
#ifndef MAIL_SERVICE_STATUS_H
#define MAIL_SERVICE_STATUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SERVICE_STATUS_FD = 5, SERVICE_STATUS_SIZE = 12 };

enum service_status_is { SERVICE_STATUS_TAKEN = 0, SERVICE_STATUS_AVAILABLE = 1 };

struct service_status {
	int32_t pid;
	uint32_t generation;
	int32_t is; /* enum service_status_is, from a peer anything */
};

/* `text` is the GENERATION of the environment, octal digits; NULL counts as 0. False: bad text. */
bool service_status_generation(const char *text, uint32_t *generation);

void service_status_encode(const struct service_status *status, unsigned char record[SERVICE_STATUS_SIZE]);
void service_status_decode(const unsigned char record[SERVICE_STATUS_SIZE], struct service_status *status);

/*
 * "Taken" and "available" in one write, as after a request that is already dealt with. Never waits: when
 * master is behind, the two, which add up to nothing, are left out. 0, or -1 when master does not listen any
 * more.
 */
int service_status_send_used(int fd, uint32_t generation) __attribute__((warn_unused_result));

/* True at end of file, and when the descriptor cannot be read at all. */
bool service_status_is_over(int fd);

#endif
