/* SPDX-License-Identifier: ISC */
#include "tls_fixture.h"

#include <errno.h>
#include <event2/event.h>
#include <sys/stat.h>

#include "tls/context.h"
#include "tlsproxy/renewal.h"
#include "util/err.h"

/* Quick enough for a test, and apart enough to tell them from each other. */
enum { POLL_MS = 20, SETTLE_MS = 60, PATIENCE_MS = 400, RETRY_MS = 800 };

static struct {
	struct event_base *base;
	struct renewal *renewal;
	struct context *served;
	const char *cert_file, *key_file;
	bool over, held;
	bool bare; /* authorities in the place of the certificate, in the client role */
	int builds;
	int patience_ms; /* 0: PATIENCE_MS */
} w;

static struct fixture_cert first, second, expired, future, issued, issuer;

/* --- the role --- */

static struct context *
build(chain_read_fn read, void *read_arg, void *arg)
{
	(void)arg;
	w.builds++;
	if (w.bare)
		return context_new_client(&(struct context_client_settings){
		    .log_param = "smtp_tls_loglevel",
		    .log_level = "0",
		    .CAfile = w.cert_file,
		    .fingerprint_digest = "sha256",
		    .dane_digests = "sha256",
		    .eecdh_auto_curves = "X25519",
		    .cipher_grades = { "HIGH", "HIGH:MEDIUM", "ALL", "ALL", "eNULL" },
		    .config_file = "none",
		    .read_file = read,
		    .read_arg = read_arg,
		});
	return context_new_server(&(struct context_server_settings){
	    .log_param = "tlsproxy_tls_loglevel",
	    .log_level = "0",
	    .cert_file = w.cert_file,
	    .key_file = w.key_file,
	    .protocols = ">=TLSv1",
	    .eecdh_auto_curves = "X25519 prime256v1",
	    .fingerprint_digest = "sha256",
	    .ciphers = "medium",
	    .cipher_grades = { "HIGH", "HIGH:MEDIUM", "ALL", "ALL", "eNULL" },
	    .config_file = "none",
	    .read_file = read,
	    .read_arg = read_arg,
	});
}

static void
use(struct context *context, void *arg)
{
	(void)arg;
	context_unref(w.served);
	w.served = context;
}

static bool
is_over(void *arg)
{
	(void)arg;
	return w.over;
}

static void
hold(bool on, void *arg)
{
	(void)arg;
	w.held = on;
}

/* --- the world --- */

static int
set_up_all(void **state)
{
	(void)state;
	first = fixture_make((struct fixture_kind){ .cn = "first", .key = EVP_EC_gen("P-256") });
	second = fixture_make((struct fixture_kind){ .cn = "second", .key = EVP_EC_gen("P-256") });
	expired = fixture_make((struct fixture_kind){
	    .cn = "expired", .key = EVP_EC_gen("P-256"), .from_s = -7200, .to_s = -3600 });
	future = fixture_make((struct fixture_kind){
	    .cn = "future", .key = EVP_EC_gen("P-256"), .from_s = 3600, .to_s = 7200 });
	issuer =
	    fixture_make((struct fixture_kind){ .cn = "issuer", .key = EVP_EC_gen("P-256"), .ca = true });
	issued = fixture_make(
	    (struct fixture_kind){ .cn = "issued", .key = EVP_EC_gen("P-256"), .issuer = &issuer });
	return 0;
}

static int
tear_down_all(void **state)
{
	struct fixture_cert *all[] = { &first, &second, &expired, &future, &issued, &issuer };

	(void)state;
	for (size_t i = 0; i < COUNT(all); i++)
		fixture_cert_release(all[i]);
	return 0;
}

