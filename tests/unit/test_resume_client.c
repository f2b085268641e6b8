/* SPDX-License-Identifier: ISC */
/* Resumption in the client role, over a tlsmgr that the test plays; and the engine's two ends together. */
#include "client_world.h"

#include <sys/un.h>

#include <event2/event.h>

#include "mail/attr.h"
#include "mail/stream.h"
#include "mail/tlsmgr_proto.h"
#include "tls/mgr_client.h"
#include "tls/resume.h"
#include "tls/resume_client.h"
#include "util/table.h"

enum { LIMIT = 1 << 20, PATIENT_MS = 60000 };

static struct event_base *base;
static int listener;
static struct event *accepting;
static char *path;

/* What tlsmgr does and has seen. */
static struct {
	bool silent; /* takes requests and does not answer */
	bool cachable;
	struct buf session; /* of `id`, when there is one */
	char *id;
	int lookups, updates, deletes, policies;
	struct stream *stream;
} tlsmgr;

static void
answer(struct stream *stream, const void *list, size_t len, void *context)
{
	struct table *request = table_new(free);
	struct attr_scan scan;
	struct buf reply = BUF_INIT;
	const char *what = NULL, *type = NULL, *id = NULL;

	(void)context;
	attr_scan_init(&scan, list, len, 0, "test");
	assert_int_equal(attr_scan_str(&scan, "request", &what), 1);
	assert_int_equal(attr_scan_str(&scan, "cache_type", &type), 1);
	assert_string_equal(type, "smtp");
	if (strcmp(what, "policy") != 0)
		assert_int_equal(attr_scan_str(&scan, "cache_id", &id), 1);
	if (strcmp(what, "policy") == 0) {
		tlsmgr.policies++;
		tlsmgr_proto_reply_policy(&reply, TLSMGR_PROTO_OK, tlsmgr.cachable, 3600);
	} else if (strcmp(what, "lookup") == 0) {
		bool found = tlsmgr.id && strcmp(tlsmgr.id, id) == 0;

		tlsmgr.lookups++;
		tlsmgr_proto_reply_data(&reply, found ? TLSMGR_PROTO_OK : TLSMGR_PROTO_ERR, "session",
		    tlsmgr.session.bytes, found ? tlsmgr.session.len : 0);
	} else if (strcmp(what, "update") == 0) {
		tlsmgr.updates++;
		free(tlsmgr.id);
		tlsmgr.id = alloc_string(id);
		buf_clear(&tlsmgr.session);
		assert_int_equal(attr_scan_data(&scan, "session", &tlsmgr.session), 1);
		tlsmgr_proto_reply_status(&reply, TLSMGR_PROTO_OK);
	} else {
		tlsmgr.deletes++;
		free(tlsmgr.id);
		tlsmgr.id = NULL;
		tlsmgr_proto_reply_status(&reply, TLSMGR_PROTO_OK);
	}
	if (!tlsmgr.silent)
		stream_send(stream, reply.bytes, reply.len);
	buf_release(&reply);
	table_free(request);
}

static void
hang_up(struct stream *stream, enum stream_end why, void *context)
{
	(void)why, (void)context;
	stream_free(stream);
	tlsmgr.stream = NULL;
}

static void
on_connection(evutil_socket_t fd, short what, void *context)
{
	static const struct stream_handler handler = { .list = answer, .end = hang_up };
	struct buf announcement = BUF_INIT;
	int client = accept4(fd, NULL, NULL, SOCK_NONBLOCK);

	(void)what, (void)context;
	stream_free(tlsmgr.stream);
	tlsmgr.stream = stream_new(base, client, LIMIT, &handler, NULL);
	tlsmgr_proto_put_announcement(&announcement);
	stream_send(tlsmgr.stream, announcement.bytes, announcement.len);
	buf_release(&announcement);
}

static int
set_up(void **state)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	if (world_set_up(state) < 0)
		return -1;
	base = event_base_new();
	path = alloc_printf("%s/tlsmgr", fixture_dir);
	strcpy(address.sun_path, path);
	listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
	if (bind(listener, (struct sockaddr *)&address, sizeof address) < 0 || listen(listener, 5) < 0)
		return -1;
	accepting = event_new(base, listener, EV_READ | EV_PERSIST, on_connection, NULL);
	return event_add(accepting, NULL);
}

