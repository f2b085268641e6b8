/* SPDX-License-Identifier: ISC */
/*
 * tlsproxy_check_requests: cases of tlsproxy-check: requests, good and bad, and what becomes of them.
 */
#ifndef TLSPROXY_CHECK_REQUESTS_H
#define TLSPROXY_CHECK_REQUESTS_H

/* Sends a request in pieces of `piece` bytes; says the status. */
static const char *
send_common(int flags, const char *serverid, size_t piece)
{
	struct list request = { 0 };
	int fd = greet();

	request_common(&request, "[127.0.0.1]:25", flags, 30, 300, serverid);
	for (size_t at = 0; at < request.len; at += piece) {
		write_all(fd, request.bytes + at, request.len - at < piece ? request.len - at : piece);
		if (piece < request.len)
			usleep(2000);
	}
	say("%d", read_status(fd));
	list_free(&request);
	close(fd);
	return result;
}

static const char *
srv_split(void)
{
	return send_common(SERVER, "test", 7);
}

static const char *
srv_huge(void)
{
	char *big = calloc(1, 100001);

	memset(big, 'x', 100000);
	send_common(SERVER, big, 1 << 30);
	free(big);
	return result;
}

static const char *
srv_unknown_bits(void)
{
	return send_common(SERVER | 16, "test", 1 << 30);
}

static const char *
status_of(int flags, const struct session_request *want, double seconds)
{
	int status, fd = ask_service(flags, want, 30, 300, &status);

	say("%d, %s", status, what_comes(fd, seconds));
	close(fd);
	return result;
}

static const char *
req_flags_0(void)
{
	return status_of(0, NULL, 1);
}

static const char *
req_flags_3(void)
{
	return status_of(SERVER | CLIENT, NULL, 1);
}

static const char *
probe_server(void)
{
	return status_of(SERVER | PROBE, NULL, 1);
}

static const char *
probe_client(void)
{
	return status_of(CLIENT | PROBE, NULL, 1);
}

/* Closed without a reply? */
static bool
is_refused(const void *bytes, size_t len, bool cut)
{
	int fd = greet();

	write_all(fd, bytes, len);
	if (cut)
		shutdown(fd, SHUT_WR);
	bool refused = strcmp(what_comes(fd, PATIENCE_S), "eof") == 0;
	close(fd);
	return refused;
}

static const char *
req_garbage(void)
{
	static const struct {
		const char *name;
		const char *text;
		bool cut;
	} cases[] = {
		{ "terminator", "|", false },
		{ "wrong name", "remote|x|flags|1|timeout|1|timeout|1|serverid|x||", false },
		{ "missing", "remote_endpoint|x|flags|1|timeout|1|serverid|x||", false },
		{ "order", "flags|1|remote_endpoint|x|timeout|1|timeout|1|serverid|x||", false },
		{ "no number", "remote_endpoint|x|flags|one|timeout|1|timeout|1|serverid|x||", false },
		{ "empty number", "remote_endpoint|x|flags||timeout|1|timeout|1|serverid|x||", false },
		{ "half a number", "remote_endpoint|x|flags|1x|timeout|1|timeout|1|serverid|x||", false },
		{ "cut in a name", "remote_end", true },
		{ "cut in a value", "remote_endpoint|x|flags|1", true },
		{ "cut before the end", "remote_endpoint|x|flags|1|timeout|1|timeout|1|serverid|x|", true },
		{ "nothing", "", true },
	};
	char noise[512];

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct list request = { 0 };

		list_text(&request, cases[i].text);
		bool refused = is_refused(request.bytes ? request.bytes : "", request.len, cases[i].cut);
		list_free(&request);
		if (!refused)
			return say("not refused: %s", cases[i].name);
	}
	for (size_t i = 0; i < sizeof noise; i++)
		noise[i] = (char)(i * 167 + i / 7);
	return is_refused(noise, sizeof noise, true) ? "all refused" : "not refused: noise";
}

