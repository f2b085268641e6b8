/* SPDX-License-Identifier: ISC */
#include "tls/served.h"

#include <stdbool.h>
#include <stdlib.h>
#include <time.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "tls/certfact.h"
#include "tls/context_impl.h"
#include "tls/fingerprint.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/log.h"
#include "util/now.h"
#include "util/text.h"

enum { NEAR_S = 7 * 24 * 3600 };

struct chain {
	X509 *leaf;               /* borrowed */
	STACK_OF(X509) * issuers; /* borrowed; may be NULL */
	EVP_PKEY *key;            /* borrowed */
};

/* 0 goes on. */
typedef int (*chain_fn)(struct chain chain, void *arg, struct err *err);

/* The result of the first call that did not return 0, else 0. `count` may be NULL. */
static int
for_each(struct context *context, chain_fn fn, void *arg, int *count, struct err *err)
{
	SSL_CTX *ctx = context->ctx;
	X509 *current = SSL_CTX_get0_certificate(ctx);
	int result = 0, seen = 0;

	for (long more = SSL_CTX_set_current_cert(ctx, SSL_CERT_SET_FIRST); more == 1 && result == 0;
	     more = SSL_CTX_set_current_cert(ctx, SSL_CERT_SET_NEXT)) {
		STACK_OF(X509) *issuers = NULL;

		SSL_CTX_get0_chain_certs(ctx, &issuers);
		result =
		    fn((struct chain){ SSL_CTX_get0_certificate(ctx), issuers, SSL_CTX_get0_privatekey(ctx) },
			arg, err);
		seen++;
	}
	if (current)
		SSL_CTX_select_current_cert(ctx, current);
	if (count)
		*count = seen;
	return result;
}

/* --- the check --- */

static int
check_time(const X509 *cert, struct err *err)
{
	time_t now = now_wall();
	struct buf words = BUF_INIT;

	if (X509_cmp_time(X509_get0_notBefore(cert), &now) > 0) {
		buf_add_str(&words, " is not valid before ");
		certfact_put_time(&words, X509_get0_notBefore(cert));
	} else if (X509_cmp_time(X509_get0_notAfter(cert), &now) <= 0) {
		buf_add_str(&words, " has expired on ");
		certfact_put_time(&words, X509_get0_notAfter(cert));
	} else {
		return 0;
	}

	struct buf subject = BUF_INIT;

	certfact_put_subject(&subject, cert);
	err_set(err, "the certificate of %s%s", buf_str(&subject), buf_str(&words));
	buf_release(&subject);
	buf_release(&words);
	return -1;
}

static int
check_order(X509 *issuer, X509 *cert, int position, struct err *err)
{
	struct buf subject = BUF_INIT;

	if (X509_check_issued(issuer, cert) == X509_V_OK)
		return 0;
	certfact_put_subject(&subject, cert);
	err_set(err, "the chain is not in order: certificate %d does not belong to the issuer of %s",
	    position, buf_str(&subject));
	buf_release(&subject);
	return -1;
}

/* The library judges strength when a chain is given to a context that demands it. */
static int
check_strength(struct chain chain, struct err *err)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
	bool fits = false;

	if (ctx) {
		SSL_CTX_set_security_level(ctx, 1);
		fits = SSL_CTX_use_cert_and_key(ctx, chain.leaf, chain.key, chain.issuers, 1) == 1;
	}
	if (!fits) {
		const char *reason = ERR_reason_error_string(ERR_peek_last_error());

		err_set(err, "the %s certificate does not reach security level 1: %s",
		    certfact_kind(chain.leaf), reason ? reason : "unknown error");
	}
	ERR_clear_error();
	SSL_CTX_free(ctx);
	return fits ? 0 : -1;
}

