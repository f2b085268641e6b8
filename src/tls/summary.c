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

#include "tls/client_session.h"
#include "tls/conn.h"
#include "tls/context.h"
#include "tls/dane.h"
#include "tls/fingerprint.h"
#include "tls/level.h"
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

/* As from Postfix 3.10 on: the library's name for the group, whatever kind it is of. */
static void
collect_group(struct summary *summary, SSL *ssl)
{
	const char *name = SSL_group_to_name(ssl, (int)SSL_get_negotiated_group(ssl));

	summary->key_exchange = name ? name : "";
}

static void
collect_key_exchange(struct summary *summary, SSL *ssl)
{
	EVP_PKEY *key = NULL;

	if (SSL_version(ssl) < TLS1_3_VERSION)
		return;
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
		/* TLS 1.3 knows no other padding. */
		signature->name = "RSA-PSS";
		signature->bits = EVP_PKEY_get_bits(key);
		break;
	case EVP_PKEY_EC:
		signature->name = "ECDSA";
		signature->curve = curve_of(key);
		break;
	case EVP_PKEY_RSA_PSS:
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
	/* A client has certificates in store even when it was not asked for one. */
	if (!SSL_get_signature_nid(ssl, &local_digest) && !summary->we_are_server)
		local = NULL;
	if (!SSL_get_peer_signature_nid(ssl, &peer_digest))
		peer_digest = NID_undef;
	collect_signature(summary->we_are_server ? &summary->srvr_signature : &summary->clnt_signature, local,
	    local_digest);
	collect_signature(
	    summary->we_are_server ? &summary->clnt_signature : &summary->srvr_signature, peer, peer_digest);
}

/* What is known without a look at certificates. */
static void
start(struct summary *summary, SSL *ssl, const char *namaddr, bool we_are_server)
{
	static const struct summary_signature none = { .name = "", .curve = "", .digest = "" };
	const SSL_CIPHER *cipher = SSL_get_current_cipher(ssl);

	*summary = (struct summary){
		.we_are_server = we_are_server,
		.session_reused = SSL_session_reused(ssl),
		.namaddr = text_lower(alloc_string(namaddr)),
		.protocol = SSL_get_version(ssl),
		.cipher_name = SSL_CIPHER_get_name(cipher),
		.key_exchange = "",
		.key_exchange_curve = "",
		.clnt_signature = none,
		.srvr_signature = none,
	};
	summary->cipher_usebits = SSL_CIPHER_get_bits(cipher, &summary->cipher_algbits);
}

