/* SPDX-License-Identifier: ISC */
/*
 * fuzz_dane: TLSA records as a caller's request may hold them, given to a session; trust anchor files; lists
 * of fingerprints.
 *
 * Records are USAGE SELECTOR MTYPE LENGTH(2) DATA, one after the other.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>

#include "tls/dane.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/log.h"
#include "util/reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void
drop(enum log_level level, const char *text, void *context)
{
	(void)level, (void)text, (void)context;
}

static struct dane_set *
records(const uint8_t *bytes, size_t len)
{
	struct dane_set *set = dane_set_new("fuzz.example");
	struct reader reader;
	const unsigned char *head;

	reader_init(&reader, bytes, len);
	while ((head = reader_take(&reader, 5)) != NULL) {
		size_t want = (size_t)head[3] << 8 | head[4];

		if (want > reader_left(&reader))
			want = reader_left(&reader);
		dane_set_add(set, head[0], head[1], head[2], reader_take(&reader, want), want);
	}
	return set;
}

static void
load(struct dane_set *set, SSL_CTX *ctx)
{
	SSL *ssl = SSL_new(ctx);

	if (SSL_dane_enable(ssl, NULL) <= 0)
		log_panic("DANE is off");

	enum dane_loaded loaded = dane_load(set, ssl, "fuzz");
	if (dane_set_count(set) == 0 && loaded != DANE_UNUSABLE)
		log_panic("records out of nothing");
	if (ERR_peek_error() != 0)
		log_panic("errors left behind");
	dane_log_match(ssl, "fuzz", 5);
	SSL_free(ssl);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	static SSL_CTX *ctx;
	struct buf canonical = BUF_INIT;
	struct dane_set *set = records(bytes, len);
	struct dane_set *other = dane_set_new("");
	char *text = alloc_string_n((const char *)bytes, len);

	log_set_sink(drop, NULL);
	if (!ctx) {
		ctx = SSL_CTX_new(TLS_client_method());
		if (dane_prepare(ctx, "sha512 sha256", EVP_sha256()) < 0)
			log_panic("no DANE");
	}
	load(set, ctx);
	for (size_t i = 0; i < dane_set_count(set); i++)
		(void)dane_record_is_acceptable(dane_set_record(set, i), "fuzz");
	dane_set_put_canonical(set, &canonical);

	int result = dane_set_add_anchors(other, "fuzz", bytes, len, ~0u);
	if (result != 0 && result != -1)
		log_panic("result %d", result);
	dane_set_add_fingerprints(other, text, ~0u);
	load(other, ctx);
	buf_release(&canonical);
	free(text);
	dane_set_free(other);
	dane_set_free(set);
	return 0;
}
