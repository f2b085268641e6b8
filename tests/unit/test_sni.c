/* SPDX-License-Identifier: ISC */
#include "tls_fixture.h"

#include "mail/map_list.h"
#include "tls/sni.h"
#include "util/err.h"

static struct fixture_cert by_default, mx, wild;

/* A server with a default chain and tables, and what one handshake with it is about. */
struct world {
	SSL_CTX *ctx, *sni_ctx;
	struct sni *sni;
	char *cn; /* owned; what the client was shown; NULL: no handshake */
	bool acknowledged;
	char *name; /* owned; of the chain in use */
};

static const char *
table(void)
{
	static char text[512];

	snprintf(text, sizeof text,
	    "inline:{ {mx.example.test = %s/mx.pem}, {.wild.test = %s/wild.pem}, {bad.test = %s/bad.pem}, "
	    "{order.test = %s/order.pem} }",
	    fixture_dir, fixture_dir, fixture_dir, fixture_dir);
	return text;
}

static int
setup(void **state)
{
	char *text;

	if (fixture_setup(state) < 0)
		return -1;
	by_default = fixture_make((struct fixture_kind){ .cn = "default", .key = EVP_EC_gen("P-256") });
	mx = fixture_make((struct fixture_kind){ .cn = "mx", .key = EVP_EC_gen("P-256") });
	wild = fixture_make((struct fixture_kind){ .cn = "wild", .key = EVP_EC_gen("P-256") });
	text = alloc_printf("%s%s", mx.key_pem, mx.cert_pem);
	fixture_file("mx.pem", text);
	free(text);
	text = alloc_printf("%s%s", wild.key_pem, wild.cert_pem);
	fixture_file("wild.pem", text);
	free(text);
	text = alloc_printf("%s%s", wild.key_pem, mx.cert_pem);
	fixture_file("bad.pem", text);
	free(text);
	text = alloc_printf("%s%s", mx.cert_pem, mx.key_pem);
	fixture_file("order.pem", text);
	free(text);
	return 0;
}

static int
teardown(void **state)
{
	fixture_cert_release(&by_default);
	fixture_cert_release(&mx);
	fixture_cert_release(&wild);
	return fixture_teardown(state);
}

static void
world_init(struct world *w, const char *tables)
{
	struct map_list *maps =
	    tables ? map_list_new("tls_server_sni_maps", tables, MAP_FOLD | MAP_FILES) : NULL;

	*w = (struct world){ .ctx = SSL_CTX_new(TLS_server_method()),
		.sni_ctx = SSL_CTX_new(TLS_server_method()),
		.sni = sni_new(maps) };
	map_list_unref(maps);
	assert_int_equal(SSL_CTX_use_certificate(w->ctx, by_default.cert), 1);
	assert_int_equal(SSL_CTX_use_PrivateKey(w->ctx, by_default.key), 1);
	sni_install(w->sni, w->ctx, w->sni_ctx);
}

static void
world_forget(struct world *w)
{
	free(w->cn);
	free(w->name);
	w->cn = w->name = NULL;
}

static void
world_release(struct world *w)
{
	world_forget(w);
	sni_free(w->sni);
	SSL_CTX_free(w->sni_ctx);
	SSL_CTX_free(w->ctx);
}

/* One handshake with a client that asks for `name`; `groups`: it guesses the first, the server takes only the
 * last, and asks to retry. */
static bool
ask(struct world *w, const char *name, int version, const char *groups)
{
	SSL_CTX *client_ctx = SSL_CTX_new(TLS_client_method());
	SSL *server = SSL_new(w->ctx), *client = SSL_new(client_ctx);
	struct sni_conn conn = { .namaddr = "unknown[192.0.2.1]" };
	char text[64] = "";

	world_forget(w);
	fixture_log_clear();
	SSL_set_max_proto_version(client, version);
	if (groups) {
		SSL_set1_groups_list(client, groups);
		SSL_set1_groups_list(server, strrchr(groups, ':') + 1);
	}
	if (name)
		assert_int_equal(SSL_set_tlsext_host_name(client, name), 1);
	assert_int_equal(sni_attach(&conn, server), 0);
	bool done = fixture_handshake(server, client);
	if (done) {
		X509_NAME_get_text_by_NID(X509_get_subject_name(SSL_get0_peer_certificate(client)),
		    NID_commonName, text, sizeof text);
		w->cn = alloc_string(text);
		w->acknowledged = SSL_session_reused(client) == 0 && SSL_get_SSL_CTX(server) == w->sni_ctx;
		w->name = conn.name ? alloc_string(conn.name) : NULL;
	}
	ERR_clear_error();
	sni_release(&conn);
	SSL_free(client);
	SSL_free(server);
	SSL_CTX_free(client_ctx);
	return done;
}