/* A request of the client role with `from` replaced by `to`, both in text with '|'. */
static void
bend(struct list *to_list, const char *from, const char *to)
{
	struct list good = { 0 }, old = { 0 };

	request_client(&good, &(struct session_request){ .match = "nexthop,", .level = 8 });
	list_text(&old, from);
	const char *at = memmem(good.bytes, good.len, old.bytes, old.len);
	if (!at)
		abort();
	size_t before = (size_t)(at - good.bytes);
	request_common(to_list, "[127.0.0.1]:25", CLIENT, 30, 300, "test");
	list_add(to_list, good.bytes, before);
	list_text(to_list, to);
	list_add(to_list, at + old.len, good.len - before - old.len);
	list_free(&good);
	list_free(&old);
}

static const char *
cli_malformed(void)
{
	static const struct {
		const char *name;
		const char *from;
		const char *to;
	} cases[] = {
		{ "missing in params", "tls_dane_digests|sha512 sha256|", "" },
		{ "unknown in params", "tls_dane_digests|", "tls_dane_digits|" },
		{ "missing in init", "cache_type|smtp|", "" },
		{ "order in init", "verifydepth|9|cache_type|smtp|", "cache_type|smtp|verifydepth|9|" },
		{ "no number", "verifydepth|9|", "verifydepth|nine|" },
		{ "missing in start", "nexthop|nexthop.test|", "" },
		{ "array of 2000", "argv_size|1|", "argv_size|2000|" },
		{ "array of -1", "argv_size|1|", "argv_size|4294967295|" },
		{ "fewer than said", "argv_size|1|", "argv_size|2|" },
		{ "base64", "dane|0|", "dane|1|domain||count|1|usage|3|selector|1|mtype|1|data|abc|" },
		{ "no records", "dane|0|", "dane|1|domain||count|1|" },
		{ "more in between", "log_param|smtp_tls_loglevel|", "more|x|log_param|smtp_tls_loglevel|" },
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct list request = { 0 };

		bend(&request, cases[i].from, cases[i].to);
		bool refused = is_refused(request.bytes, request.len, false);
		list_free(&request);
		if (!refused)
			return say("not refused: %s", cases[i].name);
	}
	return "all refused";
}

static const char *
cli_extra_last(void)
{
	struct list request = { 0 };
	int fd = greet();

	bend(&request, "dane|0|", "dane|0|later|1|");
	write_all(fd, request.bytes, request.len);
	say("%d", read_status(fd));
	list_free(&request);
	close(fd);
	return result;
}

/* --- descriptors --- */

static const char *
fd_none(void)
{
	int status, fd = ask_service(SERVER, NULL, 30, 300, &status);

	write_all(fd, "", 1);
	const char *end = what_comes(fd, PATIENCE_S);
	close(fd);
	return end;
}

static const char *
pass(int passed)
{
	int status, fd = ask_service(SERVER, NULL, 30, 300, &status);

	send_descriptor(fd, passed);
	close(passed);
	const char *end = what_comes(fd, PATIENCE_S);
	close(fd);
	return end;
}

static const char *
fd_devnull(void)
{
	return pass(open("/dev/null", O_RDWR));
}

static const char *
fd_dead_peer(void)
{
	int ends[2];

	tcp_pair(ends);
	close(ends[0]);
	return pass(ends[1]);
}

/* --- SNI --- */

static const char *
sni_seen(const struct session_request *want)
{
	struct session s;

	if (!open_session(&s, 0, want, 0))
		return "no session";
	const char *name = SSL_get_servername(s.ssl, TLSEXT_NAMETYPE_host_name);
	say("%s", name ? name : "(none)");
	close_session(&s);
	return result;
}

static const char *
sni_none(void)
{
	return sni_seen(&may);
}

static const char *
sni_literal(void)
{
	return sni_seen(&(struct session_request){ .sni = "name.test" });
}

static const char *
sni_hostname(void)
{
	return sni_seen(&(struct session_request){ .sni = "hostname" });
}

