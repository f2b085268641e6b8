/* SPDX-License-Identifier: ISC */
#include "tls/resume.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>

#include "mail/timer.h"
#include "mail/tlsmgr_proto.h"
#include "tls/hello.h"
#include "tls/library.h"
#include "tls/loglevel.h"
#include "tls/mgr_cache.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/hex.h"
#include "util/log.h"
#include "util/now.h"

enum {
	KEYS = 2,
	GRACE_S = 30,        /* a key goes on issuing this long past its time while a new one is fetched */
	ASK_AGAIN_MS = 5000, /* after tlsmgr did not answer */
	POLICY_AGAIN_MS = 600 * 1000, /* while tickets are off */
	REFRESH_MAX_S = 24 * 3600,    /* whatever time the issuing key has left */
};

/* What one handshake may ask tlsmgr for. */
enum need { NEED_NOTHING = 0, NEED_POLICY = 1, NEED_ISSUING_KEY = 2, NEED_NAMED_KEY = 4, NEED_SESSION = 8 };

struct resume {
	struct mgr_cache cache;
	const char *ticket_cipher;
	struct timer *refresh;               /* owned */
	struct tlsmgr_ticket_key keys[KEYS]; /* latest tout first; tout 0: none */
};

static int conn_index = -1;

static struct resume_conn *
conn_of(const SSL *ssl)
{
	return SSL_get_ex_data(ssl, conn_index);
}

/* --- ticket keys --- */

static bool
tickets_enabled(const struct resume *resume)
{
	return resume->cache.policy_known && resume->cache.timeout_s > 0 && *resume->ticket_cipher;
}

/* True if it was made when the clock was far ahead: it would be used until then. */
static bool
is_ahead(const struct resume *resume, const struct tlsmgr_ticket_key *key)
{
	return key->tout > now_wall() + resume->cache.timeout_s;
}

static struct tlsmgr_ticket_key *
issuing_key(struct resume *resume)
{
	struct tlsmgr_ticket_key *key = &resume->keys[0];

	return key->tout + GRACE_S > now_wall() && !is_ahead(resume, key) ? key : NULL;
}

static struct tlsmgr_ticket_key *
named_key(struct resume *resume, const unsigned char *name)
{
	for (int i = 0; i < KEYS; i++) {
		struct tlsmgr_ticket_key *key = &resume->keys[i];
		if (key->tout + resume->cache.timeout_s > now_wall() &&
		    memcmp(key->name, name, sizeof key->name) == 0)
			return key;
	}
	return NULL;
}

static void
insert_key(struct resume *resume, const struct tlsmgr_ticket_key *key)
{
	if (is_ahead(resume, &resume->keys[0]))
		alloc_wipe(resume->keys, sizeof resume->keys);
	for (int i = 0; i < KEYS; i++)
		if (memcmp(resume->keys[i].name, key->name, sizeof key->name) == 0)
			return;
	resume->keys[1] = *key;
	if (resume->keys[0].tout < key->tout) {
		resume->keys[1] = resume->keys[0];
		resume->keys[0] = *key;
	}
}

static bool
accept_key(struct resume *resume, const void *list, size_t len)
{
	struct tlsmgr_ticket_key key;
	int status;

	if (!list ||
	    tlsmgr_proto_get_tktkey(list, len, mgr_client_name(resume->cache.mgr), &status, &key) < 0 ||
	    status != TLSMGR_PROTO_OK)
		return false;
	insert_key(resume, &key);
	alloc_wipe(&key, sizeof key);
	return true;
}

/* --- fetching ahead --- */

static void ask_ahead(void *context);

static void
on_key_ahead(const void *list, size_t len, void *context)
{
	struct resume *resume = context;

	if (!accept_key(resume, list, len)) {
		timer_start(resume->refresh, ASK_AGAIN_MS);
		return;
	}
	int64_t left_s = resume->keys[0].tout - now_wall();
	if (left_s < 1)
		left_s = 1;
	if (left_s > REFRESH_MAX_S)
		left_s = REFRESH_MAX_S;
	timer_start(resume->refresh, (int64_t)left_s * 1000);
}

