/* SPDX-License-Identifier: ISC */
/*
 * ticketsecret: the secret that several hosts share, and the ticket keys that follow from it.
 *
 * Time is cut into periods of equal length, numbered since 1970. All hosts with the same secret and period
 * length have the same key for a period: HKDF-SHA256 of the secret with the info TICKETSECRET_LABEL, a zero
 * byte, and length and number as 8 bytes each, the most significant first; the 80 bytes are name, bits and
 * hmac in this order.
 */
#ifndef TLSMGR_TICKETSECRET_H
#define TLSMGR_TICKETSECRET_H

#include <stdint.h>
#include <sys/types.h>

struct buf;
struct err;
struct tlsmgr_ticket_key;

#define TICKETSECRET_LABEL "sealpost tlsmgr ticket key"

enum { TICKETSECRET_MIN = 32, TICKETSECRET_MAX = 4096 };

/*
 * Reads a secret with the rights the process has: the content of the file less one newline at its end.
 * Refused is what others can read, or what others than root, this user and `owner` can change; by root also a
 * file of root in a directory that others can write to, for they could have linked it there. 0 or -1.
 */
int ticketsecret_read(const char *path, uid_t owner, struct buf *secret, struct err *err)
    __attribute__((warn_unused_result));

/* The key of a period; it issues until the period's end. 0, or -1 when the library fails. */
int ticketsecret_derive(const struct buf *secret, int period_s, int64_t number, struct tlsmgr_ticket_key *key)
    __attribute__((warn_unused_result));

#endif
