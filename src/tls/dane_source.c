/* SPDX-License-Identifier: ISC */
/* Where records come from: the filter for those of DNS, fingerprints, trust anchor files. */
#include "tls/dane.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include "tls/dane_impl.h"
#include "tls/library.h"
#include "tls/loglevel.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/hex.h"
#include "util/log.h"
#include "util/text.h"

enum { FINGERPRINT_LIMIT = 192, LOG_BITS = LOGLEVEL_VERBOSE | LOGLEVEL_DANE };

/* --- DNS --- */

static void
warn_record(const struct dane_record *record, const char *name, const char *what)
{
	struct buf text = BUF_INIT;

	dane_record_put(&text, record);
	log_warn("%s %s: %s", name, what, buf_str(&text));
	buf_release(&text);
}

bool
dane_record_is_acceptable(const struct dane_record *record, const char *name)
{
	if (record->len == 0) {
		log_warn("%s: truncated TLSA RR length == %u", name, 3U);
		return false;
	}
	if (record->usage != DANE_USAGE_TA && record->usage != DANE_USAGE_EE) {
		warn_record(record, name, "unsupported TLSA certificate usage");
		return false;
	}
	if (record->mtype == DANE_MTYPE_FINGERPRINT) {
		warn_record(record, name, "reserved private-use matching type");
		return false;
	}
	return true;
}

/* --- fingerprints --- */

/* Pairs of digits, with at most one colon between two. */
static bool
decode(struct buf *to, const char *text)
{
	while (*text) {
		if (to->len > 0 && *text == ':')
			text++;
		if (strlen(text) < 2 || !hex_decode(to, text, 2))
			return false;
		text += 2;
	}
	return to->len > 0;
}

static void
add_fingerprint(struct dane_set *set, const char *text, unsigned int log_mask)
{
	struct buf bytes = BUF_INIT;
	struct buf line = BUF_INIT;

	if (strlen(text) > FINGERPRINT_LIMIT) {
		log_warn("malformed fingerprint value: %.100s...", text);
		return;
	}
	if (!decode(&bytes, text)) {
		log_warn("malformed fingerprint value: %.384s", text);
	} else {
		dane_set_add(set, DANE_USAGE_EE, 0, DANE_MTYPE_FINGERPRINT, bytes.bytes, bytes.len);
		dane_set_add(set, DANE_USAGE_EE, 1, DANE_MTYPE_FINGERPRINT, bytes.bytes, bytes.len);
		if (log_mask & LOG_BITS) {
			dane_record_put(&line, dane_set_record(set, dane_set_count(set) - 2));
			log_info("fingerprint: digest as private-use TLSA record: %s", buf_str(&line));
		}
	}
	buf_release(&line);
	buf_release(&bytes);
}

void
dane_set_add_fingerprints(struct dane_set *set, const char *list, unsigned int log_mask)
{
	const char *word;
	size_t len;

	while ((word = text_token(&list, TEXT_LIST_SEPARATORS "|", &len)) != NULL) {
		char *text = alloc_string_n(word, len);

		add_fingerprint(set, text, log_mask);
		free(text);
	}
}

/* --- trust anchor files --- */

static void
add_anchor(struct dane_set *set, const char *file, uint8_t selector, const unsigned char *der, long len,
    unsigned int log_mask)
{
	struct buf line = BUF_INIT;

	dane_set_add(set, DANE_USAGE_TA, selector, 0, der, (size_t)len);
	/* The trust anchor may be the server's own certificate. */
	dane_set_add(set, DANE_USAGE_EE, selector, 0, der, (size_t)len);
	if (log_mask & LOG_BITS) {
		dane_record_put(&line, dane_set_record(set, dane_set_count(set) - 2));
		log_info("TA %s as TLSA record: %s: %s", selector ? "pkey" : "cert", file, buf_str(&line));
	}
	buf_release(&line);
}

/* What a PEM object of this type is to a record; -1: nothing. */
static int
selector_of(const char *type)
{
	if (strcmp(type, PEM_STRING_X509) == 0 || strcmp(type, PEM_STRING_X509_OLD) == 0)
		return 0;
	return strcmp(type, PEM_STRING_PUBLIC) == 0 ? 1 : -1;
}

int
dane_set_add_anchors(
    struct dane_set *set, const char *file, const void *pem, size_t len, unsigned int log_mask)
{
	BIO *bio = BIO_new_mem_buf(pem, (int)len);
	size_t before = dane_set_count(set);
	char *type = NULL;
	char *header = NULL;
	unsigned char *der = NULL;
	long der_len;
	int result = 0;

	ERR_clear_error();
	while (bio && PEM_read_bio(bio, &type, &header, &der, &der_len)) {
		int selector = selector_of(type);

		if (selector >= 0)
			add_anchor(set, file, (uint8_t)selector, der, der_len, log_mask);
		OPENSSL_free(type);
		OPENSSL_free(header);
		OPENSSL_free(der);
	}
	BIO_free(bio);
	if (ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE)
		ERR_clear_error(); /* the end of the file */
	else if (ERR_peek_error())
		result = -1;
	library_log_errors();
	return result == 0 && dane_set_count(set) > before ? 0 : -1;
}
