/* SPDX-License-Identifier: ISC */
/*
 * tls-engine: the TLS engine by itself, as a client: one handshake at a port, what is logged, and the result.
 *
 *   tls-engine [option ...] PORT [name ...]
 *
 * Options are those of posttls-finger(1) as far as there are such: -l level, -L log level, -F CAfile, -P
 * CApath, -A trust anchor file, -p protocols, -g cipher grade, -s SNI, -H chain files, -d digest, -M MATCHING
 * TYPES (tls_dane_digests). At level "fingerprint" the names are fingerprints. Ours are -D BASE for the TLSA
 * base domain, -t "USAGE SELECTOR MTYPE HEX" for each record, and -R 307..312 for the Postfix that is asking.
 * Log lines go to standard output; the last one is "level=N status=N", or "failed".
 */
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tls/chain.h"
#include "tls/conn.h"
#include "tls/context.h"
#include "tls/dane.h"
#include "tls/level.h"
#include "tls/loglevel.h"
#include "tls/summary.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/hex.h"
#include "util/log.h"

static void
print(enum log_level level, const char *text, void *context)
{
	(void)context;
	printf("%s%s\n", log_label(level), text);
}

static void
add_record(struct dane_set *set, const char *text)
{
	unsigned int usage, selector, mtype;
	struct buf data = BUF_INIT;
	int at = 0;

	if (sscanf(text, "%u %u %u %n", &usage, &selector, &mtype, &at) < 3 ||
	    !hex_decode(&data, text + at, strlen(text + at)))
		log_fatal("no record: %s", text);
	dane_set_add(set, (uint8_t)usage, (uint8_t)selector, (uint8_t)mtype, data.bytes, data.len);
	buf_release(&data);
}

static void
add_anchors(struct dane_set *set, const char *file, const char *log_level)
{
	struct buf pem = BUF_INIT;

	if (chain_read_file(file, &pem, NULL) < 0)
		log_warn("error opening trust anchor file: %s: %m", file);
	if (dane_set_add_anchors(set, file, pem.bytes, pem.len, loglevel_parse("-L option", log_level)) < 0)
		log_fatal("Failed to load trust anchor file: %s", file);
	buf_release(&pem);
}

static int
connect_to(int port)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) < 0)
		log_fatal("connect: %m");
	return fd;
}

static enum tls_io
handshake(struct conn *conn, int fd)
{
	for (;;) {
		enum tls_io result = conn_handshake(conn);
		struct pollfd wait = { .fd = fd, .events = result == TLS_IO_WANT_WRITE ? POLLOUT : POLLIN };

		if (result != TLS_IO_WANT_READ && result != TLS_IO_WANT_WRITE)
			return result;
		if (poll(&wait, 1, 10000) <= 0)
			return TLS_IO_ERROR;
	}
}

/* A server of TLS 1.3 may have something against the client's certificate after all. */
static void
await_peer(struct conn *conn, int fd)
{
	struct pollfd wait = { .fd = fd, .events = POLLIN };
	enum tls_io result;
	char byte;
	size_t len;

	do {
		conn_begin_turn(conn);
		result = conn_read(conn, &byte, 1, &len);
	} while (result == TLS_IO_WANT_READ && poll(&wait, 1, 10000) > 0);
}

int
main(int argc, char **argv)
{
	struct context_client_settings settings = {
		.log_param = "-L option",
		.log_level = "routine,certmatch",
		.verifydepth = 9,
		.fingerprint_digest = "sha256",
		.dane_digests = "sha512 sha256",
		.eecdh_auto_curves = "X25519 X448 prime256v1 secp521r1 secp384r1",
		.cipher_grades = {
			.high = "aNULL:-aNULL:HIGH:@STRENGTH",
			.medium = "aNULL:-aNULL:HIGH:MEDIUM:+RC4:@STRENGTH",
			.low = "aNULL:-aNULL:HIGH:MEDIUM:LOW:+RC4:@STRENGTH",
			.export = "aNULL:-aNULL:HIGH:MEDIUM:LOW:EXPORT:+RC4:@STRENGTH",
			.null = "eNULL:!aNULL",
		},
	};
	struct conn_client_settings request = {
		.release = CONN_RELEASE_3_7,
		.level = LEVEL_MAY,
		.nexthop = "127.0.0.1",
		.host = "127.0.0.1",
		.protocols = ">=TLSv1",
		.cipher_grade = "medium",
		.enable_rpk = -1,
	};
	struct dane_set *set = NULL;
	const char *base = "";
	char *anchors[16], *records[16];
	int anchor_count = 0, record_count = 0, option;

	signal(SIGPIPE, SIG_IGN);
	log_set_sink(print, NULL);
	while ((option = getopt(argc, argv, "l:L:F:P:A:p:g:s:H:d:M:D:t:R:")) > 0) {
		switch (option) {
		case 'l':
			request.level =
			    strcmp(optarg, "halfdane") == 0 ? LEVEL_HALFDANE : (int)level_from_name(optarg);
			break;
		case 'L':
			settings.log_level = optarg;
			break;
		case 'F':
			settings.CAfile = optarg;
			break;
		case 'P':
			settings.CApath = optarg;
			break;
		case 'A':
			if (anchor_count < 16)
				anchors[anchor_count++] = optarg;
			break;
		case 'p':
			request.protocols = optarg;
			break;
		case 'g':
			request.cipher_grade = optarg;
			break;
		case 's':
			request.sni = optarg;
			break;
		case 'H':
			settings.chain_files = optarg;
			break;
		case 'd':
			settings.fingerprint_digest = optarg;
			break;
		case 'M':
			settings.dane_digests = optarg;
			break;
		case 'D':
			base = optarg;
			break;
		case 't':
			if (record_count < 16)
				records[record_count++] = optarg;
			break;
		case 'R':
			request.release = atoi(optarg);
			break;
		default:
			return 64;
		}
	}
	if (optind >= argc)
		return 64;
	if (anchor_count + record_count > 0 || request.level == LEVEL_FINGERPRINT)
		set = dane_set_new(base);
	for (int i = 0; i < anchor_count; i++)
		add_anchors(set, anchors[i], settings.log_level);
	for (int i = 0; i < record_count; i++)
		add_record(set, records[i]);

	int port = atoi(argv[optind++]);
	char *namaddr = alloc_printf("127.0.0.1[127.0.0.1]:%d", port);

	for (int i = optind; i < argc && request.level == LEVEL_FINGERPRINT; i++)
		dane_set_add_fingerprints(
		    set, argv[i], loglevel_parse(settings.log_param, settings.log_level));
	request.match = (const char *const *)argv + optind;
	request.match_count = (size_t)(argc - optind);
	request.dane = set;
	request.namaddr = namaddr;
	request.cipher_exclusions = level_must_match(request.level) ? "aNULL" : "eNULL";
	request.fd = connect_to(port);

	struct context *context = context_new_client(&settings);
	struct conn *conn = context ? conn_new_client(context, NULL, &request) : NULL;

	if (conn && handshake(conn, request.fd) == TLS_IO_DONE) {
		struct summary summary;

		conn_summary(conn, &summary);
		await_peer(conn, request.fd);
		printf("level=%d status=%d\n", summary.level, summary.peer_status);
		summary_release(&summary);
	} else {
		printf("failed\n");
	}
	conn_free(conn);
	context_unref(context);
	dane_set_free(set);
	close(request.fd);
	free(namaddr);
	return 0;
}
