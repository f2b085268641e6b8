/* SPDX-License-Identifier: ISC */
/*
 * ticketblob: ticket keys as the bytes of a file.
 *
 * Header: "sptickey", version 1, kind and place of the sealing key, zero, salt (32 bytes), check (8), nonce
 * (12). Then what is sealed: how many records, for each its origin and the record as it travels (88 bytes),
 * zeros. Last the tag of the seal, which covers the header as well. The length is always the same.
 */
#ifndef TLSMGR_TICKETBLOB_H
#define TLSMGR_TICKETBLOB_H

#include <stddef.h>

#include "tlsmgr/sealkey.h"
#include "tlsmgr/ticketkeys.h"

enum {
	TICKETBLOB_LEN = 4096,
	TICKETBLOB_HEADER_LEN = 64,
	TICKETBLOB_BODY_LEN = TICKETBLOB_LEN - TICKETBLOB_HEADER_LEN - SEAL_TAG_LEN,
};

struct ticketblob_header {
	struct sealkey_id seal;
	unsigned char nonce[SEAL_NONCE_LEN];
};

/* 0, or -1: these bytes do not begin such a file. */
int ticketblob_get_header(const void *bytes, size_t len, struct ticketblob_header *header)
    __attribute__((warn_unused_result));

/* What was sealed, opened: at most TICKETKEYS_MAX records. How many, or -1. */
int ticketblob_get_body(const void *bytes, size_t len, struct ticketkeys_record *records)
    __attribute__((warn_unused_result));

/* The whole file, to be opened with `key`: how many records, or -1. */
int ticketblob_open(const void *bytes, size_t len, const unsigned char key[SEAL_KEY_LEN],
    struct ticketkeys_record *records) __attribute__((warn_unused_result));

/* Fills TICKETBLOB_LEN bytes. 0, or -1 when the library fails. */
int ticketblob_close(const struct ticketblob_header *header, const unsigned char key[SEAL_KEY_LEN],
    const struct ticketkeys_record *records, int count, unsigned char *bytes)
    __attribute__((warn_unused_result));

#endif
