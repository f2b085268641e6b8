/* SPDX-License-Identifier: ISC */
#include "tls/sni.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/ssl.h>

#include "mail/map_list.h"
#include "tls/chain.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/log.h"
#include "util/table.h"
#include "util/text.h"

/* Clients choose names, and under a domain that is a key there are any number of them. */
enum { NAMES_LIMIT = 1000 };

struct kept {
	struct kept *newer, *older;
	struct chain *chain; /* a reference */
	char name[];
};

struct sni {
	struct map_list *maps; /* a reference; may be NULL */
	SSL_CTX *ctx;          /* for names that are found; borrowed from who owns both */
	struct table *kept;    /* name to struct kept; owned */
	struct kept *newest, *oldest;
	unsigned int generation; /* of the tables that they are from */
};

/* --- chains that are kept --- */

static void
unlink_kept(struct sni *sni, struct kept *kept)
{
	*(kept->newer ? &kept->newer->older : &sni->newest) = kept->older;
	*(kept->older ? &kept->older->newer : &sni->oldest) = kept->newer;
}

static void
link_newest(struct sni *sni, struct kept *kept)
{
	kept->newer = NULL;
	kept->older = sni->newest;
	*(sni->newest ? &sni->newest->newer : &sni->oldest) = kept;
	sni->newest = kept;
}

static void
free_kept(void *value)
{
	struct kept *kept = value;

	chain_unref(kept->chain);
	free(kept);
}

/* Names are kept in lower case. */
static struct chain *
kept_chain(struct sni *sni, const char *name)
{
	char *lower = text_lower(alloc_string(name));
	struct kept *kept = table_get(sni->kept, lower);

	free(lower);
	if (!kept)
		return NULL;
	unlink_kept(sni, kept);
	link_newest(sni, kept);
	return kept->chain;
}

static void
keep(struct sni *sni, const char *name, struct chain *chain)
{
	size_t len = strlen(name);
	struct kept *kept;

	if (kept_chain(sni, name))
		return;
	if (table_count(sni->kept) == NAMES_LIMIT) {
		kept = sni->oldest;
		unlink_kept(sni, kept);
		table_remove(sni->kept, kept->name);
	}
	kept = alloc_zero(sizeof *kept + len + 1);
	memcpy(kept->name, name, len);
	text_lower(kept->name);
	kept->chain = chain_ref(chain);
	link_newest(sni, kept);
	table_put(sni->kept, kept->name, kept);
}

/* All of them, if the tables are not those that they are from. */
static void
forget_old(struct sni *sni)
{
	unsigned int generation = map_list_generation(sni->maps);

	if (generation == sni->generation)
		return;
	sni->generation = generation;
	table_free(sni->kept);
	sni->kept = table_new(free_kept);
	sni->newest = sni->oldest = NULL;
}

size_t
sni_kept(const struct sni *sni)
{
	return table_count(sni->kept);
}

/* --- names --- */

static int
slot(void)
{
	static int index = -1;

	if (index < 0)
		index = SSL_get_ex_new_index(0, NULL, NULL, NULL, NULL);
	return index;
}

enum found { FOUND, FOUND_NOTHING, FOUND_TROUBLE };

/* Gives `ssl` the chain of `key`: one that is kept, or what the tables have. */
static enum found
use_key(struct sni *sni, SSL *ssl, const char *key, const char *name)
{
	struct chain *chain = kept_chain(sni, key);
	char *source = alloc_printf("SNI data for %s", name);
	enum found found = FOUND_TROUBLE;

	if (chain) {
		SSL_set_SSL_CTX(ssl, sni->ctx);
		found = chain_use(chain, ssl, source) == 0 ? FOUND : FOUND_TROUBLE;
	} else {
		struct buf pem = BUF_INIT;
		int result = map_list_get(sni->maps, key, &pem);

		if (result < 0)
			log_warn("%s: %s map lookup problem", map_list_title(sni->maps), name);
		if (result == 1) {
			SSL_set_SSL_CTX(ssl, sni->ctx);
			chain = chain_new(ssl, source, pem.bytes, pem.len);
			found = chain ? FOUND : FOUND_TROUBLE;
			if (chain)
				keep(sni, key, chain);
			chain_unref(chain);
		} else if (result == 0) {
			found = FOUND_NOTHING;
		}
		buf_release_secret(&pem);
	}
	free(source);
	if (found == FOUND && strcmp(key, name) != 0)
		keep(sni, name, kept_chain(sni, key));
	return found;
}

static enum found
use_name(struct sni *sni, SSL *ssl, const char *name)
{
	enum found found = FOUND_NOTHING;

	forget_old(sni);
	for (const char *key = name; key && found == FOUND_NOTHING; key = strchr(key + 1, '.'))
		found = use_key(sni, ssl, key, name);
	return found;
}

static bool
is_host_byte(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
	       c == '_';
}

/* Labels of letters, digits, '-' and '_' (RFC 1034 section 3.5, and what is in use), of at most 63 bytes,
 * neither empty nor with '-' at an end; not only digits. */