static int
tear_down(void **state)
{
	stream_free(tlsmgr.stream);
	buf_release(&tlsmgr.session);
	free(tlsmgr.id);
	event_free(accepting);
	close(listener);
	free(path);
	event_base_free(base);
	return world_tear_down(state);
}

/* --- sessions --- */

struct party {
	struct mgr_client *mgr;
	struct resume_client *resume;
	struct context *context;
	SSL_CTX *server;
};

static void
party_begin(struct party *party, bool cachable, int version, int reply_ms)
{
	stream_free(tlsmgr.stream);
	buf_release(&tlsmgr.session);
	free(tlsmgr.id);
	memset(&tlsmgr, 0, sizeof tlsmgr);
	tlsmgr.cachable = cachable;
	party->mgr = mgr_client_new(base,
	    &(struct mgr_client_settings){ .path = path, .idle_s = 50, .ttl_s = 100, .reply_ms = reply_ms });
	party->resume = resume_client_new(base, party->mgr, "smtp");
	party->context = world_context((struct world_settings){ .log_level = "cache" });
	party->server = world_server(&world_leaf, version);
}

static void
party_end(struct party *party)
{
	SSL_CTX_free(party->server);
	context_unref(party->context);
	resume_client_free(party->resume);
	mgr_client_free(party->mgr);
}

struct talk {
	struct conn *conn;
	SSL *server;
	int fds[2];
	int ready;
	enum tls_io state;
};

static void
on_ready(void *context)
{
	struct talk *talk = context;

	talk->ready++;
}

static void
talk_begin(struct talk *talk, const struct party *party, struct conn_client_settings in)
{
	memset(talk, 0, sizeof *talk);
	world_pair(talk->fds);
	talk->server = SSL_new(party->server);
	SSL_set_fd(talk->server, talk->fds[1]);
	SSL_set_accept_state(talk->server);
	in.fd = talk->fds[0];
	in.ready = on_ready;
	in.context = talk;
	talk->conn = conn_new_client(party->context, party->resume, &in);
	assert_non_null(talk->conn);
	talk->state = TLS_IO_WANT_READ;
}

/* One round of everybody. */
static void
talk_turn(struct talk *talk)
{
	event_base_loop(base, EVLOOP_NONBLOCK);
	if (talk->state == TLS_IO_DONE || talk->state == TLS_IO_ERROR || talk->state == TLS_IO_CLOSED)
		return;
	talk->state = conn_handshake(talk->conn);
	(void)SSL_do_handshake(talk->server);
	ERR_clear_error();
}

static void
talk_connect(struct talk *talk)
{
	for (int i = 0; i < 5000 && talk->state != TLS_IO_DONE; i++) {
		talk_turn(talk);
		if (talk->state == TLS_IO_WANT_LOOKUP)
			usleep(200);
	}
	assert_int_equal(talk->state, TLS_IO_DONE);
}

/* Session tickets of TLS 1.3 come with the data. */
static void
talk_read(struct talk *talk)
{
	char byte;
	size_t len;

	assert_int_equal(SSL_write(talk->server, "x", 1), 1);
	conn_begin_turn(talk->conn);
	assert_int_equal(conn_read(talk->conn, &byte, 1, &len), TLS_IO_DONE);
	for (int i = 0; i < 20; i++)
		event_base_loop(base, EVLOOP_NONBLOCK);
}

static void
talk_end(struct talk *talk)
{
	conn_free(talk->conn);
	SSL_free(talk->server);
	close(talk->fds[0]);
	close(talk->fds[1]);
	for (int i = 0; i < 20; i++)
		event_base_loop(base, EVLOOP_NONBLOCK);
}

static void
second_session_resumes_the_first(void **state)
{
	(void)state;
	for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
		struct party party;
		struct talk talk;
		struct summary summary;

		party_begin(&party, true, version, PATIENT_MS);
		for (int round = 0; round < 2; round++) {
			fixture_log_clear();
			talk_begin(&talk, &party, world_request(LEVEL_SECURE));
			talk_connect(&talk);
			conn_summary(talk.conn, &summary);
			talk_read(&talk);
			assert_int_equal(summary.session_reused, round);
			assert_int_equal(summary.peer_status, 29);
			assert_string_equal(summary.peer_CN, "mail.example.com");
			assert_true(talk.ready >= 1);
			assert_int_equal(fixture_log_count("looking for session smtp&example.com&&&&"), 1);
			assert_int_equal(fixture_log_count("reloaded session smtp&example.com&&&&"), round);
			assert_int_equal(fixture_log_count(LOWER ": Reusing old session\n"), round);
			summary_release(&summary);
			talk_end(&talk);
		}
		assert_int_equal(tlsmgr.lookups, 2);
		assert_true(tlsmgr.updates >= 1);
		assert_int_equal(tlsmgr.deletes, 0);
		party_end(&party);
	}
}

