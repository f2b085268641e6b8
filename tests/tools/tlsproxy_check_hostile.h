/* SPDX-License-Identifier: ISC */
/*
 * tlsproxy_check_hostile: cases of tlsproxy-check: callers and peers that stall, leave and lie. Other
 * sessions must not notice.
 */
#ifndef TLSPROXY_CHECK_HOSTILE_H
#define TLSPROXY_CHECK_HOSTILE_H

/* A caller that stops at each of many places of its request; an ordinary session meanwhile; all are let go.
 */
static const char *
req_stall(void)
{
	struct list request = { 0 };
	struct session s;
	int fds[64], count = 0;
	bool live = open_session(&s, 0, NULL, 0), eof = true;

	request_common(&request, "[127.0.0.1]:25", CLIENT, 30, 300, "test");
	request_client(&request, &may);
	for (size_t cut = 1; cut < request.len && count < 64; cut += request.len / 60) {
		fds[count] = greet();
		write_all(fds[count++], request.bytes, cut);
	}
	list_free(&request);
	for (double end = now_s() + 6; live && now_s() < end; usleep(200 * 1000))
		live = exchange(&s, bulk, 1000, 1000);
	for (int i = 0; i < count; i++) {
		eof = eof && strcmp(what_comes(fds[i], PATIENCE_S), "eof") == 0;
		close(fds[i]);
	}
	live = live && exchange(&s, bulk, 1000, 1000);
	close_session(&s);
	return say("%s, %s", eof ? "eof" : "open", live ? "others live" : "others do not");
}

/* The caller closes while much of what it wrote cannot go on to the remote yet. */
static const char *
close_blocked(void)
{
	struct session s;
	bool same = true;
	char *got = malloc(MIB);

	if (!open_session(&s, 0, NULL, 0))
		return "no session";
	size_t sent = send_until_blocked(&s, false);
	close(s.caller);
	s.caller = -1;
	usleep(300 * 1000);
	for (size_t have = 0; same && have < sent;) {
		size_t len = sent - have < MIB ? sent - have : MIB;

		same = peer_read(&s, got, len) == len && memcmp(got, bulk, len) == 0;
		have += len;
	}
	free(got);
	say("%s, %s", same ? "all" : "not all", same ? peer_end(&s) : "?");
	close_session(&s);
	return result;
}

/* A caller that does not read is still read. */
static const char *
independent(void)
{
	struct session s;
	char got[4];
	size_t have = 0;

	if (!open_session(&s, 0, NULL, 0))
		return "no session";
	send_until_blocked(&s, true);
	write_all(s.caller, "NOOP", 4);
	for (double end = now_s() + (ours ? PATIENCE_S : 3); have < 4 && now_s() < end; usleep(10000)) {
		int n = SSL_read(s.ssl, got + have, (int)(4 - have));

		ERR_clear_error();
		have += n > 0 ? (size_t)n : 0;
	}
	close_session(&s);
	return have == 4 && memcmp(got, "NOOP", 4) == 0 ? "ok" : "stuck";
}

static const char *
hs_plain_close(void)
{
	struct session s;

	if (!begin(&s, 0, NULL, 0, 30, 300))
		return "no session";
	usleep(200 * 1000);
	close(s.caller);
	s.caller = -1;
	const char *end = what_comes(s.remote, ours ? PATIENCE_S : 3);
	close_session(&s);
	return end;
}

/* A peer that sends its ClientHello a byte at a time, faster than the limit between two of them. */
static const char *
hs_drip(void)
{
	struct session s;
	BIO *hello = BIO_new(BIO_s_mem());
	char *bytes;
	const char *end = "open";
	double start = now_s();

	if (!begin(&s, 0, NULL, 0, 2, 300))
		return "no session";
	SSL_set0_wbio(s.ssl, hello);
	SSL_do_handshake(s.ssl);
	ERR_clear_error();
	long len = BIO_get_mem_data(hello, &bytes);
	for (long i = 0; i < len - 1 && strcmp(end, "open") == 0 && now_s() - start < 6; i++) {
		if (write(s.remote, bytes + i, 1) < 0)
			break;
		end = what_comes(s.caller, 0.2);
	}
	bool late = now_s() - start >= 1.9;
	close_session(&s);
	return strcmp(end, "open") == 0 ? end : say("%s after%s 2 s", end, late ? "" : " less than");
}

static const char *
fd_two(void)
{
	int a[2], b[2], status, fd = ask_service(SERVER, NULL, 30, 300, &status);
	char zero = 0;
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(2 * sizeof(int))];
	} control = { 0 };
	struct iovec data = { &zero, 1 };
	struct msghdr message = {
		.msg_iov = &data, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control
	};

	tcp_pair(a);
	tcp_pair(b);
	control.header.cmsg_level = SOL_SOCKET;
	control.header.cmsg_type = SCM_RIGHTS;
	control.header.cmsg_len = CMSG_LEN(2 * sizeof(int));
	memcpy(CMSG_DATA(&control.header), (int[]){ a[1], b[1] }, 2 * sizeof(int));
	sendmsg(fd, &message, 0);
	close(a[1]);
	close(b[1]);
	set_nonblocking(a[0]);
	set_nonblocking(b[0]);
	const char *end = what_comes(fd, PATIENCE_S);
	double seconds = ours ? PATIENCE_S : 2;
	int open_ends =
	    (strcmp(what_comes(a[0], seconds), "eof") != 0) + (strcmp(what_comes(b[0], seconds), "eof") != 0);
	close(a[0]);
	close(b[0]);
	close(fd);
	return say("%s, %s", end, open_ends == 0 ? "both closed" : open_ends == 1 ? "one open" : "both open");
}

/* An absurd request beside an ordinary session. */
static const char *
beside(const struct session_request *want, long session_s)
{
	struct session good, bad;
	bool live = open_session(&good, 0, NULL, 0);
	const char *end = "open";

	if (begin(&bad, CONTEXT, want, 0, 30, session_s))
		end = what_comes(bad.caller, PATIENCE_S);
	else
		end = bad.status == 0 ? "eof" : "no answer";
	close_session(&bad);
	live = live && exchange(&good, bulk, 1000, 1000);
	close_session(&good);
	return say("%s, %s", strcmp(end, "eof") == 0 ? "ends" : end, live ? "others live" : "others do not");
}

static const char *
hostile_timeout(void)
{
	return beside(NULL, 4294967286);
}

static const char *
hostile_secure(void)
{
	return beside(&(struct session_request){ .level = 8 }, 300);
}

static const char *
hostile_dane(void)
{
	return beside(&(struct session_request){ .level = 5, .match = "mx.host.test," }, 300);
}

#endif