static void
begin(const char *cert, const char *key)
{
	struct err err;

	w.cert_file = fixture_file("cert.pem", cert);
	w.key_file = fixture_file("key.pem", key);

	const struct certfiles_name names[] = { { w.cert_file, true }, { w.key_file, true } };

	w.renewal = renewal_new(&(struct renewal_settings){ .base = w.base,
				    .label = "",
				    .bare = w.bare,
				    .names = names,
				    .count = COUNT(names),
				    .build = build,
				    .use = use,
				    .is_over = is_over,
				    .hold = hold,
				    .poll_ms = POLL_MS,
				    .settle_ms = SETTLE_MS,
				    .patience_ms = w.patience_ms ? w.patience_ms : PATIENCE_MS,
				    .retry_ms = RETRY_MS },
	    &err);
	assert_non_null(w.renewal);
	w.served = build(NULL, NULL, NULL);
	fixture_log_clear();
	renewal_start(w.renewal, w.served);
}

static int
set_up(void **state)
{
	memset(&w, 0, sizeof w);
	w.base = event_base_new();
	fixture_log_clear();
	return fixture_setup(state);
}

static int
tear_down(void **state)
{
	renewal_free(w.renewal);
	context_unref(w.served);
	event_base_free(w.base);
	return fixture_teardown(state);
}

/* Counted in turns of the loop, so that it has as many of them where the processor is wanted by others, too.
 */
static void
run_for(int ms)
{
	for (int turn = 0; turn < ms; turn += 5) {
		struct timeval step = { .tv_usec = 5000 };

		event_base_loopexit(w.base, &step);
		event_base_dispatch(w.base);
	}
}

/* In place, as fopen() does it. */
static void
write_cert(const struct fixture_cert *cert)
{
	fixture_file("cert.pem", cert->cert_pem);
}

static void
write_pair(const struct fixture_cert *cert)
{
	fixture_file("key.pem", cert->key_pem);
	write_cert(cert);
}

static bool
serves(const struct fixture_cert *cert)
{
	const X509 *served = w.served ? SSL_CTX_get0_certificate(context_ssl_ctx(w.served)) : NULL;

	return served && X509_cmp(served, cert->cert) == 0;
}

static void
wait_until_served(const struct fixture_cert *cert)
{
	for (int i = 0; i < 2000 && !serves(cert); i++)
		run_for(5);
	assert_true(serves(cert));
}

static void
wait_for_log(const char *words)
{
	for (int i = 0; i < 2000 && fixture_log_count(words) == 0; i++)
		run_for(5);
	if (fixture_log_count(words) == 0)
		fail_msg("not logged: %s\nlogged: %s", words, buf_str(&fixture_log));
}

/* --- tests --- */

static void
unchanged_files_are_left_alone(void **state)
{
	(void)state;
	begin(first.cert_pem, first.key_pem);
	run_for(5 * POLL_MS + 2 * SETTLE_MS);
	assert_int_equal(w.builds, 1);
	assert_true(serves(&first));
	fixture_log_is("");
}

static void
new_pair_comes_into_service(void **state)
{
	(void)state;
	begin(first.cert_pem, first.key_pem);
	write_pair(&second);
	wait_until_served(&second);
	assert_int_equal(renewal_generation(w.renewal), 2);
	fixture_log_is("tlsproxy_certificate_reload: new certificate in service, generation 2: EC, names "
		       "/CN=second, expires *\n");
}

static void
half_of_a_pair_is_waited_for(void **state)
{
	(void)state;
	w.patience_ms = 100000;
	begin(first.cert_pem, first.key_pem);
	fixture_file("key.pem", second.key_pem);
	run_for(SETTLE_MS + 4 * POLL_MS);
	assert_true(serves(&first));
	fixture_log_is("");
	write_cert(&second);
	wait_until_served(&second);
	assert_int_equal(fixture_log_count("warning"), 0);
}

static void
same_content_is_nothing_new(void **state)
{
	(void)state;
	begin(first.cert_pem, first.key_pem);
	write_pair(&first);
	run_for(SETTLE_MS + 5 * POLL_MS);
	assert_int_equal(w.builds, 1);
	fixture_log_is("");
}

