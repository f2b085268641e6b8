/* SPDX-License-Identifier: ISC */
/*
 * tlsproxy-hostile: many sessions, much data, and callers and peers that behave badly, towards one tlsproxy.
 *
 * usage: tlsproxy-hostile SOCKET CHAIN-FILE
 *
 * Told what to do on standard input, with a line of answer each:
 *   open N      N more sessions of both roles and both versions of TLS   -> "open N"
 *   echo BYTES  through each of them, both ways at once                  -> "echo M of N"
 *   bulk MIB    both ways at once on one session, for each role          -> "bulk 2 of 2"
 *   hostile N   N processes, each bad in one of the ways of the table, all at once; those after which a
 * session has to end see whether it does                           -> "hostile N, ended M of M" ways each way
 * once, a few at a time                           -> the same ordinary    exchanges data on a session of its
 * own, until the next command
 *               -> "ordinary right, N exchanges, longest wait W ms", or "ordinary broken after N exchanges"
 *   close       all sessions                                             -> "closed"
 */
#include <signal.h>
#include <stdint.h>
#include <sys/wait.h>

#include "tlsproxy_drive.h"

enum { MAX_SESSIONS = 4000, PIECE = 65536, END_PATIENCE_S = 120, FLOOD = 64 };
/* A prime, so that a piece that is lost or doubled shows. */
enum { PERIOD = 1048573 };

static char pattern[PERIOD + PIECE];
static struct session sessions[MAX_SESSIONS];
static int n_sessions;
static const struct session_request usual;

static bool
open_any(struct session *s, int i)
{
	return open_session(s, 0, i & 1 ? &usual : NULL, i & 2 ? TLS1_2_VERSION : TLS1_3_VERSION);
}

/* --- much data --- */

/* `bytes` each way; a stream that stands still for END_PATIENCE_S is stuck. */
static bool
stream(struct session *s, uint64_t bytes)
{
	uint64_t peer_sent = 0, peer_got = 0, caller_sent = 0, caller_got = 0;
	static char piece[PIECE];
	double moved_at = now_s();

	while (peer_got < bytes || caller_got < bytes) {
		uint64_t before = peer_sent + peer_got + caller_sent + caller_got;
		uint64_t peer_left = bytes - peer_sent, caller_left = bytes - caller_sent;
		int n;
		ssize_t m;

		if (peer_left > 0 && (n = SSL_write(s->ssl, pattern + peer_sent % PERIOD,
					  peer_left < PIECE ? (int)peer_left : PIECE)) > 0)
			peer_sent += (uint64_t)n;
		if ((n = SSL_read(s->ssl, piece, sizeof piece)) > 0) {
			if (memcmp(piece, pattern + peer_got % PERIOD, (size_t)n) != 0)
				return false;
			peer_got += (uint64_t)n;
		}
		ERR_clear_error();
		if (caller_left > 0 && (m = write(s->caller, pattern + caller_sent % PERIOD,
					    caller_left < PIECE ? caller_left : PIECE)) > 0)
			caller_sent += (uint64_t)m;
		if ((m = read(s->caller, piece, sizeof piece)) > 0) {
			if (memcmp(piece, pattern + caller_got % PERIOD, (size_t)m) != 0)
				return false;
			caller_got += (uint64_t)m;
		}
		if (before != peer_sent + peer_got + caller_sent + caller_got) {
			moved_at = now_s();
			continue;
		}
		if (now_s() - moved_at > END_PATIENCE_S)
			return false;
		struct pollfd wait[2] = { { .fd = s->remote, .events = POLLIN },
			{ .fd = s->caller, .events = POLLIN } };
		poll(wait, 2, 2);
	}
	return peer_got == bytes && caller_got == bytes;
}

static void
bulk(int mib)
{
	int good = 0;

	for (int role = 0; role < 2; role++) {
		struct session s;

		good += open_any(&s, role) && stream(&s, (uint64_t)mib << 20);
		close_session(&s);
	}
	printf("bulk %d of 2\n", good);
}

/* --- bad ways --- */

enum state { GREETED, ASKED, ANSWERED, BEGUN, HELLO, FLIGHT, OPEN, BLOCKED };

static const char *const state_names[] = {
	[GREETED] = "greeted",   /* the caller has connected */
	[ASKED] = "asked",       /* it has sent half of its request */
	[ANSWERED] = "answered", /* it has the status and keeps the descriptor */
	[BEGUN] = "begun",       /* tlsproxy has the descriptor; the peer has sent nothing */
	[HELLO] = "hello",       /* the peer has sent its first flight, */
	[FLIGHT] = "flight",     /* its second one */
	[OPEN] = "open",
	[BLOCKED] = "blocked", /* open, and neither end takes what the other sends */
};

