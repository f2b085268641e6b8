/* SPDX-License-Identifier: ISC */
#include "tls/dane.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include "tls/dane_impl.h"
#include "tls/level.h"
#include "tls/library.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/hex.h"
#include "util/log.h"

enum {
	RDATA_LIMIT = 0xffff, /* no more fits into a DNS record */
	SHOWN = 32,           /* bytes of either end of long data in the log */
};

struct dane_set {
	char *domain; /* owned */
	struct dane_record *records;
	size_t count;
	size_t room;
};

/* --- sets --- */

struct dane_set *
dane_set_new(const char *domain)
{
	struct dane_set *set = alloc_zero(sizeof *set);

	set->domain = alloc_string(domain);
	return set;
}

void
dane_set_free(struct dane_set *set)
{
	if (!set)
		return;
	for (size_t i = 0; i < set->count; i++)
		free((void *)set->records[i].data);
	free(set->records);
	free(set->domain);
	free(set);
}

void
dane_set_add(
    struct dane_set *set, uint8_t usage, uint8_t selector, uint8_t mtype, const void *data, size_t len)
{
	unsigned char *copy = alloc_zero(len ? len : 1);

	if (len > 0)
		memcpy(copy, data, len);
	if (set->count == set->room) {
		set->room = set->room ? 2 * set->room : 4;
		set->records = alloc_resize(set->records, set->room, sizeof *set->records);
	}
	set->records[set->count++] = (struct dane_record){
		.usage = usage, .selector = selector, .mtype = mtype, .data = copy, .len = len
	};
}

const char *
dane_set_domain(const struct dane_set *set)
{
	return set->domain;
}

size_t
dane_set_count(const struct dane_set *set)
{
	return set->count;
}

const struct dane_record *
dane_set_record(const struct dane_set *set, size_t index)
{
	return &set->records[index];
}

/* --- forms --- */

void
dane_record_put(struct buf *to, const struct dane_record *record)
{
	buf_printf(to, "%d %d %d ", record->usage, record->selector, record->mtype);
	if (record->len <= 2 * SHOWN) {
		hex_encode(to, record->data, record->len, 0);
		return;
	}
	hex_encode(to, record->data, SHOWN, 0);
	buf_add_str(to, "...");
	hex_encode(to, record->data + record->len - SHOWN, SHOWN, 0);
}

static int
compare(const void *left, const void *right)
{
	const struct dane_record *a = left;
	const struct dane_record *b = right;

	if (a->usage != b->usage)
		return a->usage - b->usage;
	if (a->selector != b->selector)
		return a->selector - b->selector;
	if (a->mtype != b->mtype)
		return a->mtype - b->mtype;
	if (a->len != b->len)
		return a->len < b->len ? -1 : 1;
	return memcmp(a->data, b->data, a->len);
}

void
dane_set_put_canonical(const struct dane_set *set, struct buf *to)
{
	int count = (int)set->count;
	struct dane_record *sorted = alloc_array(set->count + 1, sizeof *sorted);

	if (set->count > 0)
		memcpy(sorted, set->records, set->count * sizeof *sorted);
	qsort(sorted, set->count, sizeof *sorted, compare);
	buf_add(to, &count, sizeof count);
	for (size_t i = 0; i < set->count; i++) {
		uint16_t len = (uint16_t)sorted[i].len;

		buf_add_byte(to, (char)sorted[i].usage);
		buf_add_byte(to, (char)sorted[i].selector);
		buf_add_byte(to, (char)sorted[i].mtype);
		buf_add(to, &len, sizeof len);
		buf_add(to, sorted[i].data, sorted[i].len);
	}
	free(sorted);
}

/* --- sessions --- */

/* 1: in use. 0: unusable. -1: the library failed. */
static int
load_record(const struct dane_record *record, SSL *ssl)
{
	/* The library takes an empty digest for an error of ours. */
	if (record->len == 0 || record->len > RDATA_LIMIT)
		return 0;
	return SSL_dane_tlsa_add(
	    ssl, record->usage, record->selector, record->mtype, record->data, record->len);
}

enum dane_loaded
dane_load(const struct dane_set *set, struct ssl_st *ssl, const char *namaddr)
{
	bool usable = false;

	/* The latest first: so come the warnings of Postfix. */
	for (size_t i = set->count; i-- > 0;) {
		const struct dane_record *record = &set->records[i];
		int result = load_record(record, ssl);

		if (result > 0) {
			usable = true;
			continue;
		}

		struct buf text = BUF_INIT;

		dane_record_put(&text, record);
		log_warn("%s: %s: %s", namaddr,
		    result < 0 ? "error loading trust settings" : "unusable TLSA RR", buf_str(&text));
		buf_release(&text);
		if (result < 0) {
			library_log_errors();
			return DANE_FAILED;
		}
		ERR_clear_error();
	}
	return usable ? DANE_LOADED : DANE_UNUSABLE;
}

void
dane_log_match(struct ssl_st *ssl, const char *namaddr, int level)
{
	X509 *anchor = NULL;
	EVP_PKEY *key = NULL;
	struct dane_record record = { 0 };
	struct buf text = BUF_INIT;
	int depth = SSL_get0_dane_authority(ssl, &anchor, &key);

	if (depth < 0)
		return;
	if (level_needs_pkix(level)) {
		log_info("%s: Matched trust anchor at depth %d", namaddr, depth);
		return;
	}
	if (SSL_get0_dane_tlsa(
		ssl, &record.usage, &record.selector, &record.mtype, &record.data, &record.len) < 0)
		return;
	if (level == LEVEL_FINGERPRINT) {
		hex_encode(&text, record.data, record.len, 0);
		log_info("%s: Matched fingerprint: %s", namaddr, buf_str(&text));
	} else {
		dane_record_put(&text, &record);
		log_info("%s: Matched DANE %s at depth %d: %s", namaddr,
		    key                             ? "TA public key verified certificate"
		    : record.usage == DANE_USAGE_TA ? "TA certificate"
						    : "EE certificate",
		    depth, buf_str(&text));
	}
	buf_release(&text);
}
