/* SPDX-License-Identifier: ISC */
/*
 * dane: TLSA records (RFC 6698, RFC 7672), and the two other things that are checked as if they were some.
 *
 * A fingerprint is a pair of records with the matching type 255, which stands for the fingerprint digest of
 * the context; a trust anchor file is a set of records that hold whole certificates and keys. Records come
 * from a caller's request: any numbers, any bytes, any count up to the request's own limit are safe.
 */
#ifndef TLS_DANE_H
#define TLS_DANE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;
struct dane_set;
struct evp_md_st;
struct ssl_ctx_st;
struct ssl_st;

enum dane_usage { DANE_USAGE_TA = 2, DANE_USAGE_EE = 3 };

enum { DANE_MTYPE_FINGERPRINT = 255 };

struct dane_record {
	uint8_t usage;
	uint8_t selector;          /* 0: certificate, 1: public key */
	uint8_t mtype;             /* 0: in full, 1: SHA2-256, 2: SHA2-512, or as tls_dane_digests says */
	const unsigned char *data; /* of the set */
	size_t len;
};

/* `domain` is the TLSA base domain, copied; "" for what did not come from DNS. Freed by the caller. */
struct dane_set *dane_set_new(const char *domain);
void dane_set_free(struct dane_set *set);

/* Copies the bytes. No record is refused here: what cannot be used shows in dane_load(). */
void dane_set_add(
    struct dane_set *set, uint8_t usage, uint8_t selector, uint8_t mtype, const void *data, size_t len);

const char *dane_set_domain(const struct dane_set *set);
size_t dane_set_count(const struct dane_set *set);
const struct dane_record *dane_set_record(const struct dane_set *set, size_t index);

/*
 * Whether a record out of DNS may be used at all; if not, a warning says why. `name` is its owner, as it
 * should be logged.
 */
bool dane_record_is_acceptable(const struct dane_record *record, const char *name);

/* Adds the two records of every fingerprint in `list` (hexadecimal, colons or not, commas or blanks between);
 * those that are none are warned about and left out. */
void dane_set_add_fingerprints(struct dane_set *set, const char *list, unsigned int log_mask);

/* Adds two records for each certificate and public key in PEM text. 0, or -1 when there is none, or the text
 * is malformed, which the log then explains. `file` is its name, for the log. */
int dane_set_add_anchors(struct dane_set *set, const char *file, const void *pem, size_t len,
    unsigned int log_mask) __attribute__((warn_unused_result));

/* Appends the records in the form and order they have in the client's cache key (session_id.h). */
void dane_set_put_canonical(const struct dane_set *set, struct buf *to);

/* Sets up a context for sessions that use records: the matching types of `digests` (tls_dane_digests), and
 * `fingerprint` for type 255. What is wrong with the list is warned about and left out. 0, or -1 when the
 * library cannot do DANE. */
int dane_prepare(struct ssl_ctx_st *ctx, const char *digests, const struct evp_md_st *fingerprint)
    __attribute__((warn_unused_result));

enum dane_loaded {
	DANE_LOADED,   /* at least one record is in use */
	DANE_UNUSABLE, /* none is; each was warned about */
	DANE_FAILED,   /* the library failed; logged */
};

/* Gives the records to a session for which the library's DANE is enabled. */
enum dane_loaded dane_load(const struct dane_set *set, struct ssl_st *ssl, const char *namaddr);

/* After a handshake whose peer was matched by a record: the line that says by which. */
void dane_log_match(struct ssl_st *ssl, const char *namaddr, int level);

#endif