static void
send_raw(struct session *s, const void *bytes, size_t len)
{
	(void)!send(s->remote, bytes, len, MSG_NOSIGNAL);
}

static void
way_hold(struct session *s)
{
	(void)s;
}

static void
way_close(struct session *s)
{
	close(s->remote);
	s->remote = -1;
}

static void
way_reset(struct session *s)
{
	struct linger now = { 1, 0 };

	setsockopt(s->remote, SOL_SOCKET, SO_LINGER, &now, sizeof now);
	way_close(s);
}

static void
way_half_close(struct session *s)
{
	shutdown(s->remote, SHUT_WR);
}

static void
way_alert(struct session *s)
{
	send_raw(s, "\x15\x03\x03\x00\x02\x02\x28", 7);
}

static void
way_warnings(struct session *s)
{
	for (int i = 0; i < FLOOD; i++)
		send_raw(s, "\x15\x03\x03\x00\x02\x01\x5a", 7);
}

static void
way_garbage(struct session *s)
{
	send_raw(s, pattern + 4711, 3000);
}

static void
way_plaintext(struct session *s)
{
	send_raw(s, "QUIT\r\n", 6);
}

static void
way_huge_record(struct session *s)
{
	send_raw(s, "\x17\x03\x03\xff\xff", 5);
	send_raw(s, pattern, PIECE);
}

static void
way_empty_records(struct session *s)
{
	for (int i = 0; i < FLOOD; i++)
		send_raw(s, "\x17\x03\x03\x00\x00", 5);
}

static void
way_drip(struct session *s)
{
	static const char record[] = "\x16\x03\x01\x02\x00\x01";

	for (size_t i = 0; i < sizeof record - 1; i++, usleep(20 * 1000))
		send_raw(s, record + i, 1);
}

static void
way_key_updates(struct session *s)
{
	for (int i = 0; i < FLOOD; i++) {
		if (SSL_key_update(s->ssl, SSL_KEY_UPDATE_REQUESTED) != 1)
			SSL_renegotiate(s->ssl);
		(void)SSL_do_handshake(s->ssl);
	}
	ERR_clear_error();
}

static void
way_notify(struct session *s)
{
	SSL_shutdown(s->ssl);
	ERR_clear_error();
}

static void
way_caller_close(struct session *s)
{
	close(s->caller);
	s->caller = -1;
}

static void
way_caller_half_close(struct session *s)
{
	shutdown(s->caller, SHUT_WR);
}

static void
way_caller_garbage(struct session *s)
{
	(void)!send(s->caller, pattern + 42, 3000, MSG_NOSIGNAL);
}

/* Which end has to see an end of file: the one that did nothing. */
enum end { NONE, CALLER, PEER };

static const struct way {
	const char *name;
	void (*run)(struct session *s);
	enum state first, last; /* the states in which it can be tried */
	enum end ends;
} ways[] = {
	{ "hold", way_hold, GREETED, BLOCKED, NONE },
	{ "close", way_close, BEGUN, OPEN, CALLER },
	{ "reset", way_reset, BEGUN, OPEN, CALLER },
	{ "half-close", way_half_close, BEGUN, OPEN, CALLER },
	{ "alert", way_alert, BEGUN, OPEN, CALLER },
	{ "garbage", way_garbage, BEGUN, OPEN, CALLER },
	{ "plaintext", way_plaintext, BEGUN, OPEN, CALLER },
	{ "huge-record", way_huge_record, BEGUN, OPEN, CALLER },
	{ "empty-records", way_empty_records, BEGUN, OPEN, NONE },
	{ "warnings", way_warnings, BEGUN, OPEN, NONE },
	{ "drip", way_drip, BEGUN, BEGUN, NONE },
	{ "key-updates", way_key_updates, OPEN, BLOCKED, NONE },
	{ "notify", way_notify, OPEN, OPEN, CALLER },
	{ "reset-blocked", way_reset, BLOCKED, BLOCKED, CALLER },
	{ "close-blocked", way_close, BLOCKED, BLOCKED, CALLER },
	{ "caller-close", way_caller_close, BEGUN, BLOCKED, PEER },
	{ "caller-leaves", way_caller_close, GREETED, ANSWERED, NONE },
	{ "caller-half-close", way_caller_half_close, BEGUN, OPEN, PEER },
	{ "caller-garbage", way_caller_garbage, GREETED, ANSWERED, NONE },
};