static void
what_is_bad_is_told_once(void **state)
{
	const struct {
		const char *name;
		const char *cert, *key; /* NULL: no file */
		const char *words;
	} cases[] = {
		{ "mismatch", second.cert_pem, first.key_pem, "key values mismatch" },
		{ "expired", expired.cert_pem, expired.key_pem,
		    "the certificate of /CN=expired has expired on " },
		{ "future", future.cert_pem, future.key_pem,
		    "the certificate of /CN=future is not valid before " },
		{ "no certificate", NULL, first.key_pem, "cert.pem: No such file or directory" },
		{ "no key", first.cert_pem, NULL, "key.pem: No such file or directory" },
		{ "begun", first.cert_pem, "-----BEGIN PRIVATE KEY-----\nMIIB", "key.pem is not complete" },
		{ "empty", "", first.key_pem, "cannot get RSA certificate from file" },
	};

	(void)state;
	begin(first.cert_pem, first.key_pem);
	for (size_t i = 0; i < COUNT(cases); i++) {
		print_message("# %s\n", cases[i].name);
		fixture_log_clear();
		if (cases[i].cert)
			fixture_file("cert.pem", cases[i].cert);
		else
			assert_int_equal(unlink(w.cert_file), 0);
		if (cases[i].key)
			fixture_file("key.pem", cases[i].key);
		else
			assert_int_equal(unlink(w.key_file), 0);
		wait_for_log(cases[i].words);
		run_for(RETRY_MS + 4 * POLL_MS);
		assert_int_equal(fixture_log_count("warning"), 1);
		assert_int_equal(
		    fixture_log_count("changed files are not used, generation 1 stays in service"), 1);
		assert_true(serves(&first));
		assert_true(w.held);
	}
	write_pair(&second);
	wait_until_served(&second);
	assert_false(w.held);
}

static void
what_was_bad_is_told_again_when_it_comes_again(void **state)
{
	(void)state;
	begin(first.cert_pem, first.key_pem);
	for (int i = 0; i < 2; i++) {
		fixture_log_clear();
		write_cert(&second);
		wait_for_log("key values mismatch");
		write_cert(&first);
		run_for(SETTLE_MS + 4 * POLL_MS);
	}
}

static void
chain_must_be_in_order(void **state)
{
	char *good = alloc_printf("%s%s", issued.cert_pem, issuer.cert_pem);
	char *bad = alloc_printf("%s%s", issued.cert_pem, second.cert_pem);

	(void)state;
	begin(first.cert_pem, first.key_pem);
	fixture_file("key.pem", issued.key_pem);
	fixture_file("cert.pem", bad);
	wait_for_log("the chain is not in order: certificate 2 does not belong to the issuer of /CN=issued");
	assert_true(serves(&first));
	fixture_file("cert.pem", good);
	wait_until_served(&issued);
	free(bad);
	free(good);
}

static void
shorter_file_in_its_place_is_waited_for(void **state)
{
	char *whole = alloc_printf("%s%s", issued.cert_pem, issuer.cert_pem);

	(void)state;
	w.patience_ms = 2000;
	begin(whole, issued.key_pem);
	write_cert(&issued);
	run_for(SETTLE_MS + 4 * POLL_MS);
	assert_int_equal(renewal_generation(w.renewal), 1);
	fixture_file("cert.pem", whole);
	run_for(SETTLE_MS + 4 * POLL_MS);
	assert_int_equal(renewal_generation(w.renewal), 1);

	/* Left like that it is meant like that; and as another file it is not waited for. */
	write_cert(&issued);
	wait_for_log("generation 2");
	free(whole);
}

static void
certificate_that_becomes_valid_is_used(void **state)
{
	struct fixture_cert soon = fixture_make(
	    (struct fixture_kind){ .cn = "soon", .key = EVP_EC_gen("P-256"), .from_s = 5, .to_s = 7200 });

	(void)state;
	begin(first.cert_pem, first.key_pem);
	write_pair(&soon);
	wait_for_log("is not valid before");
	wait_until_served(&soon);
	fixture_cert_release(&soon);
}

static void
start_without_certificate_is_not_the_end(void **state)
{
	(void)state;
	begin(first.cert_pem, second.key_pem);
	assert_null(w.served);
	run_for(PATIENCE_MS + 4 * POLL_MS);
	fixture_log_is("");
	write_pair(&second);
	wait_until_served(&second);
	assert_int_equal(renewal_generation(w.renewal), 1);
}

