/* SPDX-License-Identifier: ISC */
/*
 * tlsproxy-check: what every tlsproxy does, seen from its service socket.
 *
 * usage: tlsproxy-check SOCKET CERT-DIR ours|stock [full]
 *
 * CERT-DIR holds server.pem (key and certificate for mx.host.test), ca.pem (who signed it), other.pem (a CA
 * that did not) and client.pem. The same cases run against ours and against Postfix's. Where the two are
 * meant to differ, the table of cases says why: what follows "stock:" is what Postfix's does, or it is not
 * asked at all because it would hang or die of it. Prints TAP.
 */
#include "tlsproxy_drive.h"

#include <signal.h>
#include <sys/wait.h>

#include <openssl/x509.h>

static bool ours, full;
static const char *certs;
static char *bulk;
static char result[4096]; /* of the case that runs */

enum { MIB = 1024 * 1024, KB300 = 300 * 1000 };

__attribute__((format(printf, 1, 2))) static const char *
say(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(result, sizeof result, format, args);
	va_end(args);
	return result;
}

static const char *
path_of(const char *name)
{
	static char paths[32][512];
	static int next;

	next = (next + 1) % 32;
	snprintf(paths[next], sizeof paths[next], "%s/%s", certs, name);
	return paths[next];
}

static const struct session_request may = { 0 };

#include "tlsproxy_check_sessions.h"
#include "tlsproxy_check_requests.h"
#include "tlsproxy_check_hostile.h"

/* --- the table --- */

struct check {
	const char *name;
	const char *(*run)(void);
	const char *wanted;
	const char *stock; /* NULL: the same; "-": not asked */
	const char *why;   /* the two are meant to differ */
	bool full;         /* takes long */
};

#define NOT_3_7 "a feature of Postfix 3.12"
#define HANGS   "Postfix's stops all sessions, or dies"

static const struct check checks[] = {
	{ "srv.announce", srv_announce, "28 bytes", 0, 0, 0 },
	{ "srv.tls1.2", srv_tls12, "ok", 0, 0, 0 },
	{ "srv.tls1.3", srv_tls13, "ok", 0, 0, 0 },
	{ "cli.tls1.2", cli_tls12, "ok", 0, 0, 0 },
	{ "cli.tls1.3", cli_tls13, "ok", 0, 0, 0 },
	{ "mixed.50concurrent", fifty_of_each, "100 of 100", 0, 0, 0 },
	{ "srv.context.tls1.3", srv_context_13, "22 in order, TLSv1.3, then data", 0, 0, 0 },
	{ "srv.context.tls1.2", srv_context_12, "22 in order, TLSv1.2, then data", 0, 0, 0 },
	{ "cli.context.tls1.3", cli_context_13, "22 in order, TLSv1.3, digests agree, then data", 0, 0, 0 },
	{ "cli.context.tls1.2", cli_context_12, "22 in order, TLSv1.2, digests agree, then data", 0, 0, 0 },
	{ "cli.context.3.11", cli_context_311, "25 in order, TLSv1.3, digests agree, then data", "-",
	    "only ours reads the requests of all releases", 0 },
	{ "cli.context.3.12", cli_context_312, "26 in order, TLSv1.3, digests agree, then data", "-",
	    "only ours reads the requests of all releases", 0 },
	{ "srv.scope.3.12", srv_scope_312, "new, resumed, new", "-",
	    "only ours reads the requests of all releases", 0 },
	{ "srv.no_context", srv_no_context, "data first", 0, 0, 0 },
	{ "srv.plain_before_handshake", srv_plain_before, "ok", 0, 0, 0 },
	{ "srv.split_request", srv_split, "1", 0, 0, 0 },
	{ "srv.hugevalue", srv_huge, "1", 0, 0, 0 },
	{ "srv.flags.unknownbits", srv_unknown_bits, "1", 0, 0, 0 },
	{ "srv.hs.garbage", srv_hs_garbage, "eof", 0, 0, 0 },
	{ "srv.hs.close", srv_hs_close, "eof", 0, 0, 0 },
	{ "srv.hs.no_cipher", srv_hs_no_cipher, "eof", 0, 0, 0 },
	{ "cli.hs.garbage", cli_hs_garbage, "eof", 0, 0, 0 },
	{ "srv.hs.timeout", srv_hs_timeout, "eof after 2 s", 0, 0, 0 },
	{ "srv.idle.2", srv_idle, "eof after 12 s", 0, 0, 1 },
	{ "srv.idle.30", srv_not_idle, "open", 0, 0, 1 },
	{ "srv.remote.close_notify", srv_remote_notify, "300000 bytes, eof", 0, 0, 0 },
	{ "srv.remote.close", srv_remote_close, "300000 bytes, eof", 0, 0, 0 },
	{ "srv.remote.reset", srv_remote_reset, "eof", 0, 0, 0 },
	{ "srv.plain.close", srv_plain_close, "data, close_notify", 0, 0, 0 },
	{ "cli.plain.close", cli_plain_close, "data, close_notify", 0, 0, 0 },
	{ "srv.plain.half_close", srv_plain_half_close, "data, close_notify, eof", 0, 0, 0 },
	{ "srv.backpressure.up", srv_pressure_up, "blocks, intact", 0, 0, 0 },
	{ "srv.backpressure.down", srv_pressure_down, "blocks, intact", 0, 0, 0 },
	{ "cli.idle_reuse", cli_reuse, "ok", 0, 0, 0 },

	{ "req.flags.0", req_flags_0, "0, open", 0, 0, 0 },
	{ "req.flags.3", req_flags_3, "0, open", 0, 0, 0 },
	{ "req.garbage", req_garbage, "all refused", 0, 0, 0 },
	{ "cli.malformed", cli_malformed, "all refused", 0, 0, 0 },
	{ "cli.extra_last", cli_extra_last, "1", 0, 0, 0 },
	{ "fd.none", fd_none, "eof", 0, 0, 0 },
	{ "fd.devnull", fd_devnull, "eof", 0, 0, 0 },
	{ "fd.dead_peer", fd_dead_peer, "eof", 0, 0, 0 },
	{ "cli.sni.none", sni_none, "(none)", 0, 0, 0 },
	{ "cli.sni.literal", sni_literal, "name.test", 0, 0, 0 },
	{ "cli.sni.hostname", sni_hostname, "mx.host.test", 0, 0, 0 },
	{ "cli.sni.nexthop", sni_nexthop, "nexthop.test", 0, 0, 0 },
	{ "cli.sni.dane", sni_dane, "base.test", 0, 0, 0 },
	{ "cli.verify", cli_verify, "as expected", 0, 0, 0 },
	{ "cli.clientcert", cli_clientcert, "client.test", 0, 0, 0 },
	{ "cli.bad.protocol", bad_protocol, "1, eof", 0, 0, 0 },
	{ "cli.bad.grade", bad_grade, "1, eof", 0, 0, 0 },
	{ "cli.bad.exclusion", bad_exclusion, "1, eof", 0, 0, 0 },
	{ "cli.bad.sni", bad_sni, "1, eof", 0, 0, 0 },
	{ "cli.bad.digest", bad_digest, "0, open", 0, 0, 0 },
	{ "cli.bad.cert", bad_cert, "0, open", 0, 0, 0 },
	{ "cli.bad.CAfile", bad_ca, "0, open", 0, 0, 0 },
	{ "probe.server", probe_server, "1, open", "-", NOT_3_7, 0 },
	{ "probe.client", probe_client, "1, open", "-", NOT_3_7, 0 },
	{ "long.request", long_request, "eof after 100 s", 0, 0, 1 },
	{ "long.descriptor", long_descriptor, "eof after 100 s", 0, 0, 1 },
	{ "long.refused", long_refused, "eof after 100 s", 0, 0, 1 },

	{ "req.stall", req_stall, "eof, others live", "-", HANGS, 0 },
	{ "srv.plain.close_pending_blocked", close_blocked, "all, close_notify", "-",
	    "Postfix's drops what is blocked, and hangs", 0 },
	{ "srv.independent_directions", independent, "ok", "stuck",
	    "Postfix's lets one direction wait for the other", 0 },
	{ "srv.hs.plain_close", hs_plain_close, "eof", "open", "Postfix's does not notice the caller", 0 },
	{ "srv.hs.drip_deadline", hs_drip, "eof after 2 s", "open",
	    "Postfix's has no limit for the whole handshake", 0 },
	{ "fd.two", fd_two, "eof, both closed", "eof, both open", "Postfix's keeps what it refused", 0 },
	{ "hostile.timeout", hostile_timeout, "ends, others live", "-", HANGS, 0 },
	{ "hostile.secure", hostile_secure, "ends, others live", "-", HANGS, 0 },
	{ "hostile.dane", hostile_dane, "ends, others live", "-", HANGS, 0 },
};