static const char *
sni_nexthop(void)
{
	return sni_seen(&(struct session_request){ .sni = "nexthop" });
}

/* One record of the server's key or certificate; with `wrong`, of nothing. */
static const char *
tlsa(int usage, int selector, int mtype, bool wrong)
{
	static char text[32][256];
	static int next;
	unsigned char digest[32], base64[64], *der = NULL;
	X509 *cert = SSL_CTX_get0_certificate(peer_server_ctx);
	int len = selector ? i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), &der) : i2d_X509(cert, &der);

	EVP_Digest(der, (size_t)len, digest, NULL, EVP_sha256(), NULL);
	OPENSSL_free(der);
	digest[0] ^= wrong;
	EVP_EncodeBlock(base64, digest, 32);
	next = (next + 1) % 32;
	snprintf(text[next], sizeof text[next], "usage|%d|selector|%d|mtype|%d|data|%s|", usage, selector,
	    mtype, (char *)base64);
	return text[next];
}

static const char *
sni_dane(void)
{
	return sni_seen(&(struct session_request){
	    .level = 5, .match = "base.test,", .domain = "base.test", .records = tlsa(3, 1, 1, false) });
}

/* --- verification --- */

static const char *
cli_verify(void)
{
	const struct {
		const char *name;
		int level, status;
		struct session_request want;
	} cases[] = {
		{ "may, unknown CA", 1, 1, { .level = 1 } },
		{ "may, known CA", 1, 5, { .level = 1, .CAfile = path_of("ca.pem") } },
		{ "secure, name", 8, 29,
		    { .level = 8, .CAfile = path_of("ca.pem"), .match = "mx.host.test," } },
		{ "secure, dot", 8, 29, { .level = 8, .CAfile = path_of("ca.pem"), .match = ".host.test," } },
		{ "verify, hostname", 7, 29,
		    { .level = 7, .CAfile = path_of("ca.pem"), .match = "hostname," } },
		{ "secure, nexthop", 8, 29,
		    { .level = 8,
			.CAfile = path_of("ca.pem"),
			.match = "nexthop,",
			.nexthop = "mx.host.test" } },
		{ "secure, dot-nexthop", 8, 29,
		    { .level = 8,
			.CAfile = path_of("ca.pem"),
			.match = "dot-nexthop,",
			.nexthop = "host.test" } },
		{ "secure, mismatch", 8, 1,
		    { .level = 8, .CAfile = path_of("ca.pem"), .match = "other.test," } },
		{ "secure, untrusted", 8, 1,
		    { .level = 8, .CAfile = path_of("other.pem"), .match = "mx.host.test," } },
		{ "fingerprint, certificate", 3, 29, { .level = 3, .records = tlsa(3, 0, 255, false) } },
		{ "fingerprint, key", 3, 29, { .level = 3, .records = tlsa(3, 1, 255, false) } },
		{ "fingerprint, mismatch", 3, 1, { .level = 3, .records = tlsa(3, 1, 255, true) } },
		{ "dane 3 1 1", 5, 29,
		    { .level = 5,
			.match = "mx.host.test,",
			.domain = "mx.host.test",
			.records = tlsa(3, 1, 1, false) } },
		{ "dane-only 3 0 1", 6, 29,
		    { .level = 6,
			.match = "mx.host.test,",
			.domain = "mx.host.test",
			.records = tlsa(3, 0, 1, false) } },
		{ "halfdane", 4, 13,
		    { .level = 4,
			.match = "mx.host.test,",
			.domain = "mx.host.test",
			.records = tlsa(3, 1, 1, false) } },
		{ "dane, mismatch", 5, 1,
		    { .level = 5,
			.match = "mx.host.test,",
			.domain = "mx.host.test",
			.records = tlsa(3, 1, 1, true) } },
		{ "dane, unusable", 2, 1,
		    { .level = 5,
			.match = "mx.host.test,",
			.domain = "mx.host.test",
			.records = tlsa(3, 1, 77, false) } },
		{ "dane-only, unusable", 6, 1,
		    { .level = 6,
			.match = "mx.host.test,",
			.domain = "mx.host.test",
			.records = tlsa(3, 1, 77, false) } },
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct session s;
		char level[16], status[16];
		int count;

		if (!open_session(&s, CONTEXT, &cases[i].want, 0))
			return say("no session: %s", cases[i].name);
		char *lines = read_result(&s, &count);
		bool same = atoi(field(lines, "level", level, sizeof level)) == cases[i].level &&
			    atoi(field(lines, "peer_status", status, sizeof status)) == cases[i].status;
		if (!same)
			say("%s: level %s, status %s", cases[i].name,
			    field(lines, "level", level, sizeof level),
			    field(lines, "peer_status", status, sizeof status));
		free(lines);
		close_session(&s);
		if (!same)
			return result;
	}
	return "as expected";
}

