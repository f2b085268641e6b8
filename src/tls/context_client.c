/* SPDX-License-Identifier: ISC */
/* Contexts of the client role. */
#include "tls/context.h"

#include <stdint.h>
#include <stdlib.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "tls/context_impl.h"
#include "tls/dane.h"
#include "tls/group.h"
#include "tls/library.h"
#include "tls/loglevel.h"
#include "tls/option.h"
#include "tls/resume_client.h"
#include "tls/trace.h"
#include "tls/verify.h"
#include "util/alloc.h"
#include "util/log.h"

static char *
copy(const char *list)
{
	return list ? alloc_string(list) : NULL;
}

static void
copy_grades(struct cipher_grades *to, const struct cipher_grades *from)
{
	to->high = copy(from->high);
	to->medium = copy(from->medium);
	to->low = copy(from->low);
	to->export = copy(from->export);
	to->null = copy(from->null);
}

static bool
build(struct context *context, const struct context_client_settings *settings)
{
	const struct context_files files = CONTEXT_FILES(settings);
	const char *curves = settings->eecdh_auto_curves ? settings->eecdh_auto_curves : "";

	ERR_clear_error();
	context->ctx = SSL_CTX_new(TLS_client_method());
	if (!context->ctx) {
		log_warn("cannot allocate client SSL_CTX: disabling TLS support");
		library_log_errors();
		return false;
	}
	if (dane_prepare(
		context->ctx, settings->dane_digests ? settings->dane_digests : "", context->digest) < 0) {
		log_warn("OpenSSL DANE initialization failed: disabling TLS support");
		library_log_errors();
		return false;
	}
	context_configure_basics(context->ctx, settings->verifydepth,
	    option_bits(settings->disable_workarounds, settings->ssl_options));
	if (context->log_mask & LOGLEVEL_SSL_DEBUG)
		trace_install(context->ctx);
	if (!context_load_authorities(context->ctx, &files) || !context_load_chains(context->ctx, &files))
		return false;
	group_configure(context->ctx, curves, settings->ffdhe_auto_groups);
	verify_install(context->ctx, false);
	resume_client_install(context->ctx);
	return true;
}

struct context *
context_new_client(const struct context_client_settings *settings)
{
	struct context *context = alloc_zero(sizeof *context);

	context->references = 1;
	context->legacy_fingerprints = settings->legacy_public_key_fingerprints;
	copy_grades(&context->grades, &settings->cipher_grades);
	if (!context_begin(context, "client", settings->log_param, settings->log_level, settings->config_file,
		settings->config_name) ||
	    !context_choose_digest(context, settings->fingerprint_digest) || !build(context, settings)) {
		context_unref(context);
		return NULL;
	}
	return context;
}