static bool
is_host_name(const char *name)
{
	size_t label = 0;
	bool numeric = true;

	if (strlen(name) > 255)
		return false;
	for (; *name; name++) {
		if (*name == '.') {
			if (label == 0 || !name[1])
				return false;
			label = 0;
			continue;
		}
		if (!is_host_byte(*name) || ++label > 63)
			return false;
		if (*name == '-' && (label == 1 || !name[1] || name[1] == '.'))
			return false;
		numeric &= *name >= '0' && *name <= '9';
	}
	return !numeric;
}

static int
on_servername(SSL *ssl, int *alert, void *arg)
{
	struct sni *sni = arg;
	struct sni_conn *conn = SSL_get_ex_data(ssl, slot());
	const char *asked = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);

	if (!conn || !asked || !*asked)
		return SSL_TLSEXT_ERR_NOACK;

	/* A copy: the library's goes when the session changes its context. */
	char *name = alloc_string(asked);
	int result = SSL_TLSEXT_ERR_NOACK;

	if (!is_host_name(name)) {
		log_warn("TLS SNI from %s is invalid: %s", conn->namaddr, name);
	} else if (conn->name) {
		/* A HelloRetryRequest (RFC 8446 section 4.1.4) brings the same name once more. */
		if (text_equal_nocase(conn->name, name))
			result = SSL_TLSEXT_ERR_OK;
		else
			log_warn("TLS SNI changed from %s initially %s, %s after hello retry", conn->namaddr,
			    conn->name, name);
	} else {
		switch (use_name(sni, ssl, name)) {
		case FOUND:
			conn->name = alloc_string(name);
			result = SSL_TLSEXT_ERR_OK;
			break;
		case FOUND_NOTHING:
			log_info("TLS SNI %s from %s not matched, using default chain", name, conn->namaddr);
			break;
		case FOUND_TROUBLE:
			*alert = SSL_AD_INTERNAL_ERROR;
			result = SSL_TLSEXT_ERR_ALERT_FATAL;
			break;
		}
	}
	free(name);
	return result;
}

/* --- the whole --- */

struct sni *
sni_new(struct map_list *maps)
{
	struct sni *sni = alloc_zero(sizeof *sni);

	sni->maps = maps ? map_list_ref(maps) : NULL;
	sni->kept = table_new(free_kept);
	sni->generation = maps ? map_list_generation(maps) : 0;
	return sni;
}

void
sni_free(struct sni *sni)
{
	if (!sni)
		return;
	table_free(sni->kept);
	map_list_unref(sni->maps);
	free(sni);
}

void
sni_install(struct sni *sni, struct ssl_ctx_st *ctx, struct ssl_ctx_st *sni_ctx)
{
	sni->ctx = sni_ctx;
	/* With the callback the library takes TLS 1.3 for possible even where there is no certificate. */
	if (!sni->maps)
		return;
	SSL_CTX_set_tlsext_servername_callback(ctx, on_servername);
	SSL_CTX_set_tlsext_servername_arg(ctx, sni);
}

int
sni_attach(struct sni_conn *conn, struct ssl_st *ssl)
{
	return slot() >= 0 && SSL_set_ex_data(ssl, slot(), conn) == 1 ? 0 : -1;
}

void
sni_release(struct sni_conn *conn)
{
	free(conn->name);
	conn->name = NULL;
}

/* --- tables that are to come --- */

struct checking {
	const struct map_list *maps, *old;
	SSL_CTX *ctx;
	struct err *err;
	bool failed;
};

static void
check_key(const char *key, void *context)
{
	struct checking *checking = context;
	struct buf pem = BUF_INIT, was = BUF_INIT;

	if (checking->failed)
		return;

	int result = map_list_get(checking->maps, key, &pem);
	bool same = result == 1 && map_list_get(checking->old, key, &was) == 1 && pem.len == was.len &&
		    memcmp(pem.bytes, was.bytes, pem.len) == 0;

	if (!same) {
		SSL *ssl = SSL_new(checking->ctx);
		char *source = alloc_printf("SNI data for %s", key);
		struct chain *chain = ssl && result == 1 ? chain_new(ssl, source, pem.bytes, pem.len) : NULL;

		checking->failed = !chain;
		if (!chain)
			err_set(checking->err, "the entry of %s cannot be used", key);
		chain_unref(chain);
		free(source);
		SSL_free(ssl);
	}
	buf_release_secret(&was);
	buf_release_secret(&pem);
}

int
sni_check(const struct map_list *maps, const struct map_list *old, struct err *err)
{
	struct checking checking = { .maps = maps, .old = old, .err = err };

	checking.ctx = SSL_CTX_new(TLS_server_method());
	if (!checking.ctx)
		return err_set(err, "cannot allocate server SNI SSL_CTX");
	/* As sessions do (context_configure_basics()). */
	SSL_CTX_set_security_level(checking.ctx, 0);
	map_list_keys(maps, check_key, &checking);
	SSL_CTX_free(checking.ctx);
	return checking.failed ? -1 : 0;
}