static int
check_chain(struct chain chain, void *arg, struct err *err)
{
	const struct context *context = arg;
	X509 *before = chain.leaf;

	if (check_time(chain.leaf, err) < 0)
		return -1;
	for (int i = 0; i < sk_X509_num(chain.issuers); i++) {
		X509 *cert = sk_X509_value(chain.issuers, i);

		if (check_order(cert, before, i + 2, err) < 0 || check_time(cert, err) < 0)
			return -1;
		before = cert;
	}
	return context->require_ccert ? check_strength(chain, err) : 0;
}

int
served_check(struct context *context, bool bare, struct err *err)
{
	int count;

	if (for_each(context, check_chain, context, &count, err) < 0)
		return -1;
	return count > 0 || bare ? 0 : err_set(err, "there is no certificate");
}

/* --- the log --- */

static int
log_chain(struct chain chain, void *arg, struct err *err)
{
	EVP_MD *digest = fingerprint_digest("sha256");
	char *fingerprint = digest ? fingerprint_cert(chain.leaf, digest) : alloc_string("");
	struct buf line = BUF_INIT;

	(void)err;
	buf_printf(&line, "%s: %s, names ", (const char *)arg, certfact_kind(chain.leaf));
	certfact_put_names(&line, chain.leaf);
	buf_add_str(&line, ", expires ");
	certfact_put_time(&line, X509_get0_notAfter(chain.leaf));
	buf_printf(&line, ", SHA256 fingerprint %s", fingerprint);
	log_info("%s", buf_str(&line));
	buf_release(&line);
	free(fingerprint);
	fingerprint_digest_free(digest);
	return 0;
}

void
served_log(struct context *context, const char *words)
{
	int count;

	for_each(context, log_chain, (void *)(uintptr_t)words, &count, NULL);
	if (count == 0)
		log_info("%s", words);
}

/* What is between the tabs has none. */
static int
describe_chain(struct chain chain, void *arg, struct err *err)
{
	struct buf *to = arg;
	struct buf names = BUF_INIT;
	EVP_MD *digest = fingerprint_digest("sha256");
	char *cert = digest ? fingerprint_cert(chain.leaf, digest) : alloc_string("");
	char *key = digest ? fingerprint_pkey(chain.leaf, digest, false) : alloc_string("");
	int64_t end_s = 0;

	(void)err;
	certfact_put_names(&names, chain.leaf);
	buf_reserve(&names, 0);
	text_printable(names.bytes);
	(void)certfact_time(X509_get0_notAfter(chain.leaf), &end_s);
	buf_printf(to, "certificate %s\t%s\t%lld\t%s\t%s\n", certfact_kind(chain.leaf), buf_str(&names),
	    (long long)end_s, cert, key);
	buf_release(&names);
	free(cert);
	free(key);
	fingerprint_digest_free(digest);
	return 0;
}

void
served_describe(struct context *context, struct buf *to)
{
	for_each(context, describe_chain, to, NULL, NULL);
}

static bool
ends_soon(const X509 *cert)
{
	int64_t from_s, to_s;

	if (!certfact_time(X509_get0_notBefore(cert), &from_s) ||
	    !certfact_time(X509_get0_notAfter(cert), &to_s))
		return false;

	int64_t left_s = to_s - now_wall(), all_s = to_s - from_s;

	return left_s < NEAR_S && left_s < all_s / 4;
}

static int
warn_chain(struct chain chain, void *arg, struct err *unused)
{
	struct err err;

	(void)arg;
	(void)unused;
	if (check_time(chain.leaf, &err) < 0) {
		log_warn("%s, and is in service", err.text);
		return 0;
	}
	if (!ends_soon(chain.leaf))
		return 0;

	struct buf words = BUF_INIT;

	certfact_put_subject(&words, chain.leaf);
	buf_add_str(&words, " expires soon: ");
	certfact_put_time(&words, X509_get0_notAfter(chain.leaf));
	log_warn("the certificate of %s", buf_str(&words));
	buf_release(&words);
	return 0;
}

void
served_warn(struct context *context)
{
	for_each(context, warn_chain, NULL, NULL, NULL);
}