static void
on_policy_ahead(const void *list, size_t len, void *context)
{
	struct resume *resume = context;

	if (!mgr_cache_take_policy(&resume->cache, list, len))
		timer_start(resume->refresh, ASK_AGAIN_MS);
	else if (!tickets_enabled(resume))
		timer_start(resume->refresh, POLICY_AGAIN_MS);
	else
		ask_ahead(resume);
}

static void
ask_ahead(void *context)
{
	struct resume *resume = context;
	struct buf request = BUF_INIT;

	if (tickets_enabled(resume)) {
		tlsmgr_proto_put_tktkey(&request, NULL);
		mgr_client_ask(resume->cache.mgr, &request, on_key_ahead, resume);
	} else {
		mgr_cache_ask_policy(&resume->cache, on_policy_ahead, resume);
	}
}

struct resume *
resume_new(struct event_base *base, struct mgr_client *mgr, const char *cache_type, const char *ticket_cipher)
{
	struct resume *resume = alloc_zero(sizeof *resume);

	mgr_cache_init(&resume->cache, mgr, cache_type);
	resume->ticket_cipher = ticket_cipher;
	resume->refresh = timer_new(base, ask_ahead, resume);
	ask_ahead(resume);
	return resume;
}

void
resume_free(struct resume *resume)
{
	if (!resume)
		return;
	timer_free(resume->refresh);
	alloc_wipe(resume->keys, sizeof resume->keys);
	mgr_cache_release(&resume->cache);
	free(resume);
}

/* --- sealing and opening tickets --- */

static int
set_up_ciphers(const struct tlsmgr_ticket_key *key, const char *cipher_name, const unsigned char *iv,
    EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac, int encrypt)
{
	const EVP_CIPHER *type = EVP_get_cipherbyname(cipher_name);
	char digest[] = "SHA256";
	unsigned char hmac[sizeof key->hmac];

	if (!type)
		return -1;
	memcpy(hmac, key->hmac, sizeof hmac);
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, hmac, sizeof hmac),
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
		OSSL_PARAM_construct_end(),
	};
	int good = EVP_MAC_CTX_set_params(mac, params) == 1 &&
		   EVP_CipherInit_ex(cipher, type, NULL, key->bits, iv, encrypt) == 1;
	alloc_wipe(hmac, sizeof hmac);
	return good ? 1 : -1;
}

static int
on_ticket(
    SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac, int encrypt)
{
	struct resume_conn *conn = conn_of(ssl);
	struct tlsmgr_ticket_key *key = encrypt ? issuing_key(conn->resume) : named_key(conn->resume, name);

	if (!key)
		return encrypt ? -1 : 0;
	if (encrypt) {
		if (RAND_bytes(iv, EVP_MAX_IV_LENGTH) != 1)
			return -1;
		memcpy(name, key->name, sizeof key->name);
	}
	int result = set_up_ciphers(key, conn->resume->ticket_cipher, iv, cipher, mac, encrypt);
	if (result != 1)
		return encrypt ? -1 : 0;
	conn->ticket_used = true;
	if (conn->log_mask & LOGLEVEL_CACHE)
		log_info("%s: %s session ticket, key expiration: %ld", conn->namaddr,
		    encrypt ? "Issuing" : "Decrypting", (long)key->tout);
	return 1;
}

/* --- the cache --- */

static void
put_cache_id(struct buf *to, const struct resume_conn *conn, const unsigned char *id, size_t len)
{
	hex_encode(to, id, len, 0);
	buf_printf(to, "&s=%s&l=%lu", conn->serverid, OpenSSL_version_num());
}

