/* SPDX-License-Identifier: ISC */
#include "tls/verify.h"

#include <stddef.h>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>

#include "tls/loglevel.h"
#include "tls/peername.h"
#include "util/buf.h"
#include "util/log.h"

static int
slot(void)
{
	static int index = -1;

	if (index < 0)
		index = SSL_get_ex_new_index(0, NULL, NULL, NULL, NULL);
	return index;
}

void
verify_init(struct verify *verify, const char *namaddr, unsigned int log_mask)
{
	*verify =
	    (struct verify){ .namaddr = namaddr, .log_mask = log_mask, .error = X509_V_OK, .depth = -1 };
}

void
verify_release(struct verify *verify)
{
	X509_free(verify->cert);
	verify->cert = NULL;
}

int
verify_attach(struct verify *verify, struct ssl_st *ssl)
{
	if (slot() < 0 || !SSL_set_ex_data(ssl, slot(), verify)) {
		ERR_clear_error();
		return -1;
	}
	return 0;
}

/* Whether an error at `depth` says more than the one that is kept. */
static bool
outweighs(const struct verify *verify, int error, int depth)
{
	if (verify->depth < 0)
		return true;
	if (verify->spare_mismatch &&
	    (error == X509_V_ERR_HOSTNAME_MISMATCH) != (verify->error == X509_V_ERR_HOSTNAME_MISMATCH))
		return error != X509_V_ERR_HOSTNAME_MISMATCH;
	return depth < verify->depth;
}

static void
keep_error(struct verify *verify, X509_STORE_CTX *store, int error, int depth)
{
	if (!outweighs(verify, error, depth))
		return;

	X509 *cert = X509_STORE_CTX_get_current_cert(store);

	X509_free(verify->cert);
	verify->cert = cert && X509_up_ref(cert) ? cert : NULL;
	verify->error = error;
	verify->depth = depth;
}

static void
log_step(const struct verify *verify, X509_STORE_CTX *store, int ok, int depth)
{
	X509 *cert = X509_STORE_CTX_get_current_cert(store);
	struct buf subject = BUF_INIT;

	if (cert)
		peername_one_line(&subject, X509_get_subject_name(cert));
	log_info("%s: depth=%d verify=%d subject=%s", verify->namaddr, depth, ok,
	    cert ? buf_str(&subject) : "<unknown>");
	buf_release(&subject);
}

static int
judge(int ok, X509_STORE_CTX *store)
{
	SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
	struct verify *verify = ssl && slot() >= 0 ? SSL_get_ex_data(ssl, slot()) : NULL;
	int error = X509_STORE_CTX_get_error(store);
	int depth = X509_STORE_CTX_get_error_depth(store);

	if (!verify)
		return 1;
	if (verify->must_fail) {
		if (depth == 0) {
			X509_STORE_CTX_set_error(store, X509_V_ERR_UNSPECIFIED);
			keep_error(verify, store, X509_V_ERR_UNSPECIFIED, depth);
		}
		return 1;
	}
	if (!ok)
		keep_error(verify, store, error, depth);
	/* The library would report the last error. */
	if (verify->spare_mismatch && verify->depth >= 0)
		X509_STORE_CTX_set_error(store, verify->error);
	if (verify->log_mask & LOGLEVEL_VERBOSE)
		log_step(verify, store, ok, depth);
	return 1;
}

void
verify_install(struct ssl_ctx_st *ctx, bool ask)
{
	SSL_CTX_set_verify(ctx, ask ? SSL_VERIFY_PEER | SSL_VERIFY_CLIENT_ONCE : SSL_VERIFY_NONE, judge);
}

void
verify_log(const struct verify *verify, bool we_are_server)
{
	const char *namaddr = verify->namaddr;
	const char *purpose = verify->depth > 0 ? "CA" : we_are_server ? "client" : "server";
	struct buf issuer = BUF_INIT;

	if (verify->forced_failure) {
		log_info("certificate verification failed for %s: external policy failure (%s)", namaddr,
		    verify->forced_failure);
		return;
	}
	switch (verify->error) {
	case X509_V_OK:
		break;
	case X509_V_ERR_CERT_UNTRUSTED:
		log_info(
		    "certificate verification failed for %s: not trusted by local or TLSA policy", namaddr);
		break;
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
		log_info("certificate verification failed for %s: self-signed certificate", namaddr);
		break;
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
		if (verify->cert)
			peername_one_line(&issuer, X509_get_issuer_name(verify->cert));
		log_info("certificate verification failed for %s: untrusted issuer %s", namaddr,
		    verify->cert ? buf_str(&issuer) : "<unknown>");
		buf_release(&issuer);
		break;
	case X509_V_ERR_CERT_NOT_YET_VALID:
	case X509_V_ERR_ERROR_IN_CERT_NOT_BEFORE_FIELD:
		log_info(
		    "%s certificate verification failed for %s: certificate not yet valid", purpose, namaddr);
		break;
	case X509_V_ERR_CERT_HAS_EXPIRED:
	case X509_V_ERR_ERROR_IN_CERT_NOT_AFTER_FIELD:
		log_info(
		    "%s certificate verification failed for %s: certificate has expired", purpose, namaddr);
		break;
	case X509_V_ERR_INVALID_PURPOSE:
		log_info("certificate verification failed for %s: not designated for use as a %s certificate",
		    namaddr, purpose);
		break;
	case X509_V_ERR_CERT_CHAIN_TOO_LONG:
		log_info("certificate verification failed for %s: certificate chain longer than limit(%d)",
		    namaddr, verify->depth - 1);
		break;
	default:
		log_info("%s certificate verification failed for %s: num=%d:%s", purpose, namaddr,
		    verify->error, X509_verify_cert_error_string(verify->error));
	}
}
