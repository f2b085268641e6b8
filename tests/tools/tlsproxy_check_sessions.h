/* SPDX-License-Identifier: ISC */
/*
 * tlsproxy_check_sessions: cases of tlsproxy-check: sessions, their data, and their ends.
 */
#ifndef TLSPROXY_CHECK_SESSIONS_H
#define TLSPROXY_CHECK_SESSIONS_H

static const char *
srv_announce(void)
{
	int fd = greet();
	const char *more = fd < 0 ? "" : what_comes(fd, 0.3);

	close(fd);
	return fd < 0 ? "none" : strcmp(more, "open") == 0 ? "28 bytes" : more;
}

static const char *
all_amounts(const struct session_request *want, int version)
{
	struct session s;
	const char *bad = NULL;

	if (!open_session(&s, 0, want, version))
		return "no session";
	if (!exchange(&s, bulk, 1000, 0) || !exchange(&s, bulk, 0, 1000))
		bad = "1000 bytes";
	else if (!exchange(&s, bulk, MIB, 0) || !exchange(&s, bulk, 0, MIB))
		bad = "1 MiB";
	else if (!exchange(&s, bulk, MIB, MIB))
		bad = "1 MiB each way at once";
	close_session(&s);
	return bad ? bad : "ok";
}

static const char *
srv_tls12(void)
{
	return all_amounts(NULL, TLS1_2_VERSION);
}

static const char *
srv_tls13(void)
{
	return all_amounts(NULL, TLS1_3_VERSION);
}

static const char *
cli_tls12(void)
{
	return all_amounts(&may, TLS1_2_VERSION);
}

static const char *
cli_tls13(void)
{
	return all_amounts(&may, TLS1_3_VERSION);
}

static const char *
fifty_of_each(void)
{
	struct session s[100];
	int good = 0;

	for (int i = 0; i < 100; i++)
		if (!open_session(&s[i], 0, i % 2 ? &may : NULL, 0))
			return say("session %d does not open", i);
	for (int i = 0; i < 100; i++)
		good += exchange(&s[i], bulk, 20000, 20000);
	for (int i = 0; i < 100; i++)
		close_session(&s[i]);
	return say("%d of 100", good);
}

/* --- the context list --- */

static const char names_37[] =
    "peer_CN issuer_CN peer_fingerprint peer_pubkey_fingerprint level peer_status cipher_protocol "
    "cipher_name "
    "cipher_usebits cipher_algbits key_exchange key_exchange_curve key_exchange_bits clnt_signature "
    "clnt_signature_curve clnt_signature_bits clnt_signature_digest srvr_signature srvr_signature_curve "
    "srvr_signature_bits srvr_signature_digest namaddr";
static const char names_311[] =
    "peer_CN issuer_CN peer_fingerprint peer_pubkey_fingerprint level peer_status cipher_protocol "
    "cipher_name "
    "cipher_usebits cipher_algbits key_exchange key_exchange_curve key_exchange_bits ctos_rpk stoc_rpk "
    "clnt_signature clnt_signature_curve clnt_signature_bits clnt_signature_digest srvr_signature "
    "srvr_signature_curve srvr_signature_bits srvr_signature_digest namaddr rpt_reported";

static bool
has_names(const char *lines, const char *names)
{
	for (const char *at = lines; *at; at = strchr(at, '\n') + 1) {
		size_t len = strcspn(at, "=");

		if (strncmp(at, names, len) != 0 || (names[len] != ' ' && names[len]))
			return false;
		names += names[len] ? len + 1 : len;
	}
	return !*names;
}

/* As tlsproxy writes digests. */
static void
fingerprint(const unsigned char *der, int len, char *to)
{
	unsigned char digest[32];

	EVP_Digest(der, (size_t)len, digest, NULL, EVP_sha256(), NULL);
	for (int i = 0; i < 32; i++)
		sprintf(to + 3 * i, i < 31 ? "%02X:" : "%02X", digest[i]);
}

static void
own_fingerprints(char *cert_to, char *key_to)
{
	X509 *cert = SSL_CTX_get0_certificate(peer_server_ctx);
	unsigned char *der = NULL;
	int len = i2d_X509(cert, &der);

	fingerprint(der, len, cert_to);
	OPENSSL_free(der);
	der = NULL;
	len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), &der);
	fingerprint(der, len, key_to);
	OPENSSL_free(der);
}