static SSL_CTX *
peer_context(const SSL_METHOD *method, bool server)
{
	SSL_CTX *ctx = SSL_CTX_new(method);

	SSL_CTX_set_security_level(ctx, 0);
	SSL_CTX_set_min_proto_version(ctx, TLS1_VERSION);
	if (server && (SSL_CTX_use_certificate_chain_file(ctx, path_of("server.pem")) != 1 ||
			  SSL_CTX_use_PrivateKey_file(ctx, path_of("server.pem"), SSL_FILETYPE_PEM) != 1))
		return NULL;
	return ctx;
}

int
main(int argc, char **argv)
{
	int number = 0, bad = 0;

	if (argc < 4) {
		fprintf(stderr, "usage: tlsproxy-check SOCKET CERT-DIR ours|stock [full]\n");
		return 64;
	}
	signal(SIGPIPE, SIG_IGN);
	service_path = argv[1];
	certs = argv[2];
	ours = strcmp(argv[3], "ours") == 0;
	full = argc > 4;
	peer_client_ctx = peer_context(TLS_client_method(), false);
	peer_server_ctx = peer_context(TLS_server_method(), true);
	if (!peer_server_ctx)
		return 1;
	bulk = malloc(MIB);
	for (size_t i = 0; i < MIB; i++)
		bulk[i] = (char)(i * 7 + i / 251);

	for (size_t i = 0; i < sizeof checks / sizeof *checks; i++) {
		const struct check *check = &checks[i];
		const char *wanted = ours || !check->stock ? check->wanted : check->stock;

		if (check->full && !full)
			continue;
		if (strcmp(wanted, "-") == 0) {
			printf("ok %d - %s: %s # SKIP %s\n", ++number, argv[3], check->name, check->why);
			continue;
		}
		const char *got = check->run();
		bool good = strcmp(got, wanted) == 0;
		printf("%sok %d - %s: %s: %s\n", good ? "" : "not ", ++number, argv[3], check->name, wanted);
		if (!good)
			printf("# got: %s\n", got);
		bad += !good;
		fflush(stdout);
	}
	printf("1..%d\n", number);
	return bad ? 1 : 0;
}
