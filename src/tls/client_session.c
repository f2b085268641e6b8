/* SPDX-License-Identifier: ISC */
#include "tls/client_session.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include "tls/cipher.h"
#include "tls/conn.h"
#include "tls/context.h"
#include "tls/dane.h"
#include "tls/fingerprint.h"
#include "tls/idna.h"
#include "tls/level.h"
#include "tls/library.h"
#include "tls/loglevel.h"
#include "tls/match.h"
#include "tls/protocol.h"
#include "tls/session_id.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/log.h"
#include "util/text.h"

enum { SNI_LIMIT = 255 };

/* What the steps pass on. */
struct preparation {
	struct client_session *client;
	struct context *context;
	const struct conn_client_settings *in;
	const char *namaddr; /* in the caller's spelling */
	struct protocol_set protocols;
	struct buf cipher_list;
	SSL *ssl;
};

static const char *
text(const char *setting)
{
	return setting ? setting : "";
}

/* --- what the request must bring along --- */

static bool
has_names(const struct conn_client_settings *in)
{
	return in->match_count > 0;
}

/* Postfix never sends a level without what it needs, and its own tlsproxy crashes when somebody does. */
static bool
is_complete(const struct preparation *p)
{
	const struct conn_client_settings *in = p->in;

	if (!level_name(in->level)) {
		log_warn("%s: bad TLS security level: %d", p->client->namaddr, in->level);
		return false;
	}
	if (level_is_dane(in->level) && !in->dane) {
		log_warn("%s: level \"%s\" without TLSA records: aborting TLS session", p->client->namaddr,
		    level_name(in->level));
		return false;
	}
	if ((level_is_dane(in->level) || level_needs_pkix(in->level)) && !has_names(in)) {
		log_warn("%s: level \"%s\" without names to match: aborting TLS session", p->client->namaddr,
		    level_name(in->level));
		return false;
	}
	return true;
}

static bool
choose_digest(struct preparation *p)
{
	const char *name = text(p->in->mdalg);

	if (!*name)
		return true;
	p->client->digest = fingerprint_digest(name);
	if (!p->client->digest)
		log_warn("Digest algorithm \"%s\" not found", name);
	return p->client->digest != NULL;
}

/* --- protocols and ciphers --- */

static bool
parse_protocols(struct preparation *p)
{
	if (protocol_parse(&p->protocols, text(p->in->protocols)) < 0) {
		log_warn("%s: Invalid TLS protocol list \"%s\": aborting TLS session", p->namaddr,
		    text(p->in->protocols));
		return false;
	}
	if (level_is_dane(p->in->level))
		p->protocols.excluded |= PROTOCOL_SSLV2 | PROTOCOL_SSLV3;
	return true;
}

static bool
apply_ciphers(struct preparation *p)
{
	struct err err = { 0 };

	if (cipher_list(&p->cipher_list, context_cipher_grades(p->context), text(p->in->cipher_grade),
		text(p->in->cipher_exclusions), &err) < 0) {
		log_warn("%s: %s", p->client->namaddr, err.text);
		return false;
	}
	ERR_clear_error();
	if (!SSL_set_cipher_list(p->ssl, buf_str(&p->cipher_list))) {
		log_warn(
		    "%s: error setting cipher grade: \"%s\"", p->client->namaddr, text(p->in->cipher_grade));
		library_log_errors();
		return false;
	}
	if (p->client->log_mask & LOGLEVEL_VERBOSE)
		log_info("%s: TLS cipher list \"%s\"", p->namaddr, buf_str(&p->cipher_list));
	return true;
}

/* --- who the peer has to be --- */

static void
must_fail(struct preparation *p, const char *why)
{
	log_warn("%s: %s", p->client->namaddr, why);
	p->client->must_fail = true;
}

static void
configure_names(struct preparation *p)
{
	const struct match_patterns patterns = {
		.pattern = p->in->match,
		.count = p->in->match_count,
		.nexthop = text(p->in->nexthop),
		.host = text(p->in->host),
	};

	if (match_configure(p->ssl, &patterns, p->client->namaddr) == 0)
		must_fail(p, "could not configure peer name checks");
}

/*
 * Levels verify and secure take their trust from records when there are some: from trust anchor files. An
 * empty set is what a caller has left that found no TLSA records and went on to such a level.
 */
static bool
wants_dane(const struct preparation *p)
{
	int level = p->in->level;

	if (level_needs_pkix(level))
		return p->in->dane && dane_set_count(p->in->dane) > 0;
	return level_must_match(level);
}

static bool
enable_dane(struct preparation *p)
{
	int level = p->in->level;

	/* Without a name: reference names and SNI are set by those who know them. */
	if (SSL_dane_enable(p->ssl, NULL) <= 0) {
		log_warn("%s: %s", level == LEVEL_FINGERPRINT ? p->namaddr : p->client->namaddr,
		    level_is_dane(level)         ? "error enabling DANE-based certificate validation"
		    : level == LEVEL_FINGERPRINT ? "error enabling fingerprint certificate validation"
						 : "error configuring local trust anchors");
		library_log_errors();
		return false;
	}
	/* RFC 7672 section 3.1.1: a DANE-EE record says all there is to say about names. */
	if (!level_needs_pkix(level))
		SSL_dane_set_flags(p->ssl, DANE_FLAG_NO_DANE_EE_NAMECHECKS);
	p->client->dane = true;
	return true;
}

