/* SPDX-License-Identifier: ISC */
/*
 * tls-destinations: many SMTP servers in one process, each with a port and a TLS of its own.
 *
 * usage: tls-destinations TABLE
 *
 * A line of TABLE is "NAME PORT WORD=VALUE...". A word is a command of SSL_CONF_cmd as in a file
 * (Certificate, PrivateKey, MinProtocol, CipherString, VerifyMode...), in the order in which they apply, or
 * one of these: sni=NAME:FILE    another chain, with its key, for this name trouble=WHAT     how it fails:
 * see the table of troubles below "ready" is printed when all ports listen, then a line for each handshake:
 * what the server saw of its client. A child serves each connection; mail is taken and forgotten.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#define MAX_DESTINATIONS 400
#define CONNECTION_LIMIT 60

enum trouble {
	NO_TROUBLE,
	NO_STARTTLS,
	REFUSE,
	CLOSE_AT_STARTTLS,
	RESET_AT_STARTTLS,
	TEXT_FOR_TLS,
	CLOSE_AT_HELLO,
	RESET_AT_HELLO,
	ALERT_AT_HELLO,
	WARNING_AT_HELLO,
	CLOSE_AFTER_HANDSHAKE,
	ALERT_AFTER_HANDSHAKE,
	CLOSE_AFTER_EHLO,
	RENEGOTIATE,
	KEY_UPDATE,
};

static const struct {
	const char *name;
	enum trouble trouble;
} troubles[] = {
	{ "no-starttls", NO_STARTTLS },
	{ "refuse", REFUSE },
	{ "close-at-starttls", CLOSE_AT_STARTTLS },
	{ "reset-at-starttls", RESET_AT_STARTTLS },
	{ "text-for-tls", TEXT_FOR_TLS },
	{ "close-at-hello", CLOSE_AT_HELLO },
	{ "reset-at-hello", RESET_AT_HELLO },
	{ "alert-at-hello", ALERT_AT_HELLO },
	{ "warning-at-hello", WARNING_AT_HELLO },
	{ "close-after-handshake", CLOSE_AFTER_HANDSHAKE },
	{ "alert-after-handshake", ALERT_AFTER_HANDSHAKE },
	{ "close-after-ehlo", CLOSE_AFTER_EHLO },
	{ "renegotiate", RENEGOTIATE },
	{ "key-update", KEY_UPDATE },
};

struct name_chain {
	char name[128];
	SSL_CTX *ctx;
	struct name_chain *next;
};

struct destination {
	char name[64];
	int port;
	int listener;
	enum trouble trouble;
	SSL_CTX *ctx;
	struct name_chain *names;
};

/* One end of a connection: plaintext until tls is set. */
struct peer {
	const struct destination *at;
	int fd;
	SSL *tls;
	char line[4096];
	size_t have;
};

static struct destination destinations[MAX_DESTINATIONS];
static int n_destinations;

static _Noreturn void
die(const char *what, const char *which)
{
	fprintf(stderr, "tls-destinations: %s: %s: %s\n", what, which, strerror(errno));
	ERR_print_errors_fp(stderr);
	exit(1);
}

static int
choose_chain(SSL *ssl, int *alert, void *arg)
{
	const struct destination *at = arg;
	const char *wanted = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);

	(void)alert;
	for (const struct name_chain *n = at->names; n != NULL && wanted != NULL; n = n->next) {
		if (strcasecmp(n->name, wanted) == 0) {
			SSL_set_SSL_CTX(ssl, n->ctx);
			return SSL_TLSEXT_ERR_OK;
		}
	}
	return wanted != NULL ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_NOACK;
}

static void
digest_extension(SSL *ssl, EVP_MD_CTX *digest, unsigned int type)
{
	const unsigned char *data;
	size_t len;

	EVP_DigestUpdate(digest, &type, sizeof(type));
	if (SSL_client_hello_get0_ext(ssl, type, &data, &len) == 1)
		EVP_DigestUpdate(digest, data, len);
}