/* The lifetime in the cache is the library's to respect, too. */
static void
stored_session_lives_twice_the_timeout(void **state)
{
	struct party party;
	struct talk talk;

	(void)state;
	party_begin(&party, true, TLS1_2_VERSION, PATIENT_MS);
	talk_begin(&talk, &party, world_request(LEVEL_SECURE));
	talk_connect(&talk);
	talk_read(&talk);
	talk_end(&talk);
	const unsigned char *at = (const unsigned char *)tlsmgr.session.bytes;
	SSL_SESSION *session = d2i_SSL_SESSION(NULL, &at, (long)tlsmgr.session.len);
	assert_non_null(session);
	assert_int_equal(SSL_SESSION_get_timeout(session), 7200);
	SSL_SESSION_free(session);
	party_end(&party);
}

static void
every_ticket_is_stored_or_only_the_first(void **state)
{
	(void)state;
	for (int release = CONN_RELEASE_3_7; release <= CONN_RELEASE_3_11; release += 4) {
		struct conn_client_settings in = world_request(LEVEL_MAY);
		struct party party;
		struct talk talk;

		party_begin(&party, true, TLS1_3_VERSION, PATIENT_MS);
		in.release = release;
		talk_begin(&talk, &party, in);
		talk_connect(&talk);
		talk_read(&talk);
		talk_end(&talk);
		assert_int_equal(tlsmgr.updates, release == CONN_RELEASE_3_7 ? 2 : 1);
		party_end(&party);
	}
}

/* A server may send tickets without an end. */
static void
tickets_without_end_are_stored_a_few_times(void **state)
{
	struct party party;
	struct talk talk;

	(void)state;
	party_begin(&party, true, TLS1_3_VERSION, PATIENT_MS);
	talk_begin(&talk, &party, world_request(LEVEL_MAY));
	talk_connect(&talk);
	for (int i = 0; i < 5 * RESUME_CLIENT_STORED_LIMIT; i++) {
		assert_int_equal(SSL_new_session_ticket(talk.server), 1);
		talk_read(&talk);
	}
	talk_end(&talk);
	assert_int_equal(tlsmgr.updates, RESUME_CLIENT_STORED_LIMIT);
	party_end(&party);
}

static void
another_request_does_not_find_the_session(void **state)
{
	struct party party;
	struct talk talk;
	struct summary summary;
	struct conn_client_settings in = world_request(LEVEL_SECURE);

	(void)state;
	party_begin(&party, true, TLS1_2_VERSION, PATIENT_MS);
	talk_begin(&talk, &party, in);
	talk_connect(&talk);
	talk_end(&talk);
	in.helo = "other.example.com";
	talk_begin(&talk, &party, in);
	talk_connect(&talk);
	conn_summary(talk.conn, &summary);
	assert_false(summary.session_reused);
	summary_release(&summary);
	talk_end(&talk);
	party_end(&party);
}

static void
resumed_session_that_was_not_trusted_says_so(void **state)
{
	static const char *const other[] = { "other.example.com" };
	struct conn_client_settings in = world_request(LEVEL_SECURE);
	struct party party;
	struct talk talk;
	struct summary summary;

	(void)state;
	party_begin(&party, true, TLS1_3_VERSION, PATIENT_MS);
	in.match = other;
	for (int round = 0; round < 2; round++) {
		in.release = round ? CONN_RELEASE_3_11 : CONN_RELEASE_3_7;
		talk_begin(&talk, &party, in);
		talk_connect(&talk);
		fixture_log_clear();
		conn_summary(talk.conn, &summary);
		talk_read(&talk);
		assert_int_equal(summary.peer_status, round ? 5 : 1);
		if (round)
			fixture_log_is(LOWER ": Reusing old session\n" LOWER
					     ": re-using session with untrusted peer credential, look for "
					     "details earlier in the log\nsave session *\n");
		summary_release(&summary);
		talk_end(&talk);
	}
	party_end(&party);
}

