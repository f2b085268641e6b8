/* SPDX-License-Identifier: ISC */
#include "tls/context.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>

#include "tls/authority.h"
#include "tls/context_impl.h"
#include "tls/dh.h"
#include "tls/fingerprint.h"
#include "tls/group.h"
#include "tls/library.h"
#include "tls/loglevel.h"
#include "tls/option.h"
#include "tls/probe.h"
#include "tls/protocol.h"
#include "tls/sni.h"
#include "tls/trace.h"
#include "tls/verify.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/log.h"
#include "util/text.h"

/* Sessions of other programs on the same host must not be offered to us; the zero byte counts. */
static const unsigned char session_id_context[] = "Postfix/TLS";

static const char *
text(const char *setting)
{
	return setting ? setting : "";
}

static bool
both_log_errors(bool ok)
{
	if (!ok)
		library_log_errors();
	return ok;
}

bool
context_begin(struct context *context, const char *role, const char *log_param, const char *log_level,
    const char *config_file, const char *config_name)
{
	context->log_mask = loglevel_parse(text(log_param), text(log_level));
	if (context->log_mask & LOGLEVEL_VERBOSE)
		log_info("initializing the %s-side TLS engine", role);
	library_check_version();
	if (library_init(config_file, config_name) < 0)
		return false;
	library_stir();
	return true;
}

bool
context_choose_digest(struct context *context, const char *name)
{
	context->digest = fingerprint_digest(text(name));
	if (context->digest)
		return true;
	log_warn("Digest algorithm \"%s\" not found", text(name));
	log_warn("disabling TLS support");
	return false;
}

static bool
prepare(
    struct context *context, const struct context_server_settings *settings, struct protocol_set *protocols)
{
	if (!context_begin(context, "server", settings->log_param, settings->log_level, settings->config_file,
		settings->config_name))
		return false;
	if (protocol_parse(protocols, text(settings->protocols)) < 0) {
		log_warn("Invalid TLS protocol list \"%s\": disabling TLS support", settings->protocols);
		return false;
	}
	context->cache_policy = settings->cache_policy;
	return context_choose_digest(context, settings->fingerprint_digest);
}

static bool
ticket_cipher_fits(const char *name)
{
	bool fits = probe_ticket_cipher(name);

	if (!fits)
		log_warn("tls_session_ticket_cipher: invalid value: %s; session tickets disabled", name);
	return fits;
}

/* Returns the option bits both SSL_CTXs get. */
static uint64_t
decide_options(struct context *context, const struct context_server_settings *settings)
{
	uint64_t options = option_bits(settings->disable_workarounds, settings->ssl_options);
	const char *cipher = text(settings->session_ticket_cipher);

	context->tickets = context->cache_policy.timeout_s > 0 && !(options & SSL_OP_NO_TICKET) && *cipher &&
			   ticket_cipher_fits(cipher);
	if (!context->tickets)
		options |= SSL_OP_NO_TICKET;
	if (settings->preempt_cipherlist)
		options |= SSL_OP_CIPHER_SERVER_PREFERENCE;
	return options;
}

/* A FIFO may never come to an end, nor be opened, and a device may have none. */
static bool
may_not_end(const char *file)
{
	struct stat st;

	return stat(file, &st) == 0 && !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode);
}

/* Names are the library's to open, unless somebody else reads files, because it may not be able to, or it
 * could wait for ever: a name may come from a caller. */
static bool
load_named_authorities(SSL_CTX *ctx, const char *file, const char *path, const struct context_files *files)
{
	chain_read_fn read = files->read ? files->read : chain_read_file;

	if (!files->read && !may_not_end(file))
		return SSL_CTX_load_verify_locations(ctx, *file ? file : NULL, *path ? path : NULL);
	return (!*file || authority_load_file(ctx, file, read, files->read_arg) == 0) &&
	       (!*path || authority_use_path(ctx, path) == 0);
}

static bool
load_default_authorities(SSL_CTX *ctx, const struct context_files *files)
{
	if (!files->read)
		return SSL_CTX_set_default_verify_paths(ctx);
	return authority_load_default(ctx, files->read, files->read_arg) == 0;
}