/* NULL: the peer has no certificate. */
static void
collect_peer(struct summary *summary, const X509 *peer, const EVP_MD *digest, bool legacy)
{
	summary->peer_CN = peer ? peername_subject_cn(peer, summary->namaddr) : alloc_string("");
	summary->issuer_CN = peer ? peername_issuer_cn(peer, summary->namaddr) : alloc_string("");
	summary->peer_fingerprint = peer ? fingerprint_cert(peer, digest) : alloc_string("");
	summary->peer_pubkey_fingerprint = peer ? fingerprint_pkey(peer, digest, legacy) : alloc_string("");
	if (peer)
		summary->peer_status |= SUMMARY_PRESENT;
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

void
summary_from_server(struct summary *summary, struct ssl_st *ssl, const struct context *context,
    const struct verify *verify, const struct summary_input *input)
{
	const X509 *peer = SSL_get0_peer_certificate(ssl);
	unsigned int log_mask = input->log_mask;

	start(summary, ssl, input->namaddr, true);
	summary->peer_sni = input->sni ? alloc_string(input->sni) : NULL;
	if (summary->session_reused && (log_mask & LOGLEVEL_CACHE))
		log_info("%s: Reusing old session%s", summary->namaddr,
		    input->ticket_used ? " (RFC 5077 session ticket)" : "");
	if (peer && SSL_get_verify_result(ssl) == X509_V_OK)
		summary->peer_status |= SUMMARY_TRUSTED;
	if (peer && (log_mask & LOGLEVEL_VERBOSE))
		log_names(peer);
	collect_peer(summary, peer, context_digest(context), context_legacy_fingerprints(context));
	if (peer && (log_mask & (LOGLEVEL_VERBOSE | LOGLEVEL_PEERCERT)))
		log_info("%s: subject_CN=%s, issuer=%s, fingerprint=%s, pkey_fingerprint=%s",
		    summary->namaddr, summary->peer_CN, summary->issuer_CN, summary->peer_fingerprint,
		    summary->peer_pubkey_fingerprint);
	if (peer && (log_mask & LOGLEVEL_UNTRUSTED) && !(summary->peer_status & SUMMARY_TRUSTED)) {
		if (summary->session_reused)
			log_info(
			    "%s: re-using session with untrusted certificate, look for details earlier in the"
			    " log",
			    summary->namaddr);
		else
			verify_log(verify, true);
	}
	collect_key_exchange(summary, ssl);
	collect_details(summary, ssl, peer);
	ERR_clear_error();
}

/* --- the client role --- */

static void
judge_peer(struct summary *summary, SSL *ssl, const struct client_session *client)
{
	long result = SSL_get_verify_result(ssl);
	bool must_match = level_must_match(client->level);

	if (client->must_fail)
		return;
	if (result == X509_V_OK) {
		summary->peer_status |= SUMMARY_TRUSTED;
		if (must_match)
			summary->peer_status |= SUMMARY_MATCHED;
		if (must_match && client->level != LEVEL_HALFDANE)
			summary->peer_status |= SUMMARY_SECURED;
	} else if (result == X509_V_ERR_HOSTNAME_MISMATCH && must_match &&
		   client->release >= CONN_RELEASE_3_10) {
		summary->peer_status |= SUMMARY_TRUSTED;
	}
}

static void
put_part(struct buf *line, const char *label, const char *value)
{
	if (*value)
		buf_printf(line, "%s%s=%s", line->len > 0 ? ", " : "", label, value);
}

static void
log_server_cert(const struct summary *summary, const char *namaddr, int release)
{
	struct buf line = BUF_INIT;

	if (release < CONN_RELEASE_3_9) {
		log_info("%s: subject_CN=%s, issuer_CN=%s, fingerprint=%s, pkey_fingerprint=%s", namaddr,
		    summary->peer_CN, summary->issuer_CN, summary->peer_fingerprint,
		    summary->peer_pubkey_fingerprint);
		return;
	}
	put_part(&line, "subject_CN", summary->peer_CN);
	put_part(&line, "issuer", summary->issuer_CN);
	put_part(&line, "cert fingerprint", summary->peer_fingerprint);
	put_part(&line, "pkey fingerprint", summary->peer_pubkey_fingerprint);
	log_info("%s: %s", namaddr, buf_str(&line));
	buf_release(&line);
}

static void
log_match(const struct summary *summary, SSL *ssl, const struct client_session *client)
{
	const char *name = SSL_get0_peername(ssl);

	if (name)
		log_info("%s: matched peername: %s", summary->namaddr, name);
	if (client->dane)
		dane_log_match(ssl, summary->namaddr, client->level);
}

static void
explain_distrust(
    const struct summary *summary, const struct verify *verify, const struct client_session *client)
{
	if (summary->session_reused)
		log_info("%s: re-using session with untrusted %s, look for details earlier in the log",
		    summary->namaddr,
		    client->release >= CONN_RELEASE_3_11 ? "peer credential" : "certificate");
	else
		verify_log(verify, false);
}

static void
collect_server_cert(struct summary *summary, SSL *ssl, const struct context *context,
    const struct verify *verify, const struct summary_input *input, const struct client_session *client)
{
	const X509 *peer = SSL_get0_peer_certificate(ssl);
	const unsigned int details = LOGLEVEL_CERTMATCH | LOGLEVEL_VERBOSE | LOGLEVEL_PEERCERT;
	const char *matched = SSL_get0_peername(ssl);

	collect_peer(summary, peer, client->digest ? client->digest : context_digest(context),
	    context_legacy_fingerprints(context));
	if (!peer)
		return;
	judge_peer(summary, ssl, client);
	if (!*summary->peer_CN && matched) {
		free(summary->peer_CN);
		summary->peer_CN = text_printable(alloc_string(matched));
	}
	if ((input->log_mask & LOGLEVEL_UNTRUSTED) && !(summary->peer_status & SUMMARY_MATCHED))
		explain_distrust(summary, verify, client);
	if ((input->log_mask & details) && (summary->peer_status & SUMMARY_MATCHED))
		log_match(summary, ssl, client);
	if (input->log_mask & details)
		log_server_cert(summary, input->namaddr, client->release);
}

void
summary_from_client(struct summary *summary, struct ssl_st *ssl, const struct context *context,
    const struct verify *verify, const struct summary_input *input, const struct client_session *client)
{
	bool newer = client->release >= CONN_RELEASE_3_10;
	const X509 *peer = SSL_get0_peer_certificate(ssl);

	start(summary, ssl, input->namaddr, false);
	summary->level = client->level;
	summary->peer_sni = client->sni ? alloc_string(client->sni) : NULL;
	if (summary->session_reused && (input->log_mask & LOGLEVEL_CACHE))
		log_info("%s: Reusing old session", summary->namaddr);
	collect_server_cert(summary, ssl, context, verify, input, client);
	if (newer && SSL_version(ssl) >= TLS1_3_VERSION)
		collect_group(summary, ssl);
	else
		collect_key_exchange(summary, ssl);
	collect_details(summary, ssl, newer && summary->session_reused ? NULL : peer);
	ERR_clear_error();
}

/* --- the line --- */

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
