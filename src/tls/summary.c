/* SPDX-License-Identifier: ISC */
#include "tls/summary.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include "tls/context.h"
#include "tls/fingerprint.h"
#include "tls/loglevel.h"
#include "tls/peername.h"
#include "tls/verify.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/log.h"
#include "util/text.h"

/* The library's own spelling of the key's curve: a string that outlives the key. */
static const char *
curve_of(EVP_PKEY *key)
{
	char name[64] = "";
	const char *known;

	if (!EVP_PKEY_get_utf8_string_param(key, OSSL_PKEY_PARAM_GROUP_NAME, name, sizeof name, NULL)) {
		ERR_clear_error();
		return "";
	}
	known = OBJ_nid2sn(OBJ_txt2nid(name));
	return known && strcmp(known, SN_undef) != 0 ? known : "";
}

static void
collect_key_exchange(struct summary *summary, SSL *ssl)
{
	EVP_PKEY *key = NULL;

	/* Of the peer, which in TLS 1.3 sends one in either role; its kind is also that of ours. */
	if (!SSL_get_peer_tmp_key(ssl, &key)) {
		ERR_clear_error();
		return;
	}
	switch (EVP_PKEY_get_base_id(key)) {
	case EVP_PKEY_EC:
		summary->key_exchange = "ECDHE";
		summary->key_exchange_curve = curve_of(key);
		break;
	case EVP_PKEY_DH:
	case EVP_PKEY_DHX:
		summary->key_exchange = "DHE";
		summary->key_exchange_bits = EVP_PKEY_get_bits(key);
		break;
	case EVP_PKEY_X25519:
	case EVP_PKEY_X448:
		summary->key_exchange = OBJ_nid2sn(EVP_PKEY_get_base_id(key));
		break;
	default:
		break;
	}
	EVP_PKEY_free(key);
}

/* A resumed session has certificates but made no signature: then there is no digest. */
static void
collect_signature(struct summary_signature *signature, const X509 *cert, int digest_nid)
{
	EVP_PKEY *key = cert ? X509_get0_pubkey(cert) : NULL;

	if (!key)
		return;
	switch (EVP_PKEY_get_base_id(key)) {
	case EVP_PKEY_RSA:
	case EVP_PKEY_RSA_PSS:
		/* TLS 1.3 knows no other padding. */
		signature->name = "RSA-PSS";
		signature->bits = EVP_PKEY_get_bits(key);
		break;
	case EVP_PKEY_EC:
		signature->name = "ECDSA";
		signature->curve = curve_of(key);
		break;
	case EVP_PKEY_ED25519:
	case EVP_PKEY_ED448:
		signature->name = OBJ_nid2sn(EVP_PKEY_get_base_id(key));
		break;
	default:
		break;
	}
	if (digest_nid != NID_undef)
		signature->digest = OBJ_nid2sn(digest_nid);
}

static void
collect_details(struct summary *summary, SSL *ssl, const X509 *peer)
{
	int local_digest = NID_undef;
	int peer_digest = NID_undef;
	const X509 *local = SSL_get_certificate(ssl);

	if (SSL_version(ssl) < TLS1_3_VERSION)
		return;
	collect_key_exchange(summary, ssl);
	if (!SSL_get_signature_nid(ssl, &local_digest))
		local_digest = NID_undef;
	if (!SSL_get_peer_signature_nid(ssl, &peer_digest))
		peer_digest = NID_undef;
	collect_signature(summary->we_are_server ? &summary->srvr_signature : &summary->clnt_signature, local,
	    local_digest);
	collect_signature(
	    summary->we_are_server ? &summary->clnt_signature : &summary->srvr_signature, peer, peer_digest);
}

static void
log_names(const X509 *peer)
{
	struct buf line = BUF_INIT;

	peername_one_line(&line, X509_get_subject_name(peer));
	log_info("subject=%s", buf_str(&line));
	buf_clear(&line);
	peername_one_line(&line, X509_get_issuer_name(peer));
	log_info("issuer=%s", buf_str(&line));
	buf_release(&line);
}