static const char *
context_list(const struct session_request *want, int version, const char *names)
{
	struct session s;
	char cert[100], key[100], got[128], end[64];
	int count;
	bool digests = true;

	if (!open_session(&s, CONTEXT, want, version))
		return "no session";
	/* Data in the flight of Finished, or right behind it. */
	if (SSL_write(s.ssl, "hello\r\n", 7) != 7)
		return "peer cannot write";
	char *lines = read_result(&s, &count);
	if (want) {
		own_fingerprints(cert, key);
		digests = strcmp(field(lines, "peer_fingerprint", got, sizeof got), cert) == 0 &&
			  strcmp(field(lines, "peer_pubkey_fingerprint", got, sizeof got), key) == 0;
	}
	bool tls13 = strcmp(field(lines, "cipher_protocol", got, sizeof got), "TLSv1.3") == 0;
	bool new_fields = strcmp(field(lines, "key_exchange", got, sizeof got), "") != 0;
	bool cipher = strcmp(field(lines, "cipher_name", got, sizeof got), SSL_get_cipher(s.ssl)) == 0;
	snprintf(end, sizeof end, "%s", expect_bytes(s.caller, "hello\r\n", 7) ? "then data" : "no data");
	say("%d %s, %s%s%s, %s", count, has_names(lines, names) ? "in order" : "out of order",
	    cipher && tls13 == new_fields ? field(lines, "cipher_protocol", got, sizeof got) : "wrong cipher",
	    want ? ", " : "",
	    !want     ? ""
	    : digests ? "digests agree"
		      : "wrong digests",
	    end);
	free(lines);
	close_session(&s);
	return result;
}

static const char *
srv_context_13(void)
{
	return context_list(NULL, TLS1_3_VERSION, names_37);
}

static const char *
srv_context_12(void)
{
	return context_list(NULL, TLS1_2_VERSION, names_37);
}

static const char *
cli_context_13(void)
{
	return context_list(&may, TLS1_3_VERSION, names_37);
}

static const char *
cli_context_12(void)
{
	return context_list(&may, TLS1_2_VERSION, names_37);
}

static const char *
cli_context_311(void)
{
	return context_list(&(struct session_request){ .release = 311 }, TLS1_3_VERSION, names_311);
}

static const char *
cli_context_312(void)
{
	static char names[sizeof names_311 + 20];

	snprintf(names, sizeof names, "%s trace_size_limit", names_311);
	return context_list(&(struct session_request){ .release = 312 }, TLS1_3_VERSION, names);
}

static const char *
srv_no_context(void)
{
	struct session s;

	if (!open_session(&s, 0, NULL, 0) || SSL_write(s.ssl, "hello\r\n", 7) != 7)
		return "no session";
	bool same = expect_bytes(s.caller, "hello\r\n", 7);
	close_session(&s);
	return same ? "data first" : "something else first";
}

static const char *
srv_plain_before(void)
{
	struct session s;

	if (!begin(&s, 0, NULL, 0, 30, 300))
		return "no session";
	write_all(s.caller, "220 early\r\n", 11);
	bool same = shake(&s) && peer_expect(&s, "220 early\r\n", 11);
	close_session(&s);
	return same ? "ok" : "lost";
}

/* --- handshakes that fail --- */

static const char *
raw_remote(const struct session_request *want, const char *bytes)
{
	struct session s;

	if (!begin(&s, CONTEXT, want, 0, 30, 300))
		return "no session";
	if (*bytes)
		write_all(s.remote, bytes, strlen(bytes));
	else
		shutdown(s.remote, SHUT_RDWR);
	const char *end = what_comes(s.caller, PATIENCE_S);
	close_session(&s);
	return end;
}

static const char *
srv_hs_garbage(void)
{
	return raw_remote(NULL, "QUIT\r\nQUIT\r\nQUIT\r\n");
}

static const char *
cli_hs_garbage(void)
{
	return raw_remote(&may, "500 what is this?\r\n500 what?\r\n");
}