static void
give_up_records(struct preparation *p)
{
	switch (p->in->level) {
	case LEVEL_HALFDANE:
	case LEVEL_DANE:
		log_warn(
		    "%s: all TLSA records unusable, fallback to unauthenticated TLS", p->client->namaddr);
		p->client->level = LEVEL_ENCRYPT;
		p->client->dane = false;
		break;
	case LEVEL_DANE_ONLY:
		must_fail(p, "all TLSA records unusable");
		break;
	case LEVEL_FINGERPRINT:
		must_fail(p, "all fingerprints unusable");
		break;
	default:
		must_fail(p, "all trust anchors unusable");
		break;
	}
}

static void
load_records(struct preparation *p)
{
	switch (p->in->dane ? dane_load(p->in->dane, p->ssl, p->client->namaddr) : DANE_UNUSABLE) {
	case DANE_LOADED:
		break;
	case DANE_UNUSABLE:
		give_up_records(p);
		break;
	case DANE_FAILED:
		p->client->must_fail = true;
		break;
	}
}

/* --- SNI --- */

static const char *
wanted_sni(const struct preparation *p)
{
	const char *sni = text(p->in->sni);

	if (level_is_dane(p->in->level))
		return dane_set_domain(p->in->dane);
	if (strcmp(sni, "hostname") == 0)
		return text(p->in->host);
	if (strcmp(sni, "nexthop") == 0)
		return text(p->in->nexthop);
	return sni;
}

static bool
configure_sni(struct preparation *p)
{
	const char *wanted = wanted_sni(p);
	char *name;

	if (!*wanted)
		return true;
	name = idna_to_ascii(wanted);
	if (strlen(name) > SNI_LIMIT) {
		log_warn("%s: ignoring too long SNI hostname: %.100s", p->namaddr, name);
		free(name);
		return false;
	}
	ERR_clear_error();
	if (!SSL_set_tlsext_host_name(p->ssl, name)) {
		log_warn("%s: error setting SNI hostname to: %s", p->namaddr, name);
		ERR_clear_error();
		free(name);
		return false;
	}
	p->client->sni = name;
	if (p->client->log_mask & LOGLEVEL_SSL_DEBUG)
		log_info("%s: SNI hostname: %s", p->namaddr, name);
	return true;
}

/* --- together --- */

static char *
make_session_id(const struct preparation *p)
{
	const struct client_session *client = p->client;
	bool must_match = level_must_match(client->level);
	const struct session_id_input input = {
		.serverid = text(p->in->serverid),
		.helo = text(p->in->helo),
		.library_version = (long)OpenSSL_version_num(),
		.protocols = text(p->in->protocols),
		.cipher_list = buf_str(&p->cipher_list),
		.enable_rpk = p->in->enable_rpk,
		.must_fail = client->must_fail,
		.dane = must_match ? p->in->dane : NULL,
		.sni = must_match ? text(client->sni) : "",
	};

	return session_id_client(&input);
}

static bool
authenticate(struct preparation *p)
{
	bool dane = wants_dane(p);

	if (dane && !enable_dane(p))
		return false;
	if (level_is_dane(p->in->level) || level_needs_pkix(p->in->level))
		configure_names(p);
	if (!configure_sni(p))
		return false;
	if (dane)
		load_records(p);
	if (*text(p->in->forced_failure_type)) {
		p->client->must_fail = true;
		p->client->forced_failure = text_printable(alloc_string(p->in->forced_failure_type));
	}
	return true;
}

static bool
prepare(struct preparation *p)
{
	if (p->client->log_mask & LOGLEVEL_VERBOSE)
		log_info("setting up TLS connection to %s", p->namaddr);
	if (!is_complete(p) || !choose_digest(p) || !parse_protocols(p))
		return false;
	ERR_clear_error();
	p->ssl = SSL_new(context_ssl_ctx(p->context));
	if (!p->ssl) {
		log_warn("Could not allocate 'TLScontext->con' with SSL_new()");
		library_log_errors();
		return false;
	}
	if (!apply_ciphers(p))
		return false;
	protocol_apply_session(&p->protocols, p->ssl, p->client->namaddr);
	if (!authenticate(p))
		return false;
	p->client->session_id = make_session_id(p);
	if (level_must_match(p->client->level))
		SSL_set_security_level(p->ssl, 1);
	if (p->client->release >= CONN_RELEASE_3_8)
		SSL_set_options(p->ssl, SSL_OP_NO_RENEGOTIATION);
	SSL_set_connect_state(p->ssl);
	library_stir();
	return true;
}

static unsigned int
mask_of(const struct context *context, const struct conn_client_settings *in)
{
	unsigned int mask =
	    in->log_level ? loglevel_parse(text(in->log_param), in->log_level) : context_log_mask(context);

	return level_must_match(in->level) ? mask | LOGLEVEL_UNTRUSTED : mask;
}

struct ssl_st *
client_session_prepare(
    struct client_session *client, struct context *context, const struct conn_client_settings *settings)
{
	struct preparation p = {
		.client = client,
		.context = context,
		.in = settings,
		.namaddr = text(settings->namaddr),
	};

	*client = (struct client_session){
		.release = settings->release,
		.level = settings->level,
		.log_mask = mask_of(context, settings),
		.namaddr = text_lower(alloc_string(p.namaddr)),
	};
	if (!prepare(&p)) {
		SSL_free(p.ssl);
		p.ssl = NULL;
	}
	buf_release(&p.cipher_list);
	return p.ssl;
}

void
client_session_release(struct client_session *client)
{
	fingerprint_digest_free(client->digest);
	free(client->forced_failure);
	free(client->session_id);
	free(client->sni);
	free(client->namaddr);
	*client = (struct client_session){ 0 };
}
