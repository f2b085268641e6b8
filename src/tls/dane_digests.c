/* SPDX-License-Identifier: ISC */
/* The matching types of TLSA records: tls_dane_digests and the one of fingerprints. */
#include "tls/dane.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>

#include "util/alloc.h"
#include "util/log.h"
#include "util/text.h"

#define PARAM "tls_dane_digests"

enum {
	MTYPE_FULL = 0,
	MTYPE_SHA256 = 1,
	MTYPE_SHA512 = 2,
	MTYPES = 256,
	FIRST_RANK = 254, /* of the most preferred digest; the next has one less */
};

struct digests {
	SSL_CTX *ctx;
	bool seen[MTYPES];
	int rank;
};

/* The number behind '='. -1 after a warning. */
static int
number_of(const char *name, const char *digits)
{
	uint64_t number;

	if (!text_number(digits, DANE_MTYPE_FINGERPRINT - 1, &number)) {
		log_warn("Invalid matching type number in " PARAM ": %s=%s", name, digits);
		return -1;
	}
	if (number == MTYPE_FULL) {
		log_warn("Reserved matching type number in " PARAM ": %s=%s", name, digits);
		return -1;
	}
	return (int)number;
}

static int
default_number(const char *name)
{
	if (text_equal_nocase(name, "sha256"))
		return MTYPE_SHA256;
	if (text_equal_nocase(name, "sha512"))
		return MTYPE_SHA512;
	log_warn(PARAM ": digest algorithm %s needs an explicit number", name);
	return -1;
}

static bool
fits(const struct digests *digests, const char *name, int mtype)
{
	if (*name && mtype == MTYPE_SHA256 && !text_equal_nocase(name, "sha256")) {
		log_warn(PARAM ": matching type 1 can only be sha256");
		return false;
	}
	if (*name && mtype == MTYPE_SHA512 && !text_equal_nocase(name, "sha512")) {
		log_warn(PARAM ": matching type 2 can only be sha512");
		return false;
	}
	if (digests->seen[mtype]) {
		log_warn(PARAM ": matching type %d specified more than once", mtype);
		return false;
	}
	return true;
}

static bool
set(SSL_CTX *ctx, const EVP_MD *md, int mtype, int rank)
{
	bool done = SSL_CTX_dane_mtype_set(ctx, md, (uint8_t)mtype, (uint8_t)rank) > 0;

	if (!done)
		log_warn(PARAM ": error configuring matching type %d", mtype);
	ERR_clear_error();
	return done;
}

/* `item` is name, name=number or =number. */
static void
take(struct digests *digests, char *item)
{
	char *digits = strchr(item, '=');
	const EVP_MD *md;
	int mtype;

	if (digits)
		*digits++ = '\0';
	if (!*item && (!digits || !*digits))
		return;
	mtype = digits && *digits ? number_of(item, digits) : default_number(item);
	if (mtype < 0 || !fits(digests, item, mtype))
		return;
	digests->seen[mtype] = true;
	if (!*item) {
		set(digests->ctx, NULL, mtype, 0);
		return;
	}
	md = EVP_get_digestbyname(item);
	if (!md) {
		log_warn(PARAM ": digest algorithm \"%s\"(%d) unknown", item, mtype);
		return;
	}
	if (set(digests->ctx, md, mtype, digests->rank) && digests->rank > 1)
		digests->rank--;
}

int
dane_prepare(struct ssl_ctx_st *ctx, const char *list, const struct evp_md_st *fingerprint)
{
	struct digests digests = { .ctx = ctx, .rank = FIRST_RANK };
	const char *word;
	size_t len;

	if (SSL_CTX_dane_enable(ctx) <= 0)
		return -1;
	while ((word = text_token(&list, TEXT_LIST_SEPARATORS, &len)) != NULL) {
		char *item = alloc_string_n(word, len);

		take(&digests, item);
		free(item);
	}
	/* The library begins with these two. */
	for (int mtype = MTYPE_SHA256; mtype <= MTYPE_SHA512; mtype++)
		if (!digests.seen[mtype])
			set(ctx, NULL, mtype, 0);
	set(ctx, fingerprint, DANE_MTYPE_FINGERPRINT, 1);
	return 0;
}