static void
names_get_their_chains(void **state)
{
	static const struct {
		const char *name, *cn, *used, *lines;
	} cases[] = {
		{ NULL, "default", NULL, "" },
		{ "mx.example.test", "mx", "mx.example.test", "" },
		{ "MX.Example.Test", "mx", "MX.Example.Test", "" },
		{ "a.wild.test", "wild", "a.wild.test", "" },
		{ "a.b.c.wild.test", "wild", "a.b.c.wild.test", "" },
		{ "wild.test", "default", NULL,
		    "TLS SNI wild.test from unknown[192.0.2.1] not matched, using default chain\n" },
		{ "sub.mx.example.test", "default", NULL,
		    "TLS SNI sub.mx.example.test from unknown[192.0.2.1] not matched, using default "
		    "chain\n" },
		{ "test", "default", NULL,
		    "TLS SNI test from unknown[192.0.2.1] not matched, using default chain\n" },
		{ "-bad.test", "default", NULL, "warning: TLS SNI from unknown[192.0.2.1] is invalid: *\n" },
		{ "a..wild.test", "default", NULL,
		    "warning: TLS SNI from unknown[192.0.2.1] is invalid: *\n" },
		{ "192.0.2.1", "default", NULL, "warning: TLS SNI from unknown[192.0.2.1] is invalid: *\n" },
		{ "a b.wild.test", "default", NULL,
		    "warning: TLS SNI from unknown[192.0.2.1] is invalid: *\n" },
		{ "bad.test", NULL, NULL,
		    "warning: key at index 1 in SNI data for bad.test does not match next certificate\n"
		    "warning: TLS library problem: *\n"
		    "warning: error loading private keys and certificates from: SNI data for bad.test: "
		    "aborting TLS "
		    "handshake\n" },
		{ "order.test", NULL, NULL,
		    "warning: error loading chain from SNI data for order.test: key not first\n"
		    "warning: error loading private keys and certificates from: SNI data for order.test: "
		    "aborting TLS "
		    "handshake\n" },
	};
	static const int versions[] = { TLS1_2_VERSION, TLS1_3_VERSION };
	struct world w;

	(void)state;
	fixture_log_clear();
	world_init(&w, table());
	fixture_log_is("");
	for (size_t v = 0; v < COUNT(versions); v++)
		for (size_t i = 0; i < COUNT(cases); i++)
			/* The second time the chain is one that was kept. */
			for (int turn = 0; turn < 2; turn++) {
				print_message("%x %s\n", (unsigned int)versions[v],
				    cases[i].name ? cases[i].name : "(none)");
				assert_int_equal(
				    ask(&w, cases[i].name, versions[v], NULL), cases[i].cn != NULL);
				fixture_log_is(cases[i].lines);
				if (!cases[i].cn)
					continue;
				assert_string_equal(w.cn, cases[i].cn);
				assert_string_equal(w.name ? w.name : "", cases[i].used ? cases[i].used : "");
			}
	/* mx.example.test; .wild.test and the two names under it. */
	assert_int_equal(sni_kept(w.sni), 4);
	world_release(&w);
}

static void
table_trouble_ends_the_handshake(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, "inline:{mx.example.test=/no/such/file}");
	assert_false(ask(&w, "mx.example.test", TLS1_3_VERSION, NULL));
	fixture_log_is(
	    "warning: inline:{mx.example.test=/no/such/file} is unavailable. *\n"
	    "warning: inline:{mx.example.test=/no/such/file} lookup error for \"mx.example.test\"\n"
	    "warning: tls_server_sni_maps: mx.example.test map lookup problem\n");
	assert_true(ask(&w, NULL, TLS1_3_VERSION, NULL));
	world_release(&w);
}

