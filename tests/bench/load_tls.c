/* SPDX-License-Identifier: ISC */
#include "load_tls.h"

#include <errno.h>
#include <openssl/err.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static SSL_CTX *ctx;
static SSL_SESSION *newest;
static pthread_mutex_t newest_lock = PTHREAD_MUTEX_INITIALIZER;

_Noreturn void
load_die(const char *what)
{
	fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
	ERR_print_errors_fp(stderr);
	exit(1);
}

void
load_write_all(int fd, const void *bytes, unsigned long len)
{
	const char *at = bytes;

	while (len > 0) {
		ssize_t n = write(fd, at, len);

		if (n <= 0)
			load_die("write");
		at += n;
		len -= (size_t)n;
	}
}

/* Tickets come in the threads of bulk work, too. */
static int
remember(SSL *ssl, SSL_SESSION *session)
{
	(void)ssl;
	pthread_mutex_lock(&newest_lock);
	SSL_SESSION_free(newest);
	newest = session;
	pthread_mutex_unlock(&newest_lock);
	return 1;
}

SSL_SESSION *
load_tls_newest(void)
{
	pthread_mutex_lock(&newest_lock);
	SSL_SESSION *session = newest;
	newest = NULL;
	pthread_mutex_unlock(&newest_lock);
	return session;
}

SSL *
load_tls_new(int fd, SSL_SESSION *offer)
{
	SSL *ssl = SSL_new(ctx);

	SSL_set_fd(ssl, fd);
	if (offer != NULL) {
		SSL_SESSION *copy = SSL_SESSION_dup(offer);

		SSL_set_session(ssl, copy);
		SSL_SESSION_free(copy);
	}
	return ssl;
}

void
load_tls_init(const char *version)
{
	int number = strcmp(version, "1.2") == 0 ? TLS1_2_VERSION : TLS1_3_VERSION;

	ctx = SSL_CTX_new(TLS_client_method());
	SSL_CTX_set_min_proto_version(ctx, number);
	SSL_CTX_set_max_proto_version(ctx, number);
	SSL_CTX_set_ciphersuites(ctx, "TLS_AES_256_GCM_SHA384");
	SSL_CTX_set_cipher_list(ctx, "ECDHE+AES256+AESGCM");
	SSL_CTX_set1_groups_list(ctx, "P-256");
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_sess_set_new_cb(ctx, remember);
}