/* Prints a digest of what a client offers: ciphers, extensions, groups, signatures, versions. */
static int
report_hello(SSL *ssl, int *alert, void *arg)
{
	static const unsigned int compared[] = { TLSEXT_TYPE_supported_groups, TLSEXT_TYPE_ec_point_formats,
		TLSEXT_TYPE_signature_algorithms, TLSEXT_TYPE_supported_versions, TLSEXT_TYPE_psk_kex_modes };
	const struct destination *at = arg;
	EVP_MD_CTX *digest = EVP_MD_CTX_new();
	const unsigned char *ciphers;
	unsigned char sum[EVP_MAX_MD_SIZE];
	size_t len, count = 0;
	int *types = NULL;

	(void)alert;
	EVP_DigestInit_ex(digest, EVP_sha256(), NULL);
	len = SSL_client_hello_get0_ciphers(ssl, &ciphers);
	EVP_DigestUpdate(digest, ciphers, len);
	SSL_client_hello_get1_extensions_present(ssl, &types, &count);
	EVP_DigestUpdate(digest, types, count * sizeof(*types));
	for (size_t i = 0; i < sizeof(compared) / sizeof(compared[0]); i++)
		digest_extension(ssl, digest, compared[i]);
	EVP_DigestFinal_ex(digest, sum, NULL);
	printf("%s: hello %02x%02x%02x%02x, %zu ciphers, %zu extensions\n", at->name, sum[0], sum[1], sum[2],
	    sum[3], len / 2, count);
	fflush(stdout);
	OPENSSL_free(types);
	EVP_MD_CTX_free(digest);
	return SSL_CLIENT_HELLO_SUCCESS;
}

/* Any client certificate will do: what the client makes of the question is what is looked at. */
static int
accept_client(int ok, X509_STORE_CTX *store)
{
	(void)ok, (void)store;
	return 1;
}

static SSL_CTX *
server_context(void)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());

	SSL_CTX_set_security_level(ctx, 0);
	SSL_CTX_set_min_proto_version(ctx, TLS1_VERSION);
	SSL_CTX_set_dh_auto(ctx, 1);
	SSL_CTX_set_session_id_context(ctx, (const unsigned char *)"d", 1);
	return ctx;
}

static void
add_name(struct destination *at, char *value)
{
	struct name_chain *n = calloc(1, sizeof(*n));
	char *file = strchr(value, ':');

	if (n == NULL || file == NULL)
		die("no chain for", value);
	*file++ = 0;
	snprintf(n->name, sizeof(n->name), "%s", value);
	n->ctx = server_context();
	if (SSL_CTX_use_certificate_chain_file(n->ctx, file) != 1 ||
	    SSL_CTX_use_PrivateKey_file(n->ctx, file, SSL_FILETYPE_PEM) != 1)
		die("chain", file);
	n->next = at->names;
	at->names = n;
}

static void
set_trouble(struct destination *at, const char *value)
{
	for (size_t i = 0; i < sizeof(troubles) / sizeof(troubles[0]); i++)
		if (strcmp(troubles[i].name, value) == 0)
			at->trouble = troubles[i].trouble;
	if (at->trouble == NO_TROUBLE)
		die("no such trouble", value);
}

static void
configure(struct destination *at, char *words)
{
	SSL_CONF_CTX *conf = SSL_CONF_CTX_new();
	char *rest = words;

	at->ctx = server_context();
	SSL_CONF_CTX_set_flags(conf, SSL_CONF_FLAG_FILE | SSL_CONF_FLAG_SERVER | SSL_CONF_FLAG_CERTIFICATE);
	SSL_CONF_CTX_set_ssl_ctx(conf, at->ctx);
	for (char *word; (word = strtok_r(rest, " \n", &rest)) != NULL;) {
		char *value = strchr(word, '=');

		if (value == NULL)
			die("no value", word);
		*value++ = 0;
		if (strcmp(word, "sni") == 0)
			add_name(at, value);
		else if (strcmp(word, "trouble") == 0)
			set_trouble(at, value);
		else if (SSL_CONF_cmd(conf, word, value) <= 0)
			die(word, value);
	}
	if (SSL_CONF_CTX_finish(conf) != 1)
		die("configuration", at->name);
	SSL_CONF_CTX_free(conf);
	SSL_CTX_set_client_hello_cb(at->ctx, report_hello, at);
	SSL_CTX_set_tlsext_servername_callback(at->ctx, choose_chain);
	SSL_CTX_set_tlsext_servername_arg(at->ctx, at);
	SSL_CTX_set_verify(at->ctx, SSL_CTX_get_verify_mode(at->ctx), accept_client);
}