static void
without_tables_names_count_for_nothing(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, NULL);
	assert_true(ask(&w, "mx.example.test", TLS1_3_VERSION, NULL));
	assert_string_equal(w.cn, "default");
	assert_null(w.name);
	fixture_log_is("");
	world_release(&w);
}

static void
second_hello_with_the_same_name_is_fine(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, table());
	assert_true(ask(&w, "mx.example.test", TLS1_3_VERSION, "X25519:P-256"));
	assert_string_equal(w.cn, "mx");
	assert_string_equal(w.name, "mx.example.test");
	fixture_log_is("");
	world_release(&w);
}

static void
number_of_chains_that_are_kept_has_a_bound(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, table());
	for (int i = 0; i < 1100; i++) {
		char *name = alloc_printf("n%d.wild.test", i);

		assert_true(ask(&w, name, TLS1_3_VERSION, NULL));
		assert_string_equal(w.cn, "wild");
		free(name);
	}
	assert_int_equal(sni_kept(w.sni), 1000);
	world_release(&w);
}

static struct map_list *
tables_of(const char *names)
{
	return map_list_new("tls_server_sni_maps", names, MAP_FOLD | MAP_FILES);
}

static void
exchanged_tables_have_no_old_chains(void **state)
{
	char *first = alloc_printf("inline:{a.test=%s/mx.pem}", fixture_dir);
	char *second =
	    alloc_printf("inline:{{a.test=%s/wild.pem}, {b.test=%s/mx.pem}}", fixture_dir, fixture_dir);
	struct map_list *maps = tables_of(first), *newer = tables_of(second);
	struct world w;

	(void)state;
	world_init(&w, NULL);
	sni_free(w.sni);
	w.sni = sni_new(maps);
	sni_install(w.sni, w.ctx, w.sni_ctx);
	assert_true(ask(&w, "a.test", TLS1_3_VERSION, NULL));
	assert_string_equal(w.cn, "mx");
	map_list_exchange(maps, newer);
	map_list_unref(newer);
	assert_true(ask(&w, "a.test", TLS1_3_VERSION, NULL));
	assert_string_equal(w.cn, "wild");
	assert_true(ask(&w, "b.test", TLS1_2_VERSION, NULL));
	assert_string_equal(w.cn, "mx");
	assert_int_equal(sni_kept(w.sni), 2);
	world_release(&w);
	map_list_unref(maps);
	free(second);
	free(first);
}

static void
new_entries_are_judged_and_old_ones_are_not(void **state)
{
	static const struct {
		const char *old, *now, *words;
	} cases[] = {
		{ "{a.test=@/mx.pem}", "{a.test=@/wild.pem}", NULL },
		{ "{a.test=@/mx.pem}", "{a.test=@/bad.pem}", "the entry of a.test cannot be used" },
		{ "{a.test=@/bad.pem}", "{{a.test=@/bad.pem}, {b.test=@/mx.pem}}", NULL },
		{ "{a.test=@/bad.pem}", "{{a.test=@/bad.pem}, {b.test=@/order.pem}}",
		    "the entry of b.test cannot be used" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		const char *texts[] = { cases[i].old, cases[i].now };
		struct map_list *lists[2];
		struct err err = { 0 };

		for (int n = 0; n < 2; n++) {
			struct buf names = BUF_INIT;

			buf_add_str(&names, "inline:");
			for (const char *at = texts[n]; *at; at++)
				buf_printf(&names, *at == '@' ? "%s" : "%.1s", *at == '@' ? fixture_dir : at);
			lists[n] = tables_of(buf_str(&names));
			buf_release(&names);
		}
		assert_int_equal(sni_check(lists[1], lists[0], &err), cases[i].words ? -1 : 0);
		assert_string_equal(err.text, cases[i].words ? cases[i].words : "");
		ERR_clear_error();
		map_list_unref(lists[0]);
		map_list_unref(lists[1]);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_get_their_chains),
		cmocka_unit_test(table_trouble_ends_the_handshake),
		cmocka_unit_test(without_tables_names_count_for_nothing),
		cmocka_unit_test(second_hello_with_the_same_name_is_fine),
		cmocka_unit_test(number_of_chains_that_are_kept_has_a_bound),
		cmocka_unit_test(exchanged_tables_have_no_old_chains),
		cmocka_unit_test(new_entries_are_judged_and_old_ones_are_not),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