static const char *
srv_hs_close(void)
{
	return raw_remote(NULL, "");
}

static const char *
srv_hs_no_cipher(void)
{
	struct session s;

	if (!begin(&s, CONTEXT, NULL, TLS1_2_VERSION, 30, 300))
		return "no session";
	SSL_set_cipher_list(s.ssl, "eNULL:@SECLEVEL=0");
	bool shaken = shake(&s);
	const char *end = what_comes(s.caller, PATIENCE_S);
	close_session(&s);
	return shaken ? "a session" : end;
}

static const char *
srv_hs_timeout(void)
{
	struct session s;
	double start = now_s();

	if (!begin(&s, 0, NULL, 0, 2, 300))
		return "no session";
	const char *end = what_comes(s.caller, PATIENCE_S);
	bool late = now_s() - start >= 1.9;
	close_session(&s);
	return say("%s after%s 2 s", end, late ? "" : " less than");
}

/* --- ends --- */

static const char *
srv_idle(void)
{
	struct session s;

	if (!begin(&s, 0, NULL, 0, 30, 2) || !shake(&s) || !exchange(&s, bulk, 10, 10))
		return "no session";
	double start = now_s();
	const char *end = what_comes(s.caller, PATIENCE_S);
	bool late = now_s() - start >= 10.9; /* the timer counts whole seconds */
	close_session(&s);
	return say("%s after%s 12 s", end, late ? "" : " less than");
}

static const char *
srv_not_idle(void)
{
	struct session s;

	if (!begin(&s, 0, NULL, 0, 2, 30) || !shake(&s))
		return "no session";
	const char *end = what_comes(s.caller, 5);
	close_session(&s);
	return end;
}

/* The remote sends a lot and goes; the caller reads late. */
static const char *
remote_goes(bool notify)
{
	struct session s;
	char *got = malloc(KB300);
	size_t sent = 0;
	bool eof;

	if (!open_session(&s, 0, NULL, 0))
		return "no session";
	for (double end = now_s() + PATIENCE_S; sent < KB300 && now_s() < end;) {
		int n = SSL_write(s.ssl, bulk + sent, (int)(KB300 - sent));

		if (n > 0)
			sent += (size_t)n;
		else if (!ssl_wait(s.ssl, n, end))
			break;
	}
	if (notify)
		SSL_shutdown(s.ssl);
	shutdown(s.remote, SHUT_WR);
	usleep(200 * 1000);
	size_t have = read_for(s.caller, got, KB300, PATIENCE_S, &eof);
	bool same = memcmp(got, bulk, have) == 0;
	say("%zu bytes%s, %s", have, same ? "" : " of something else", what_comes(s.caller, PATIENCE_S));
	free(got);
	close_session(&s);
	return result;
}

static const char *
srv_remote_notify(void)
{
	return remote_goes(true);
}

static const char *
srv_remote_close(void)
{
	return remote_goes(false);
}

static const char *
srv_remote_reset(void)
{
	struct session s;
	struct linger none = { .l_onoff = 1, .l_linger = 0 };

	if (!open_session(&s, 0, NULL, 0))
		return "no session";
	setsockopt(s.remote, SOL_SOCKET, SO_LINGER, &none, sizeof none);
	close(s.remote);
	s.remote = -1;
	const char *end = what_comes(s.caller, PATIENCE_S);
	close_session(&s);
	return end;
}

static const char *
caller_goes(const struct session_request *want, bool half)
{
	struct session s;

	if (!open_session(&s, 0, want, 0))
		return "no session";
	write_all(s.caller, bulk, 100000);
	if (half) {
		shutdown(s.caller, SHUT_WR);
	} else {
		close(s.caller);
		s.caller = -1;
	}
	bool same = peer_expect(&s, bulk, 100000);
	say("%s, %s%s%s", same ? "data" : "no data", peer_end(&s), half ? ", " : "",
	    half ? what_comes(s.caller, PATIENCE_S) : "");
	close_session(&s);
	return result;
}

static const char *
srv_plain_close(void)
{
	return caller_goes(NULL, false);
}

static const char *
cli_plain_close(void)
{
	return caller_goes(&may, false);
}