bool
context_load_authorities(SSL_CTX *ctx, const struct context_files *files)
{
	const char *file = text(files->CAfile);
	const char *path = text(files->CApath);

	if (!*file && !*path)
		return true;
	if (!load_named_authorities(ctx, file, path, files)) {
		log_info("cannot load Certification Authority data, %s%s%s%s%s%s%s: disabling TLS support",
		    *file ? "CAfile=\"" : "", file, *file ? "\"" : "", *file && *path ? ", " : "",
		    *path ? "CApath=\"" : "", path, *path ? "\"" : "");
		library_log_errors();
		return false;
	}
	if (files->append_default_CA && !load_default_authorities(ctx, files)) {
		log_info("cannot set default OpenSSL certificate verification paths: disabling TLS support");
		library_log_errors();
		return false;
	}
	return true;
}

bool
context_load_chains(SSL_CTX *ctx, const struct context_files *files)
{
	chain_read_fn read = files->read ? files->read : chain_read_file;
	const struct {
		enum chain_kind kind;
		const char *cert_file;
		const char *key_file;
	} pairs[] = {
		{ CHAIN_RSA, text(files->cert_file), text(files->key_file) },
		{ CHAIN_DSA, text(files->dcert_file), text(files->dkey_file) },
		{ CHAIN_ECDSA, text(files->eccert_file), text(files->eckey_file) },
	};

	if (*text(files->chain_files))
		return chain_load_files(ctx, files->chain_files, read, files->read_arg) == 0;
	for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
		const char *key_file = *pairs[i].key_file ? pairs[i].key_file : pairs[i].cert_file;

		if (*pairs[i].cert_file && chain_load_pair(ctx, pairs[i].kind, pairs[i].cert_file, key_file,
					       read, files->read_arg) < 0)
			return false;
	}
	return true;
}

static void
send_authority_names(SSL_CTX *ctx, SSL_CTX *sni_ctx, const struct context_files *files)
{
	const char *file = files->CAfile;
	STACK_OF(X509_NAME) *names =
	    files->read ? authority_names(file, files->read, files->read_arg) : SSL_load_client_CA_file(file);
	STACK_OF(X509_NAME) *copy = names && sni_ctx ? SSL_dup_CA_list(names) : NULL;

	if (!names || (sni_ctx && !copy)) {
		log_warn("error loading client CA names from: %s", file);
		library_log_errors();
		sk_X509_NAME_pop_free(names, X509_NAME_free);
		return;
	}
	SSL_CTX_set_client_CA_list(ctx, names); /* takes */
	if (sni_ctx)
		SSL_CTX_set_client_CA_list(sni_ctx, copy);
}

/* A session that is resumed keeps the verdict on its certificate: one of other authorities, as another
 * service may have them, does not count here. What no certificate is asked for is good everywhere. */
static bool
set_session_scope(SSL_CTX *ctx, const struct context_server_settings *settings)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned int len;
	struct buf bytes = BUF_INIT;

	if (!settings->ask_ccert)
		return SSL_CTX_set_session_id_context(ctx, session_id_context, sizeof session_id_context);
	buf_add(&bytes, session_id_context, sizeof session_id_context);
	buf_add(&bytes, text(settings->CAfile), strlen(text(settings->CAfile)) + 1);
	buf_add(&bytes, text(settings->CApath), strlen(text(settings->CApath)) + 1);
	buf_printf(&bytes, "%d %d", settings->append_default_CA, settings->verifydepth);
	bool good = EVP_Digest(bytes.bytes, bytes.len, digest, &len, EVP_sha256(), NULL) == 1 &&
		    SSL_CTX_set_session_id_context(ctx, digest, len) == 1;
	buf_release(&bytes);
	return good;
}

static void
configure_cache(SSL_CTX *ctx, const struct context *context, const struct context_server_settings *settings)
{
	if (!context->cache_policy.cachable && !context->tickets && !settings->always_issue_session_ids) {
		SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
		return;
	}
	SSL_CTX_set_session_cache_mode(
	    ctx, SSL_SESS_CACHE_SERVER | SSL_SESS_CACHE_NO_INTERNAL | SSL_SESS_CACHE_NO_AUTO_CLEAR);
	SSL_CTX_sess_set_cache_size(ctx, 1);
	/* Without a scope OpenSSL refuses to resume where certificates are asked for. */
	if (!set_session_scope(ctx, settings))
		library_log_errors();
	if (context->cache_policy.timeout_s > 0)
		SSL_CTX_set_timeout(ctx, 2L * context->cache_policy.timeout_s);
	if (context->tickets)
		SSL_CTX_set_num_tickets(ctx, 1);
}