static void
listen_at(struct destination *at)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
		.sin_port = htons((unsigned short)at->port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };

	at->listener = socket(AF_INET, SOCK_STREAM, 0);
	(void)setsockopt(at->listener, SOL_SOCKET, SO_REUSEADDR, &(int){ 1 }, sizeof(int));
	if (at->listener < 0 || bind(at->listener, (struct sockaddr *)&address, sizeof(address)) != 0 ||
	    listen(at->listener, 128) != 0)
		die("listen", at->name);
}

static void
load(const char *path)
{
	FILE *table = fopen(path, "r");
	char line[2048];

	if (table == NULL)
		die("open", path);
	while (fgets(line, sizeof(line), table) != NULL) {
		struct destination *at = &destinations[n_destinations];
		int used = 0;

		if (n_destinations == MAX_DESTINATIONS ||
		    sscanf(line, "%63s %d %n", at->name, &at->port, &used) < 2)
			die("bad line", line);
		configure(at, line + used);
		listen_at(at);
		n_destinations++;
	}
	fclose(table);
}

static int
get(struct peer *p, char *to, size_t size)
{
	return p->tls != NULL ? SSL_read(p->tls, to, (int)size) : (int)read(p->fd, to, size);
}

static void
put(struct peer *p, const char *text)
{
	if ((p->tls != NULL ? SSL_write(p->tls, text, (int)strlen(text))
			    : (int)write(p->fd, text, strlen(text))) <= 0)
		_exit(0);
}

/* The next line, without its end; the process ends with the connection. */
static void
get_line(struct peer *p, char *line, size_t size)
{
	for (;;) {
		char *end = memchr(p->line, '\n', p->have);

		if (end != NULL) {
			snprintf(line, size, "%.*s", (int)(end - p->line), p->line);
			p->have -= (size_t)(end + 1 - p->line);
			memmove(p->line, end + 1, p->have);
			return;
		}
		int n = p->have < sizeof(p->line) ? get(p, p->line + p->have, sizeof(p->line) - p->have) : 0;
		if (n <= 0)
			_exit(0);
		p->have += (size_t)n;
	}
}

static _Noreturn void
reset(struct peer *p)
{
	(void)setsockopt(p->fd, SOL_SOCKET, SO_LINGER, &(struct linger){ 1, 0 }, sizeof(struct linger));
	close(p->fd);
	_exit(0);
}

static void
report_handshake(const struct peer *p)
{
	const char *sni = SSL_get_servername(p->tls, TLSEXT_NAMETYPE_host_name);
	X509 *client = SSL_get1_peer_certificate(p->tls);
	char subject[256] = "none";

	if (client != NULL)
		X509_NAME_oneline(X509_get_subject_name(client), subject, sizeof(subject));
	printf("%s: %s %s sni=%s client=%s%s\n", p->at->name, SSL_get_version(p->tls),
	    SSL_get_cipher_name(p->tls), sni != NULL ? sni : "none", subject,
	    SSL_session_reused(p->tls) ? " resumed" : "");
	fflush(stdout);
	X509_free(client);
}