static const char *
cli_clientcert(void)
{
	struct session s;
	char name[64] = "(none)";

	if (!begin(&s, 0, &(struct session_request){ .chain_files = path_of("client.pem") }, 0, 30, 300))
		return "no session";
	SSL_set_verify(s.ssl, SSL_VERIFY_PEER, NULL);
	SSL_set_verify_depth(s.ssl, 0);
	X509_VERIFY_PARAM_set_flags(SSL_get0_param(s.ssl), X509_V_FLAG_PARTIAL_CHAIN);
	X509_STORE *store = X509_STORE_new();
	X509_STORE_load_locations(store, path_of("client.pem"), NULL);
	SSL_set1_verify_cert_store(s.ssl, store);
	X509_STORE_free(store);
	bool shaken = shake(&s);
	X509 *cert = SSL_get0_peer_certificate(s.ssl);
	if (shaken && cert)
		X509_NAME_get_text_by_NID(X509_get_subject_name(cert), NID_commonName, name, sizeof name);
	close_session(&s);
	return say("%s", name);
}

/* --- what cannot be done --- */

static const char *
status_then_end(const struct session_request *want)
{
	struct session s;

	if (!begin(&s, CONTEXT, want, 0, 30, 300)) {
		say("%d, %s", s.status, what_comes(s.caller, 1));
		close(s.caller);
		return result;
	}
	say("%d, %s", s.status, what_comes(s.caller, PATIENCE_S));
	close_session(&s);
	return result;
}

static const char *
bad_protocol(void)
{
	return status_then_end(&(struct session_request){ .protocols = ">=TLSv9" });
}

static const char *
bad_grade(void)
{
	return status_then_end(&(struct session_request){ .grade = "best" });
}

static const char *
bad_exclusion(void)
{
	return status_then_end(&(struct session_request){ .exclusions = "!RC4" });
}

static const char *
bad_sni(void)
{
	char name[300];

	memset(name, 'x', sizeof name);
	name[sizeof name - 1] = 0;
	return status_then_end(&(struct session_request){ .sni = name });
}

static const char *
bad_digest(void)
{
	return status_then_end(&(struct session_request){ .mdalg = "sha9" });
}

static const char *
bad_cert(void)
{
	return status_then_end(&(struct session_request){ .cert_file = "/nonexistent" });
}

static const char *
bad_ca(void)
{
	return status_then_end(&(struct session_request){ .CAfile = "/nonexistent" });
}

/* --- the long limits --- */

static const char *
long_wait(int fd)
{
	double start = now_s();
	const char *end = what_comes(fd, 130);
	bool late = now_s() - start >= 98;

	close(fd);
	return say("%s after%s 100 s", end, late ? "" : " less than");
}

static const char *
long_request(void)
{
	return long_wait(greet());
}

static const char *
long_descriptor(void)
{
	int status;

	return long_wait(ask_service(SERVER, NULL, 30, 300, &status));
}

static const char *
long_refused(void)
{
	int status;

	return long_wait(ask_service(0, NULL, 30, 300, &status));
}

#endif