static void
failed_handshake_removes_what_is_cached(void **state)
{
	struct party party;
	struct talk talk;

	(void)state;
	party_begin(&party, true, TLS1_2_VERSION, PATIENT_MS);
	talk_begin(&talk, &party, world_request(LEVEL_SECURE));
	talk_connect(&talk);
	talk_end(&talk);
	assert_non_null(tlsmgr.id);

	talk_begin(&talk, &party, world_request(LEVEL_SECURE));
	close(talk.fds[1]);
	talk.fds[1] = -1;
	for (int i = 0; i < 500 && talk.state != TLS_IO_CLOSED && talk.state != TLS_IO_ERROR; i++) {
		event_base_loop(base, EVLOOP_NONBLOCK);
		talk.state = conn_handshake(talk.conn);
	}
	fixture_log_clear();
	talk_end(&talk);
	assert_int_equal(fixture_log_count("remove session smtp&example.com&&&&"), 1);
	assert_int_equal(fixture_log_count(" from client cache\n"), 1);
	assert_int_equal(tlsmgr.deletes, 1);
	assert_null(tlsmgr.id);
	party_end(&party);
}

static void
garbage_in_the_cache_costs_only_resumption(void **state)
{
	static const char *const garbage[] = { "", "x", "\x30\x03\x02\x01\x01", "\x30\x84\xff\xff\xff\xff" };

	(void)state;
	for (size_t i = 0; i < COUNT(garbage); i++) {
		struct party party;
		struct talk talk;

		party_begin(&party, true, TLS1_3_VERSION, PATIENT_MS);
		talk_begin(&talk, &party, world_request(LEVEL_SECURE));
		talk_connect(&talk);
		talk_read(&talk);
		talk_end(&talk);
		buf_clear(&tlsmgr.session);
		buf_add_str(&tlsmgr.session, garbage[i]);
		talk_begin(&talk, &party, world_request(LEVEL_SECURE));
		talk_connect(&talk);
		assert_int_equal(ERR_peek_error(), 0);
		talk_end(&talk);
		party_end(&party);
	}
}

static void
no_cache_no_questions(void **state)
{
	struct party party;
	struct talk talk;

	(void)state;
	fixture_log_clear();
	party_begin(&party, false, TLS1_3_VERSION, PATIENT_MS);
	for (int i = 0; i < 2; i++) {
		talk_begin(&talk, &party, world_request(LEVEL_SECURE));
		talk_connect(&talk);
		talk_read(&talk);
		talk_end(&talk);
	}
	assert_int_equal(tlsmgr.lookups + tlsmgr.updates + tlsmgr.deletes, 0);
	assert_int_equal(fixture_log_count("looking for session"), 0);
	party_end(&party);
}

/* A session that waits for tlsmgr keeps nobody else waiting, and goes on without it in the end. */
static void
silent_tlsmgr_holds_up_only_who_asked(void **state)
{
	struct party party, other;
	struct talk talk, unaffected;

	(void)state;
	party_begin(&party, true, TLS1_3_VERSION, 200);
	tlsmgr.silent = true;
	other = party;
	other.resume = NULL;
	talk_begin(&talk, &party, world_request(LEVEL_SECURE));
	for (int i = 0; i < 5; i++)
		talk_turn(&talk);
	assert_int_equal(talk.state, TLS_IO_WANT_LOOKUP);
	talk_begin(&unaffected, &other, world_request(LEVEL_SECURE));
	talk_connect(&unaffected);
	assert_int_equal(talk.state, TLS_IO_WANT_LOOKUP);
	talk_end(&unaffected);
	talk_connect(&talk);
	talk_end(&talk);

	/* One that is given up while it waits. */
	tlsmgr.silent = true;
	talk_begin(&talk, &party, world_request(LEVEL_SECURE));
	talk_turn(&talk);
	talk_end(&talk);
	party_end(&party);
}

/* --- both ends --- */

static void
never(void *context)
{
	(void)context;
	fail();
}