static const char *
srv_plain_half_close(void)
{
	return caller_goes(NULL, true);
}

/* --- back-pressure --- */

/* Sends until nothing goes for half a second; how much went, or more than 64 MB. */
static size_t
send_until_blocked(struct session *s, bool up)
{
	size_t sent = 0;

	for (double last = now_s(); now_s() - last < 0.5 && sent <= 64 * MIB;) {
		size_t at = sent % MIB;
		ssize_t n = up ? SSL_write(s->ssl, bulk + at, (int)(MIB - at))
			       : write(s->caller, bulk + at, MIB - at);

		ERR_clear_error();
		if (n > 0) {
			sent += (size_t)n;
			last = now_s();
		} else {
			usleep(1000);
		}
	}
	return sent;
}

static const char *
pressure(bool up)
{
	struct session s;
	char *got = malloc(MIB);
	bool same = true, eof;

	if (!open_session(&s, 0, NULL, 0))
		return "no session";
	size_t sent = send_until_blocked(&s, up);
	for (size_t have = 0; same && have < sent;) {
		size_t len = sent - have < MIB ? sent - have : MIB;
		size_t n = up ? read_for(s.caller, got, len, PATIENCE_S, &eof) : peer_read(&s, got, len);

		same = n == len && memcmp(got, bulk, len) == 0;
		have += len;
	}
	free(got);
	close_session(&s);
	return say("%s, %s", sent <= 64 * MIB ? "blocks" : "swallows", same ? "intact" : "not intact");
}

static const char *
srv_pressure_up(void)
{
	return pressure(true);
}

static const char *
srv_pressure_down(void)
{
	return pressure(false);
}

/* Another process goes on with the caller's descriptor. */
static const char *
cli_reuse(void)
{
	struct session s;
	int status = 1;

	if (!open_session(&s, CONTEXT, &may, 0))
		return "no session";
	int count;
	free(read_result(&s, &count));
	pid_t child = fork();
	if (child == 0) {
		write_all(s.caller, "RSET\r\n", 6);
		_exit(expect_bytes(s.caller, "250 ok\r\n", 8) ? 0 : 1);
	}
	close(s.caller);
	s.caller = -1;
	bool same = peer_expect(&s, "RSET\r\n", 6) && SSL_write(s.ssl, "250 ok\r\n", 8) == 8;
	waitpid(child, &status, 0);
	same = same && status == 0 && strcmp(peer_end(&s), "close_notify") == 0;
	close_session(&s);
	return same ? "ok" : "lost";
}

/* A ticket is good for the service that it is from. */
static const char *
srv_scope_312(void)
{
	static const char *const serverids[] = { "one", "one", "two" };
	const char *words[3] = { "none", "none", "none" };
	SSL_SESSION *ticket = NULL;

	for (int i = 0; i < 3; i++) {
		struct session s = { .remote = -1 };
		struct list request = { 0 };
		int ends[2];

		s.caller = greet();
		request_common(&request, "[127.0.0.1]:25", SERVER, 30, 300, "unused");
		request_server(&request, path_of("server.pem"), serverids[i]);
		write_all(s.caller, request.bytes, request.len);
		list_free(&request);
		if (read_status(s.caller) != 1) {
			close(s.caller);
			break;
		}
		tcp_pair(ends);
		s.remote = ends[0];
		send_descriptor(s.caller, ends[1]);
		close(ends[1]);
		set_nonblocking(s.remote);
		s.ssl = SSL_new(peer_client_ctx);
		SSL_set_fd(s.ssl, s.remote);
		SSL_set_max_proto_version(s.ssl, TLS1_2_VERSION);
		SSL_set_connect_state(s.ssl);
		if (ticket)
			SSL_set_session(s.ssl, ticket);
		if (shake(&s))
			words[i] = SSL_session_reused(s.ssl) ? "resumed" : "new";
		if (!ticket)
			ticket = SSL_get1_session(s.ssl);
		/* Else the library takes the session for a bad one. */
		SSL_shutdown(s.ssl);
		close_session(&s);
	}
	SSL_SESSION_free(ticket);
	return say("%s, %s, %s", words[0], words[1], words[2]);
}

#endif