struct case_ {
	const struct way *way;
	enum state state;
	bool client;
	int version;
};

static int
list_cases(struct case_ *cases, int room)
{
	int n = 0;

	for (const struct way *w = ways; w < ways + sizeof ways / sizeof ways[0]; w++)
		for (int state = (int)w->first; state <= (int)w->last; state++)
			for (int kind = 0; kind < 4 && n < room; kind++)
				cases[n++] = (struct case_){ w, (enum state)state, kind & 1,
					kind & 2 ? TLS1_2_VERSION : TLS1_3_VERSION };
	return n;
}

/* What the peer sends by itself, `flights` times. */
static void
shake_some(struct session *s, int flights)
{
	for (int i = 0; i < flights; i++) {
		struct pollfd wait = { .fd = s->remote, .events = POLLIN };

		if ((i > 0 || SSL_is_server(s->ssl)) && poll(&wait, 1, PATIENCE_S * 1000) <= 0)
			return;
		if (SSL_do_handshake(s->ssl) == 1)
			return;
	}
	ERR_clear_error();
}

static bool
fill(struct session *s)
{
	while (SSL_write(s->ssl, pattern, PIECE) > 0)
		continue;
	while (send(s->caller, pattern, PIECE, MSG_NOSIGNAL) > 0)
		continue;
	ERR_clear_error();
	return true;
}

static bool
reach(struct session *s, const struct case_ *c)
{
	const struct session_request *want = c->client ? &usual : NULL;

	memset(s, 0, sizeof *s);
	s->remote = -1;
	switch (c->state) {
	case GREETED:
		return (s->caller = greet()) >= 0;
	case ASKED:
		if ((s->caller = greet()) < 0)
			return false;
		return write(s->caller, "remote_endpoint\0[127.0.0.1]:1\0fla", 33) == 33;
	case ANSWERED:
		s->caller = ask_service(c->client ? CLIENT : SERVER, want, 30, 300, &s->status);
		return s->status == 1;
	case BEGUN:
	case HELLO:
	case FLIGHT:
		if (!begin(s, 0, want, c->version, 300, 300))
			return false;
		shake_some(s, (int)c->state - (int)BEGUN);
		return true;
	default:
		return begin(s, 0, want, c->version, 300, 300) && shake(s) && (c->state == OPEN || fill(s));
	}
}

/* Whether the end of file comes, behind whatever is still to be read. */
static bool
sees_end(int fd)
{
	double end = now_s() + END_PATIENCE_S;
	char piece[PIECE];

	while (now_s() < end) {
		struct pollfd wait = { .fd = fd, .events = POLLIN };
		ssize_t n = read(fd, piece, sizeof piece);

		if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
			return true;
		if (n < 0)
			poll(&wait, 1, 100);
	}
	return false;
}

/* A child: 0: as it should. `report`: gets a byte when the harm is done; `hold`: at its end, all is over. */
static int
misbehave(const struct case_ *c, int report, int hold)
{
	struct session s;
	char byte = reach(&s, c) ? 'y' : 'n';
	int result = byte == 'y' ? 0 : 1;

	if (result == 0)
		c->way->run(&s);
	(void)!write(report, &byte, 1);
	if (result == 0 && c->way->ends != NONE && !sees_end(c->way->ends == CALLER ? s.caller : s.remote))
		result = 2;
	(void)!read(hold, &byte, 1);
	return result;
}

static void
misbehave_all(const struct case_ *cases, int n_cases, int n, int *ending, int *ended)
{
	int report[2], hold[2];
	pid_t *pids = calloc((size_t)n, sizeof *pids);
	char byte;

	if (!pids || pipe(report) < 0 || pipe(hold) < 0)
		abort();
	fflush(stdout);
	for (int i = 0; i < n; i++) {
		if ((pids[i] = fork()) == 0) {
			close(report[0]);
			close(hold[1]);
			_exit(misbehave(&cases[i % n_cases], report[1], hold[0]));
		}
	}
	close(report[1]);
	for (int i = 0; i < n && read(report[0], &byte, 1) == 1; i++)
		continue;
	close(hold[1]);
	for (int i = 0; i < n; i++) {
		const struct case_ *c = &cases[i % n_cases];
		int status = 0;

		waitpid(pids[i], &status, 0);
		*ending += c->way->ends != NONE;
		*ended += c->way->ends != NONE && status == 0;
		if (status != 0)
			fprintf(stderr, "%s when %s, %s role, %s: %s\n", c->way->name, state_names[c->state],
			    c->client ? "client" : "server",
			    c->version == TLS1_2_VERSION ? "TLS 1.2" : "TLS 1.3",
			    WEXITSTATUS(status) == 1 ? "does not get there" : "does not end");
	}
	close(report[0]);
	close(hold[0]);
	free(pids);
}