/* The engine by itself: a server and a client of ours, and data both ways. */
static void
both_roles_talk_to_each_other(void **state)
{
	struct event_base *own = event_base_new();
	char *nowhere = alloc_printf("%s/nobody", fixture_dir);
	struct mgr_client *mgr = mgr_client_new(own,
	    &(struct mgr_client_settings){ .path = nowhere, .idle_s = 5, .ttl_s = 100, .reply_ms = 100 });
	struct resume *resume = resume_new(own, mgr, "smtpd", "");
	char *chain = alloc_printf("%s%s%s", world_leaf.key_pem, world_leaf.cert_pem, world_middle.cert_pem);
	struct context *server_context = context_new_server(&(struct context_server_settings){
	    .log_level = "1",
	    .verifydepth = 9,
	    .chain_files = fixture_file("chain.pem", chain),
	    .eecdh_auto_curves = "X25519",
	    .fingerprint_digest = "sha256",
	    .cipher_grades = { .medium = "HIGH" },
	    .ciphers = "medium",
	    .config_file = "none",
	});
	struct context *context = world_context((struct world_settings){ 0 });
	struct conn_client_settings in = world_request(LEVEL_SECURE);
	enum tls_io there = TLS_IO_WANT_READ, here = TLS_IO_WANT_READ;
	struct summary summary;
	int fds[2];
	char got[8];
	size_t len;

	(void)state;
	while (mgr_client_is_up(mgr))
		event_base_loop(own, EVLOOP_ONCE);
	resume_install(context_ssl_ctx(server_context));
	world_pair(fds);
	in.fd = fds[0], in.ready = never;
	struct conn *client = conn_new_client(context, NULL, &in);
	struct conn *server = conn_new_server(server_context, resume,
	    &(struct conn_settings){ .namaddr = "c[1]", .serverid = "s", .fd = fds[1], .ready = never });
	for (int i = 0; i < 20 && (there != TLS_IO_DONE || here != TLS_IO_DONE); i++) {
		if (here != TLS_IO_DONE)
			here = conn_handshake(client);
		if (there != TLS_IO_DONE)
			there = conn_handshake(server);
	}
	assert_int_equal(here, TLS_IO_DONE);
	assert_int_equal(there, TLS_IO_DONE);
	fixture_log_clear();
	conn_summary(client, &summary);
	assert_int_equal(summary.peer_status, 29);
	summary_release(&summary);
	conn_summary(server, &summary);
	summary_release(&summary);
	fixture_log_is("Verified TLS connection established to " LOWER
		       ": *\nAnonymous TLS connection established from c[1]: *\n");

	assert_int_equal(conn_write(client, "EHLO", 4, &len), TLS_IO_DONE);
	conn_begin_turn(server);
	assert_int_equal(conn_read(server, got, sizeof got, &len), TLS_IO_DONE);
	assert_int_equal(len, 4);
	assert_int_equal(conn_write(server, "250", 3, &len), TLS_IO_DONE);
	conn_begin_turn(client);
	assert_int_equal(conn_read(client, got, sizeof got, &len), TLS_IO_DONE);
	assert_memory_equal(got, "250", 3);
	assert_int_equal(conn_close(client), TLS_IO_DONE);
	conn_begin_turn(server);
	assert_int_equal(conn_read(server, got, sizeof got, &len), TLS_IO_CLOSED);
	conn_free(client);
	conn_free(server);
	close(fds[0]);
	close(fds[1]);
	context_unref(context);
	context_unref(server_context);
	resume_free(resume);
	mgr_client_free(mgr);
	event_base_free(own);
	free(chain);
	free(nowhere);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(second_session_resumes_the_first),
		cmocka_unit_test(stored_session_lives_twice_the_timeout),
		cmocka_unit_test(every_ticket_is_stored_or_only_the_first),
		cmocka_unit_test(tickets_without_end_are_stored_a_few_times),
		cmocka_unit_test(another_request_does_not_find_the_session),
		cmocka_unit_test(resumed_session_that_was_not_trusted_says_so),
		cmocka_unit_test(failed_handshake_removes_what_is_cached),
		cmocka_unit_test(garbage_in_the_cache_costs_only_resumption),
		cmocka_unit_test(no_cache_no_questions),
		cmocka_unit_test(silent_tlsmgr_holds_up_only_who_asked),
		cmocka_unit_test(both_roles_talk_to_each_other),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
