/* SPDX-License-Identifier: ISC */
/*
 * context_impl: the struct of a context and the steps of its making that both roles share. Those that return
 * bool have logged why they return false.
 */
#ifndef TLS_CONTEXT_IMPL_H
#define TLS_CONTEXT_IMPL_H

#include <stdbool.h>

#include <openssl/types.h>

#include "tls/chain.h"
#include "tls/cipher.h"
#include "tls/context.h"
#include "util/buf.h"
#include "util/err.h"

struct sni;

struct context {
	unsigned int references;
	SSL_CTX *ctx;     /* owned */
	SSL_CTX *sni_ctx; /* owned; server role with tables of chains */
	struct sni *sni;  /* owned; server role */
	EVP_MD *digest;   /* owned */
	unsigned int log_mask;
	bool legacy_fingerprints;

	/* server role */
	bool require_ccert;
	bool tickets;
	struct context_cache_policy cache_policy;
	struct buf cipher_list;    /* "" when the grade or the exclusions are bad */
	struct err cipher_err;     /* then this says why */
	bool cipher_list_accepted; /* by the library */

	/* client role */
	struct cipher_grades grades; /* owned strings */
};

/* Keys, certificates and authorities, as either role's settings name them. */
struct context_files {
	const char *chain_files;
	const char *cert_file, *key_file;
	const char *dcert_file, *dkey_file;
	const char *eccert_file, *eckey_file;
	const char *CAfile, *CApath;
	bool append_default_CA;
	chain_read_fn read; /* NULL: chain_read_file() */
	void *read_arg;
};

/* From either struct of settings. */
#define CONTEXT_FILES(settings)                                                                              \
	{                                                                                                    \
		CONTEXT_FILE_NAMES(settings), .append_default_CA = (settings)->append_default_CA,            \
					      .read = (settings)->read_file,                                 \
					      .read_arg = (settings)->read_arg                               \
	}

/* The steps before the first SSL_CTX; they cost nothing to find wrong. `role` is "server" or "client". */
bool context_begin(struct context *context, const char *role, const char *log_param, const char *log_level,
    const char *config_file, const char *config_name);
bool context_choose_digest(struct context *context, const char *name);

/* What needs no file and cannot fail for a reason in the settings. */
void context_configure_basics(SSL_CTX *ctx, int verifydepth, uint64_t options);

bool context_load_authorities(SSL_CTX *ctx, const struct context_files *files);
bool context_load_chains(SSL_CTX *ctx, const struct context_files *files);

#endif