void
context_configure_basics(SSL_CTX *ctx, int verifydepth, uint64_t options)
{
	SSL_CTX_set_security_level(ctx, 0);
	SSL_CTX_set_verify_depth(ctx, verifydepth + 1);
	SSL_CTX_set_options(ctx, options);
	/* Hundreds of idle sessions must not each hold two record buffers; what is left of a write is kept,
	 * and lies elsewhere when it is tried again. */
	SSL_CTX_set_mode(ctx,
	    SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
}

static bool
apply_ciphers(struct context *context)
{
	const char *list = buf_str(&context->cipher_list);

	return SSL_CTX_set_cipher_list(context->ctx, list) &&
	       (!context->sni_ctx || SSL_CTX_set_cipher_list(context->sni_ctx, list));
}

/* A bad list is reported session by session, so here it is only remembered. */
static void
configure_ciphers(struct context *context, const struct context_server_settings *settings)
{
	if (cipher_list(&context->cipher_list, &settings->cipher_grades, text(settings->ciphers),
		text(settings->exclude_ciphers), &context->cipher_err) < 0) {
		buf_clear(&context->cipher_list);
		return;
	}
	context->cipher_list_accepted = apply_ciphers(context);
	if (!context->cipher_list_accepted)
		err_set(&context->cipher_err, "error setting cipher grade: \"%s\"", text(settings->ciphers));
	ERR_clear_error();
}

/* DSA needs TLS 1.2 or less, and a cipher that the grade, or the library, may not have any more. */
static void
warn_of_dsa(SSL_CTX *ctx, const struct context_files *files)
{
	const char *file = *text(files->chain_files) ? "" : text(files->dcert_file);
	const STACK_OF(SSL_CIPHER) *ciphers = SSL_CTX_get_ciphers(ctx);

	if (!*file)
		return;
	for (int i = 0; SSL_CTX_get_min_proto_version(ctx) < TLS1_3_VERSION && i < sk_SSL_CIPHER_num(ciphers);
	     i++)
		if (SSL_CIPHER_get_auth_nid(sk_SSL_CIPHER_value(ciphers, i)) == NID_auth_dss)
			return;
	log_warn("DSA certificate file \"%s\" is of no use: no cipher for it is left", file);
}

static bool
build(struct context *context, const struct context_server_settings *settings,
    const struct protocol_set *protocols)
{
	const struct context_files files = CONTEXT_FILES(settings);
	chain_read_fn read = files.read ? files.read : chain_read_file;
	int count = settings->server_sni_maps ? 2 : 1;

	ERR_clear_error();
	context->ctx = SSL_CTX_new(TLS_server_method());
	if (!context->ctx)
		log_warn("cannot allocate server SSL_CTX: disabling TLS support");
	else if (count == 2 && !(context->sni_ctx = SSL_CTX_new(TLS_server_method())))
		log_warn("cannot allocate server SNI SSL_CTX: disabling TLS support");

	SSL_CTX *both[] = { context->ctx, context->sni_ctx };
	if (!both_log_errors(both[count - 1] != NULL))
		return false;

	uint64_t options = decide_options(context, settings);

	for (int i = 0; i < count; i++) {
		context_configure_basics(both[i], settings->verifydepth, options);
		protocol_apply(protocols, both[i]);
		if (context->log_mask & LOGLEVEL_SSL_DEBUG)
			trace_install(both[i]);
	}
	if (!context_load_authorities(context->ctx, &files) || !context_load_chains(context->ctx, &files))
		return false;
	if (context->sni_ctx)
		SSL_CTX_set1_cert_store(context->sni_ctx, SSL_CTX_get_cert_store(context->ctx));

	EVP_PKEY *dh = dh_load(settings->dh1024_param_file, read, settings->read_arg);

	for (int i = 0; i < count; i++) {
		dh_apply(both[i], dh);
		group_configure(both[i], text(settings->eecdh_auto_curves), settings->ffdhe_auto_groups);
		verify_install(both[i], settings->ask_ccert);
	}
	EVP_PKEY_free(dh);
	/* Postfix has two contexts in any case, and warns for each. */
	if (count == 1)
		group_configure(context->ctx, text(settings->eecdh_auto_curves), settings->ffdhe_auto_groups);
	if (settings->ask_ccert && *text(settings->CAfile))
		send_authority_names(context->ctx, context->sni_ctx, &files);
	for (int i = 0; i < count; i++)
		configure_cache(both[i], context, settings);
	configure_ciphers(context, settings);
	warn_of_dsa(context->ctx, &files);
	context->sni = sni_new(settings->server_sni_maps);
	sni_install(context->sni, context->ctx, context->sni_ctx);
	return true;
}

struct context *
context_new_server(const struct context_server_settings *settings)
{
	struct context *context = alloc_zero(sizeof *context);
	struct protocol_set protocols;

	context->references = 1;
	context->legacy_fingerprints = settings->legacy_public_key_fingerprints;
	context->require_ccert = settings->require_ccert;
	if (!prepare(context, settings, &protocols) || !build(context, settings, &protocols)) {
		context_unref(context);
		return NULL;
	}
	if (context->require_ccert)
		context->log_mask |= LOGLEVEL_UNTRUSTED;
	return context;
}

struct context *
context_ref(struct context *context)
{
	context->references++;
	return context;
}

bool
context_is_shared(const struct context *context)
{
	return context->references > 1;
}

void
context_unref(struct context *context)
{
	if (!context || --context->references > 0)
		return;
	free((char *)context->grades.high);
	free((char *)context->grades.medium);
	free((char *)context->grades.low);
	free((char *)context->grades.export);
	free((char *)context->grades.null);
	buf_release(&context->cipher_list);
	fingerprint_digest_free(context->digest);
	sni_free(context->sni);
	SSL_CTX_free(context->sni_ctx);
	SSL_CTX_free(context->ctx);
	free(context);
}

static bool
ciphers_usable(struct context *context, const char *namaddr)
{
	if (context->cipher_list_accepted) {
		if (context->log_mask & LOGLEVEL_VERBOSE)
			log_info("%s: TLS cipher list \"%s\"", namaddr, buf_str(&context->cipher_list));
		return true;
	}

	char *lower = text_lower(alloc_string(namaddr));

	log_warn("%s: %s", lower, context->cipher_err.text);
	free(lower);
	/* Asked again for the sake of what the library has to say. */
	if (context->cipher_list.len > 0 && !apply_ciphers(context))
		library_log_errors();
	return false;
}

struct ssl_st *
context_new_ssl(struct context *context, const char *namaddr)
{
	if (context->log_mask & LOGLEVEL_VERBOSE)
		log_info("setting up TLS connection from %s", namaddr);
	ERR_clear_error();

	SSL *ssl = SSL_new(context->ctx);

	if (!ssl) {
		log_warn("Could not allocate 'TLScontext->con' with SSL_new()");
		library_log_errors();
		return NULL;
	}
	if (!ciphers_usable(context, namaddr)) {
		SSL_free(ssl);
		return NULL;
	}
	/* Not on the context: it would also judge our own certificates while they load. */
	if (context->require_ccert)
		SSL_set_security_level(ssl, 1);
	SSL_set_accept_state(ssl);
	return ssl;
}

struct ssl_ctx_st *
context_ssl_ctx(const struct context *context)
{
	return context->ctx;
}

struct ssl_ctx_st *
context_sni_ssl_ctx(const struct context *context)
{
	return context->sni_ctx;
}

const struct cipher_grades *
context_cipher_grades(const struct context *context)
{
	return &context->grades;
}

unsigned int
context_log_mask(const struct context *context)
{
	return context->log_mask;
}

const struct evp_md_st *
context_digest(const struct context *context)
{
	return context->digest;
}

bool
context_legacy_fingerprints(const struct context *context)
{
	return context->legacy_fingerprints;
}

bool
context_tickets(const struct context *context)
{
	return context->tickets;
}

const struct context_cache_policy *
context_cache_policy(const struct context *context)
{
	return &context->cache_policy;
}