static int
on_new_session(SSL *ssl, SSL_SESSION *session)
{
	struct resume_conn *conn = conn_of(ssl);
	struct resume *resume = conn->resume;
	struct buf id = BUF_INIT;
	unsigned int id_len;

	/* A TLS 1.3 client that got a ticket never asks by id. */
	bool by_ticket = SSL_version(ssl) >= TLS1_3_VERSION && !(SSL_get_options(ssl) & SSL_OP_NO_TICKET);
	const unsigned char *session_id = SSL_SESSION_get_id(session, &id_len);
	if (!resume->cache.cachable || by_ticket || id_len == 0)
		return 0;

	put_cache_id(&id, conn, session_id, id_len);
	if (mgr_cache_store(&resume->cache, buf_str(&id), session) && (conn->log_mask & LOGLEVEL_CACHE))
		log_info("%s: save session %s to %s cache", conn->namaddr, buf_str(&id), resume->cache.type);
	buf_release(&id);
	return 0;
}

static SSL_SESSION *
on_get_session(SSL *ssl, const unsigned char *id, int id_len, int *copy)
{
	struct resume_conn *conn = conn_of(ssl);
	SSL_SESSION *session = conn->found;
	unsigned int found_len;

	if (!session)
		return NULL;
	const unsigned char *found_id = SSL_SESSION_get_id(session, &found_len);
	if (found_len != (unsigned int)id_len || memcmp(found_id, id, found_len) != 0)
		return NULL;
	conn->found = NULL;
	*copy = 0;
	return session;
}

/* --- suspending a handshake --- */

static void
on_reply_policy(const void *list, size_t len, void *context)
{
	struct resume_conn *conn = context;

	conn->pending = NULL;
	if (mgr_cache_take_policy(&conn->resume->cache, list, len) && tickets_enabled(conn->resume) &&
	    !timer_is_running(conn->resume->refresh))
		timer_start(conn->resume->refresh, 0);
	conn->ready(conn->context);
}

static void
on_reply_key(const void *list, size_t len, void *context)
{
	struct resume_conn *conn = context;

	conn->pending = NULL;
	accept_key(conn->resume, list, len);
	conn->ready(conn->context);
}

static void
log_found(const struct resume_conn *conn)
{
	unsigned int len;
	const unsigned char *session_id = SSL_SESSION_get_id(conn->found, &len);
	struct buf id = BUF_INIT;

	put_cache_id(&id, conn, session_id, len);
	log_info(
	    "%s: reloaded session %s from %s cache", conn->namaddr, buf_str(&id), conn->resume->cache.type);
	buf_release(&id);
}

static void
on_reply_session(const void *list, size_t len, void *context)
{
	struct resume_conn *conn = context;

	conn->pending = NULL;
	conn->found = mgr_cache_take_session(&conn->resume->cache, list, len);
	if (conn->found && (conn->log_mask & LOGLEVEL_CACHE))
		log_found(conn);
	conn->ready(conn->context);
}

static enum need
find_need(struct resume_conn *conn, const struct hello *hello)
{
	struct resume *resume = conn->resume;

	if (!resume->cache.policy_known)
		return NEED_POLICY;
	if (tickets_enabled(resume) && !issuing_key(resume))
		return NEED_ISSUING_KEY;
	if (hello->ticket_len > TLSMGR_TICKET_NAME_LEN && !named_key(resume, hello->ticket))
		return NEED_NAMED_KEY;
	if (hello->session_id && resume->cache.cachable)
		return NEED_SESSION;
	return NEED_NOTHING;
}

static struct mgr_request *
ask_session(struct resume_conn *conn, const struct hello *hello)
{
	struct mgr_cache *cache = &conn->resume->cache;
	struct buf id = BUF_INIT;

	put_cache_id(&id, conn, hello->session_id, hello->session_id_len);
	if (conn->log_mask & LOGLEVEL_CACHE)
		log_info("%s: looking up session %s in %s cache", conn->namaddr, buf_str(&id), cache->type);

	struct mgr_request *request = mgr_cache_ask_session(cache, buf_str(&id), on_reply_session, conn);

	buf_release(&id);
	return request;
}

