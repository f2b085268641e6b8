/* SPDX-License-Identifier: ISC */
#include "tls/group.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/ssl.h>

#include "util/alloc.h"
#include "util/buf.h"
#include "util/log.h"
#include "util/table.h"
#include "util/text.h"

enum { COUNT_LIMIT = 64 };

static int
curve_nid(const char *name)
{
	int nid = EC_curve_nist2nid(name);

	if (nid == NID_undef)
		nid = OBJ_sn2nid(name);
	if (nid == NID_undef)
		nid = OBJ_ln2nid(name);
	return nid;
}

/* Postfix 3.7: only elliptic curves, by object name. */
static void
configure_curves(SSL_CTX *ctx, SSL *trial, const char *curves)
{
	int nids[COUNT_LIMIT];
	size_t count = 0;
	bool known = false;
	const char *word;
	size_t len;

	while ((word = text_token(&curves, TEXT_LIST_SEPARATORS, &len)) != NULL) {
		char *name = alloc_string_n(word, len);
		int nid = curve_nid(name);

		if (nid == NID_undef) {
			log_warn("ignoring unknown ECDHE curve \"%s\"", name);
		} else {
			known = true;
			if (count < COUNT_LIMIT && SSL_set1_groups(trial, &nid, 1))
				nids[count++] = nid;
		}
		free(name);
	}
	ERR_clear_error();
	if (count == 0) {
		if (known)
			log_warn("none of the configured ECDHE curves are supported");
		return;
	}
	if (!SSL_CTX_set1_groups(ctx, nids, (long)count)) {
		log_warn("failed to configure ECDHE curves");
		ERR_clear_error();
	}
}

enum outcome { GROUPS_SET, GROUPS_UNUSABLE, GROUPS_REFUSED };

/* Postfix 3.8 and later: all groups, by the library's names. `whose` is a word for the log. */
static enum outcome
configure_groups(SSL_CTX *ctx, SSL *trial, const char *curves, const char *ffdhe, const char *whose)
{
	char *both = alloc_printf("%s %s", curves, ffdhe);
	struct table *seen = table_new(NULL);
	struct buf list = BUF_INIT;
	const char *at = both;
	const char *word;
	size_t len;
	bool any = false;
	enum outcome outcome = GROUPS_UNUSABLE;

	while ((word = text_token(&at, TEXT_LIST_SEPARATORS ":", &len)) != NULL) {
		char *name = alloc_string_n(word, len);
		char *folded = text_lower(alloc_string(name));

		any = true;
		if (!table_get(seen, folded) && SSL_set1_groups_list(trial, name)) {
			table_put(seen, folded, seen);
			buf_printf(&list, "%s%s", list.len ? ":" : "", name);
		}
		free(folded);
		free(name);
	}
	ERR_clear_error();
	if (!any) {
		log_warn("no %s key exchange group - OpenSSL requires at least one", whose);
	} else if (list.len == 0) {
		log_warn("none of the %s key exchange groups are supported", whose);
	} else if (SSL_CTX_set1_groups_list(ctx, buf_str(&list))) {
		outcome = GROUPS_SET;
	} else {
		outcome = GROUPS_REFUSED;
		log_warn("failed to set up the %s key exchange groups", whose);
	}
	buf_release(&list);
	table_free(seen);
	free(both);
	return outcome;
}

/* As Postfix builds them in, by the library's age. */
static const char *
default_curves(void)
{
	if (OPENSSL_version_major() > 3 || (OPENSSL_version_major() == 3 && OPENSSL_version_minor() >= 5))
		return "?X25519MLKEM768:DEFAULT";
	return "X25519 X448 prime256v1 secp384r1 secp521r1";
}

static const char *
default_ffdhe(void)
{
	if (OPENSSL_version_major() > 3 || (OPENSSL_version_major() == 3 && OPENSSL_version_minor() >= 5))
		return "";
	return "ffdhe2048 ffdhe3072";
}

void
group_configure(struct ssl_ctx_st *ctx, const char *curves, const char *ffdhe)
{
	/* For one group at a time, as what becomes of `ctx` is seen last; a context would cost a hundred
	 * times as much. */
	SSL *trial = SSL_new(ctx);

	if (!trial) {
		log_warn("failed to configure ECDHE curves");
		ERR_clear_error();
		return;
	}
	if (!ffdhe) {
		configure_curves(ctx, trial, curves);
	} else if (*curves || *ffdhe) {
		bool is_default =
		    strcmp(curves, default_curves()) == 0 && strcmp(ffdhe, default_ffdhe()) == 0;
		enum outcome outcome = configure_groups(ctx, trial, curves, ffdhe, "configured");

		if (outcome == GROUPS_UNUSABLE && !is_default) {
			log_warn("using Postfix default key exchange groups instead");
			outcome = configure_groups(
			    ctx, trial, default_curves(), default_ffdhe(), "Postfix default");
		}
		if (outcome != GROUPS_SET)
			log_warn("using OpenSSL default key exchange groups instead");
	}
	ERR_clear_error();
	SSL_free(trial);
}