static void
collect_client_cert(struct summary *summary, X509 *peer, SSL *ssl, const struct context *context,
    const struct verify *verify, unsigned int log_mask)
{
	const EVP_MD *digest = context_digest(context);

	summary->peer_status |= SUMMARY_PRESENT;
	if (SSL_get_verify_result(ssl) == X509_V_OK)
		summary->peer_status |= SUMMARY_TRUSTED;
	if (log_mask & LOGLEVEL_VERBOSE)
		log_names(peer);
	summary->peer_CN = peername_subject_cn(peer, summary->namaddr);
	summary->issuer_CN = peername_issuer_cn(peer, summary->namaddr);
	summary->peer_fingerprint = fingerprint_cert(peer, digest);
	summary->peer_pubkey_fingerprint =
	    fingerprint_pkey(peer, digest, context_legacy_fingerprints(context));
	if (log_mask & (LOGLEVEL_VERBOSE | LOGLEVEL_PEERCERT))
		log_info("%s: subject_CN=%s, issuer=%s, fingerprint=%s, pkey_fingerprint=%s",
		    summary->namaddr, summary->peer_CN, summary->issuer_CN, summary->peer_fingerprint,
		    summary->peer_pubkey_fingerprint);
	if ((log_mask & LOGLEVEL_UNTRUSTED) && !(summary->peer_status & SUMMARY_TRUSTED)) {
		if (summary->session_reused)
			log_info(
			    "%s: re-using session with untrusted certificate, look for details earlier in the"
			    " log",
			    summary->namaddr);
		else
			verify_log(verify, true);
	}
}

void
summary_from_server(struct summary *summary, struct ssl_st *ssl, const struct context *context,
    const struct verify *verify, const struct summary_input *input)
{
	static const struct summary_signature none = { .name = "", .curve = "", .digest = "" };
	X509 *peer = SSL_get0_peer_certificate(ssl);
	const SSL_CIPHER *cipher = SSL_get_current_cipher(ssl);

	*summary = (struct summary){
		.we_are_server = true,
		.session_reused = SSL_session_reused(ssl),
		.namaddr = text_lower(alloc_string(input->namaddr)),
		.peer_sni = input->sni ? alloc_string(input->sni) : NULL,
		.protocol = SSL_get_version(ssl),
		.cipher_name = SSL_CIPHER_get_name(cipher),
		.key_exchange = "",
		.key_exchange_curve = "",
		.clnt_signature = none,
		.srvr_signature = none,
	};
	summary->cipher_usebits = SSL_CIPHER_get_bits(cipher, &summary->cipher_algbits);
	if (summary->session_reused && (input->log_mask & LOGLEVEL_CACHE))
		log_info("%s: Reusing old session%s", summary->namaddr,
		    input->ticket_used ? " (RFC 5077 session ticket)" : "");
	if (peer) {
		collect_client_cert(summary, peer, ssl, context, verify, input->log_mask);
	} else {
		summary->peer_CN = alloc_string("");
		summary->issuer_CN = alloc_string("");
		summary->peer_fingerprint = alloc_string("");
		summary->peer_pubkey_fingerprint = alloc_string("");
	}
	collect_details(summary, ssl, peer);
	ERR_clear_error();
}

static void
put_size(struct buf *line, const char *curve, int bits)
{
	if (*curve)
		buf_printf(line, " (%s)", curve);
	else if (bits > 0)
		buf_printf(line, " (%d bits)", bits);
}

static void
put_signature(struct buf *line, const char *who, const struct summary_signature *signature)
{
	if (!*signature->name)
		return;
	buf_printf(line, " %s-signature %s", who, signature->name);
	put_size(line, signature->curve, signature->bits);
	if (*signature->digest)
		buf_printf(line, " %s-digest %s", who, signature->digest);
}

void
summary_log(const struct summary *summary)
{
	const char *status = !(summary->peer_status & SUMMARY_PRESENT) ? "Anonymous"
			     : summary->peer_status & SUMMARY_SECURED  ? "Verified"
			     : summary->peer_status & SUMMARY_TRUSTED  ? "Trusted"
								       : "Untrusted";
	bool sni = summary->we_are_server && summary->peer_sni && *summary->peer_sni;
	struct buf details = BUF_INIT;

	if (*summary->key_exchange) {
		buf_printf(&details, " key-exchange %s", summary->key_exchange);
		put_size(&details, summary->key_exchange_curve, summary->key_exchange_bits);
	}
	put_signature(&details, "server", &summary->srvr_signature);
	put_signature(&details, "client", &summary->clnt_signature);
	log_info("%s TLS connection established %s %s%s%s: %s with cipher %s (%d/%d bits)%s", status,
	    summary->we_are_server ? "from" : "to", summary->namaddr, sni ? " to " : "",
	    sni ? summary->peer_sni : "", summary->protocol, summary->cipher_name, summary->cipher_usebits,
	    summary->cipher_algbits, buf_str(&details));
	buf_release(&details);
}

void
summary_release(struct summary *summary)
{
	free(summary->peer_CN);
	free(summary->issuer_CN);
	free(summary->peer_sni);
	free(summary->peer_fingerprint);
	free(summary->peer_pubkey_fingerprint);
	free(summary->namaddr);
	memset(summary, 0, sizeof *summary);
}
