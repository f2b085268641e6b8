/* SPDX-License-Identifier: ISC */
/*
 * tlsmgr_proto: the words between tlsmgr and the programs that ask it.
 *
 * Sequence: announcement (tlsmgr), then any number of request (caller) and reply (tlsmgr), one at a time:
 * Postfix's tlsmgr loses a request that is sent before the reply to the one before it. A reply whose status
 * is not TLSMGR_PROTO_OK has empty data.
 */
#ifndef MAIL_TLSMGR_PROTO_H
#define MAIL_TLSMGR_PROTO_H

#include <stddef.h>
#include <stdint.h>

struct buf;
struct table;

enum tlsmgr_proto_status {
	TLSMGR_PROTO_OK = 0,
	TLSMGR_PROTO_ERR = -1,  /* understood, but not found or not done */
	TLSMGR_PROTO_FAIL = -2, /* bad request, unknown cache type, cache not enabled */
};

/* What the server says before anything else: attribute "protocol". */
#define TLSMGR_PROTO_ANNOUNCEMENT "tlsmgr_protocol"

#define TLSMGR_PROTO_REQUEST "request"
#define TLSMGR_PROTO_STATUS  "status"

/* Values of "request". */
#define TLSMGR_PROTO_SEED   "seed"
#define TLSMGR_PROTO_POLICY "policy"
#define TLSMGR_PROTO_LOOKUP "lookup"
#define TLSMGR_PROTO_UPDATE "update"
#define TLSMGR_PROTO_DELETE "delete"
#define TLSMGR_PROTO_TKTKEY "tktkey"
#define TLSMGR_PROTO_STATS  "stats" /* ours; Postfix's tlsmgr never answers it */

/* Names of the other attributes; "seed" is one, too. */
#define TLSMGR_PROTO_SIZE       "size"
#define TLSMGR_PROTO_CACHE_TYPE "cache_type"
#define TLSMGR_PROTO_CACHE_ID   "cache_id"
#define TLSMGR_PROTO_SESSION    "session"
#define TLSMGR_PROTO_CACHABLE   "cachable"
#define TLSMGR_PROTO_TIMEOUT    "timeout"
#define TLSMGR_PROTO_KEYNAME    "keyname"
#define TLSMGR_PROTO_KEYBUF     "keybuf"

#define TLSMGR_PROTO_SEED_MAX 255 /* bytes one seed request may ask for */

/* Two bytes, 'W' and zero, instead of a list: master asks whether the service is alive. */
#define TLSMGR_PROTO_WAKEUP "W"

#define TLSMGR_TICKET_NAME_LEN   16
#define TLSMGR_TICKET_RECORD_LEN 88

struct tlsmgr_ticket_key {
	unsigned char name[TLSMGR_TICKET_NAME_LEN]; /* at the start of every ticket made with this key */
	unsigned char bits[32];                     /* cipher key; a shorter one uses the first bytes */
	unsigned char hmac[32];
	int64_t tout; /* no new tickets from this second on */
};

/* The record as it travels, in native byte order. */
void tlsmgr_proto_pack_key(
    const struct tlsmgr_ticket_key *key, unsigned char record[TLSMGR_TICKET_RECORD_LEN]);
void tlsmgr_proto_unpack_key(
    struct tlsmgr_ticket_key *key, const unsigned char record[TLSMGR_TICKET_RECORD_LEN]);

void tlsmgr_proto_put_announcement(struct buf *to);

/* --- requests; `type` is smtpd, smtp or lmtp --- */

void tlsmgr_proto_put_policy(struct buf *to, const char *type);
void tlsmgr_proto_put_lookup(struct buf *to, const char *type, const char *id);
void tlsmgr_proto_put_update(
    struct buf *to, const char *type, const char *id, const void *session, size_t len);
void tlsmgr_proto_put_delete(struct buf *to, const char *type, const char *id);

/* `name` is TLSMGR_TICKET_NAME_LEN bytes; NULL: the key that new tickets are made with. */
void tlsmgr_proto_put_tktkey(struct buf *to, const unsigned char *name);

void tlsmgr_proto_put_stats(struct buf *to);

/* --- replies --- */

void tlsmgr_proto_reply_status(struct buf *to, int status);
void tlsmgr_proto_reply_data(struct buf *to, int status, const char *name, const void *bytes, size_t len);
void tlsmgr_proto_reply_policy(struct buf *to, int status, int cachable, int timeout_s);

/*
 * All return 0, or -1 after a warning that names `stream` when the reply is not what was asked for. The
 * outputs are set only with 0, and except for `status` mean something only when that is TLSMGR_PROTO_OK. Data
 * replaces the buffer. Attributes that nobody wants are skipped. A list that is complete, or ended at end of
 * file.
 */
int tlsmgr_proto_get_announcement(const void *list, size_t len, const char *stream)
    __attribute__((warn_unused_result));
int tlsmgr_proto_get_policy(const void *list, size_t len, const char *stream, int *status, int *cachable,
    int *timeout_s) __attribute__((warn_unused_result));
int tlsmgr_proto_get_session(const void *list, size_t len, const char *stream, int *status,
    struct buf *session) __attribute__((warn_unused_result));

/* -1 also for a key record of another length, without a warning: the other end is of another make. */
int tlsmgr_proto_get_tktkey(const void *list, size_t len, const char *stream, int *status,
    struct tlsmgr_ticket_key *key) __attribute__((warn_unused_result));

/* Adds names to `numbers`; values are strings, digits but for a few words, and freed by the table. */
int tlsmgr_proto_get_stats(const void *list, size_t len, const char *stream, int *status,
    struct table *numbers) __attribute__((warn_unused_result));

#endif