static void
start_tls(struct peer *p)
{
	static const char fatal_alert[] = { 21, 3, 3, 0, 2, 2, 40 };
	static const char warning_alert[] = { 21, 3, 3, 0, 2, 1, 112 };
	enum trouble t = p->at->trouble;
	char hello[4096];

	if (t == CLOSE_AT_STARTTLS)
		_exit(0);
	if (t == RESET_AT_STARTTLS)
		reset(p);
	if (t == CLOSE_AT_HELLO || t == RESET_AT_HELLO || t == ALERT_AT_HELLO || t == TEXT_FOR_TLS) {
		(void)!read(p->fd, hello, sizeof(hello));
		/* Not before: a client that reads ahead would take it for plaintext. */
		if (t == TEXT_FOR_TLS)
			put(p, "454 4.7.0 TLS not available after all\r\n");
		if (t == ALERT_AT_HELLO)
			(void)!write(p->fd, fatal_alert, sizeof(fatal_alert));
		if (t == RESET_AT_HELLO)
			reset(p);
		_exit(0);
	}
	if (t == WARNING_AT_HELLO)
		(void)!write(p->fd, warning_alert, sizeof(warning_alert));

	SSL *tls = SSL_new(p->at->ctx);
	SSL_set_fd(tls, p->fd);
	if (SSL_accept(tls) != 1)
		_exit(0);
	p->tls = tls;
	p->have = 0;
	report_handshake(p);
	if (t == CLOSE_AFTER_HANDSHAKE)
		_exit(0);
	if (t == ALERT_AFTER_HANDSHAKE) {
		SSL_shutdown(tls);
		_exit(0);
	}
	if (t == RENEGOTIATE)
		SSL_renegotiate(tls);
	if (t == KEY_UPDATE)
		SSL_key_update(tls, SSL_KEY_UPDATE_REQUESTED);
}

static int
is_command(const char *line, const char *command)
{
	return strncasecmp(line, command, strlen(command)) == 0;
}

static void
take_message(struct peer *p)
{
	char line[2048];

	put(p, "354 go on\r\n");
	do
		get_line(p, line, sizeof(line));
	while (strcmp(line, ".\r") != 0);
	put(p, "250 2.0.0 taken\r\n");
}

static _Noreturn void
serve(const struct destination *at, int fd)
{
	struct peer p = { .at = at, .fd = fd };
	char line[2048], reply[256];

	alarm(CONNECTION_LIMIT);
	snprintf(reply, sizeof(reply), "220 %s.dest.test ESMTP\r\n", at->name);
	put(&p, reply);
	for (;;) {
		get_line(&p, line, sizeof(line));
		if (is_command(line, "EHLO") || is_command(line, "LHLO")) {
			if (p.tls != NULL && at->trouble == CLOSE_AFTER_EHLO)
				_exit(0);
			snprintf(reply, sizeof(reply), "250-%s.dest.test\r\n%s250 8BITMIME\r\n", at->name,
			    p.tls == NULL && at->trouble != NO_STARTTLS ? "250-STARTTLS\r\n" : "");
			put(&p, reply);
		} else if (is_command(line, "STARTTLS")) {
			if (at->trouble == REFUSE) {
				put(&p, "454 4.7.0 not now\r\n");
				continue;
			}
			put(&p, "220 2.0.0 go on\r\n");
			start_tls(&p);
		} else if (is_command(line, "DATA")) {
			take_message(&p);
		} else if (is_command(line, "QUIT")) {
			put(&p, "221 2.0.0 bye\r\n");
			if (p.tls != NULL)
				SSL_shutdown(p.tls);
			_exit(0);
		} else {
			put(&p, "250 2.0.0 ok\r\n");
		}
	}
}

int
main(int argc, char **argv)
{
	static struct pollfd listeners[MAX_DESTINATIONS];

	if (argc != 2) {
		fprintf(stderr, "usage: tls-destinations TABLE\n");
		return 64;
	}
	signal(SIGCHLD, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	load(argv[1]);
	for (int i = 0; i < n_destinations; i++)
		listeners[i] = (struct pollfd){ .fd = destinations[i].listener, .events = POLLIN };
	puts("ready");
	fflush(stdout);
	for (;;) {
		if (poll(listeners, (nfds_t)n_destinations, -1) < 0)
			continue;
		for (int i = 0; i < n_destinations; i++) {
			int fd =
			    (listeners[i].revents & POLLIN) != 0 ? accept(listeners[i].fd, NULL, NULL) : -1;

			if (fd < 0)
				continue;
			if (fork() == 0)
				serve(&destinations[i], fd);
			close(fd);
		}
	}
}