static void
change_during_the_start_is_seen(void **state)
{
	struct err err;

	(void)state;
	w.cert_file = fixture_file("cert.pem", first.cert_pem);
	w.key_file = fixture_file("key.pem", first.key_pem);

	const struct certfiles_name names[] = { { w.cert_file, true }, { w.key_file, true } };

	w.renewal = renewal_new(&(struct renewal_settings){ .base = w.base,
				    .label = "",
				    .names = names,
				    .count = COUNT(names),
				    .build = build,
				    .use = use },
	    &err);
	w.served = build(NULL, NULL, NULL);
	write_pair(&second);
	fixture_log_clear();
	renewal_start(w.renewal, w.served);
	wait_until_served(&second);
}

static void
authorities_without_a_certificate_are_renewed(void **state)
{
	const struct context *old;

	(void)state;
	w.bare = true;
	begin(first.cert_pem, "");
	old = w.served;
	write_cert(&second);
	wait_for_log("tlsproxy_certificate_reload: new certification authorities in service, generation 2\n");
	assert_ptr_not_equal(w.served, old);
	old = w.served;
	fixture_file("cert.pem", "");
	wait_for_log("changed files are not used, generation 2 stays in service: cannot load Certification "
		     "Authority data, CAfile=");
	assert_ptr_equal(w.served, old);
}

static void
new_name_in_a_directory_is_a_change(void **state)
{
	(void)state;
	w.bare = true;
	begin(first.cert_pem, "");
	assert_int_equal(unlink(w.key_file), 0);
	assert_int_equal(mkdir(w.key_file, 0700), 0);
	wait_for_log("key.pem: Is a directory");
	renewal_free(w.renewal);
	context_unref(w.served);

	const struct certfiles_name names[] = { { w.cert_file, true }, { w.key_file, false } };
	char *entry = alloc_printf("%s/entry", w.key_file);
	struct err err;

	w.renewal = renewal_new(&(struct renewal_settings){ .base = w.base,
				    .label = "client role: ",
				    .bare = true,
				    .names = names,
				    .count = COUNT(names),
				    .build = build,
				    .use = use,
				    .poll_ms = POLL_MS,
				    .settle_ms = SETTLE_MS },
	    &err);
	w.served = build(NULL, NULL, NULL);
	renewal_start(w.renewal, w.served);
	run_for(SETTLE_MS + 4 * POLL_MS);
	assert_int_equal(renewal_generation(w.renewal), 1);
	assert_int_equal(mkdir(entry, 0700), 0);
	wait_for_log("client role: new certification authorities in service, generation 2\n");
	assert_int_equal(rmdir(entry), 0);
	assert_int_equal(rmdir(w.key_file), 0);
	free(entry);
}

static void
process_without_new_sessions_stops_looking(void **state)
{
	(void)state;
	begin(first.cert_pem, first.key_pem);
	w.over = true;
	run_for(4 * POLL_MS);
	write_pair(&second);
	run_for(SETTLE_MS + 6 * POLL_MS);
	assert_true(serves(&first));
	fixture_log_is("");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(unchanged_files_are_left_alone, set_up, tear_down),
		cmocka_unit_test_setup_teardown(new_pair_comes_into_service, set_up, tear_down),
		cmocka_unit_test_setup_teardown(half_of_a_pair_is_waited_for, set_up, tear_down),
		cmocka_unit_test_setup_teardown(same_content_is_nothing_new, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_is_bad_is_told_once, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    what_was_bad_is_told_again_when_it_comes_again, set_up, tear_down),
		cmocka_unit_test_setup_teardown(chain_must_be_in_order, set_up, tear_down),
		cmocka_unit_test_setup_teardown(shorter_file_in_its_place_is_waited_for, set_up, tear_down),
		cmocka_unit_test_setup_teardown(certificate_that_becomes_valid_is_used, set_up, tear_down),
		cmocka_unit_test_setup_teardown(start_without_certificate_is_not_the_end, set_up, tear_down),
		cmocka_unit_test_setup_teardown(change_during_the_start_is_seen, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    authorities_without_a_certificate_are_renewed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(new_name_in_a_directory_is_a_change, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    process_without_new_sessions_stops_looking, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, set_up_all, tear_down_all);
}