static struct mgr_request *
ask_key(struct resume_conn *conn, const unsigned char *name)
{
	struct buf request = BUF_INIT;

	tlsmgr_proto_put_tktkey(&request, name);
	return mgr_client_ask(conn->resume->cache.mgr, &request, on_reply_key, conn);
}

static void
ask(struct resume_conn *conn, enum need need, const struct hello *hello)
{
	conn->asked |= (unsigned int)need;
	switch (need) {
	case NEED_POLICY:
		conn->pending = mgr_cache_ask_policy(&conn->resume->cache, on_reply_policy, conn);
		break;
	case NEED_SESSION:
		conn->pending = ask_session(conn, hello);
		break;
	default:
		conn->pending = ask_key(conn, need == NEED_NAMED_KEY ? hello->ticket : NULL);
		break;
	}
}

static int
on_client_hello(SSL *ssl, int *alert, void *unused)
{
	struct resume_conn *conn = conn_of(ssl);
	struct hello hello;

	(void)alert;
	(void)unused;
	if (conn->pending)
		return SSL_CLIENT_HELLO_RETRY;
	if (conn->resume->cache.policy_known && !tickets_enabled(conn->resume))
		SSL_set_options(ssl, SSL_OP_NO_TICKET);
	hello_examine(&hello, ssl, !(SSL_get_options(ssl) & SSL_OP_NO_TICKET));

	enum need need = find_need(conn, &hello);
	if (need != NEED_NOTHING && !(conn->asked & (unsigned int)need) &&
	    mgr_client_is_up(conn->resume->cache.mgr)) {
		ask(conn, need, &hello);
		return SSL_CLIENT_HELLO_RETRY;
	}

	/* A ticket that cannot be sealed is a failed handshake to OpenSSL in TLS 1.3; a stateful one that is
	 * stored nowhere is of no use to the client. */
	if (!issuing_key(conn->resume))
		SSL_set_options(ssl, SSL_OP_NO_TICKET);
	if ((SSL_get_options(ssl) & SSL_OP_NO_TICKET) && !conn->resume->cache.cachable)
		SSL_set_num_tickets(ssl, 0);
	return SSL_CLIENT_HELLO_SUCCESS;
}

void
resume_install(SSL_CTX *ctx)
{
	if (conn_index < 0)
		conn_index = SSL_get_ex_new_index(0, NULL, NULL, NULL, NULL);
	SSL_CTX_set_client_hello_cb(ctx, on_client_hello, NULL);
	SSL_CTX_set_tlsext_ticket_key_evp_cb(ctx, on_ticket);
	SSL_CTX_sess_set_get_cb(ctx, on_get_session);
	SSL_CTX_sess_set_new_cb(ctx, on_new_session);
}

/* As Postfix 3.12 does; both zero bytes count. */
static int
narrow_scope(const struct resume_conn *conn)
{
	static const char label[] = "Postfix/TLS serverid";
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned int len;
	struct buf bytes = BUF_INIT;

	buf_add(&bytes, label, sizeof label);
	buf_add(&bytes, conn->serverid, strlen(conn->serverid) + 1);
	bool good = EVP_Digest(bytes.bytes, bytes.len, digest, &len, EVP_sha256(), NULL) == 1 &&
		    SSL_set_session_id_context(conn->ssl, digest, len) == 1;
	buf_release(&bytes);
	return good ? 0 : -1;
}

int
resume_attach(struct resume_conn *conn)
{
	if (conn->own_scope && narrow_scope(conn) < 0)
		return -1;
	return SSL_set_ex_data(conn->ssl, conn_index, conn) == 1 ? 0 : -1;
}

void
resume_release(struct resume_conn *conn)
{
	if (conn->pending)
		mgr_client_cancel(conn->pending);
	conn->pending = NULL;
	SSL_SESSION_free(conn->found);
	conn->found = NULL;
}