/* `at_once` at a time. */
static void
hostile(int n, int at_once)
{
	struct case_ cases[1000];
	int n_cases = list_cases(cases, 1000), ending = 0, ended = 0;

	if (n == 0)
		n = n_cases;
	for (int done = 0; done < n; done += at_once) {
		int now = n - done < at_once ? n - done : at_once;

		misbehave_all(cases + done % n_cases, n_cases - done % n_cases, now, &ending, &ended);
	}
	printf("hostile %d, ended %d of %d\n", n, ended, ending);
}

/* --- commands --- */

static void
open_many(int n)
{
	int opened = 0;

	for (int i = 0; i < n && n_sessions < MAX_SESSIONS; i++) {
		if (open_any(&sessions[n_sessions], n_sessions)) {
			n_sessions++;
			opened++;
		}
	}
	printf("open %d\n", opened);
}

static void
echo_all(int bytes)
{
	int good = 0;

	for (int i = 0; i < n_sessions; i++)
		good += exchange(&sessions[i], pattern + i, (size_t)bytes, (size_t)bytes);
	printf("echo %d of %d\n", good, n_sessions);
}

/* Until there is something to read on standard input. */
static void
ordinary(void)
{
	struct pollfd input = { .fd = 0, .events = POLLIN };
	double longest = 0;
	long rounds = 0;
	struct session s;
	bool good = open_any(&s, 0);

	puts("ordinary begins");
	while (good && poll(&input, 1, 1) == 0) {
		double start = now_s();

		good = exchange(&s, pattern + rounds % 1000, 3000, 3000);
		longest = now_s() - start > longest ? now_s() - start : longest;
		rounds++;
	}
	close_session(&s);
	if (good)
		printf("ordinary right, %ld exchanges, longest wait %.0f ms\n", rounds, longest * 1000);
	else
		printf("ordinary broken after %ld exchanges\n", rounds);
}

static void
close_all(void)
{
	while (n_sessions > 0)
		close_session(&sessions[--n_sessions]);
	puts("closed");
}

static void
obey(const char *word, int n)
{
	if (strcmp(word, "open") == 0)
		open_many(n);
	else if (strcmp(word, "echo") == 0)
		echo_all(n);
	else if (strcmp(word, "bulk") == 0)
		bulk(n);
	else if (strcmp(word, "hostile") == 0)
		hostile(n, n);
	else if (strcmp(word, "ways") == 0)
		hostile(0, 16);
	else if (strcmp(word, "ordinary") == 0)
		ordinary();
	else if (strcmp(word, "close") == 0)
		close_all();
	else
		printf("unknown command %s\n", word);
}

int
main(int argc, char **argv)
{
	char line[80], word[20];

	if (argc != 3) {
		fprintf(stderr, "usage: tlsproxy-hostile SOCKET CHAIN-FILE\n");
		return 64;
	}
	signal(SIGPIPE, SIG_IGN);
	service_path = argv[1];
	peer_client_ctx = SSL_CTX_new(TLS_client_method());
	peer_server_ctx = SSL_CTX_new(TLS_server_method());
	if (SSL_CTX_use_certificate_chain_file(peer_server_ctx, argv[2]) != 1 ||
	    SSL_CTX_use_PrivateKey_file(peer_server_ctx, argv[2], SSL_FILETYPE_PEM) != 1) {
		ERR_print_errors_fp(stderr);
		return 1;
	}
	for (size_t i = 0; i < PERIOD; i++)
		pattern[i] = (char)((i * 2654435761u) >> 13);
	memcpy(pattern + PERIOD, pattern, PIECE);
	setvbuf(stdout, NULL, _IOLBF, 0);
	setvbuf(stdin, NULL, _IONBF, 0);
	while (fgets(line, sizeof line, stdin)) {
		int n = 0;

		if (sscanf(line, "%19s %d", word, &n) >= 1)
			obey(word, n);
	}
	return 0;
}
