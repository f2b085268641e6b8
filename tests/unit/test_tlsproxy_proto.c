/* SPDX-License-Identifier: ISC */
/*
 * tlsproxy_proto: requests as programs of Postfix 3.6 to 3.12 send them, and what is wrong with those that
 * are none. Lists are written with '|' for the zero byte.
 */
#include "cmocka_all.h"
#include "log_capture.h"

#include <stdlib.h>

#include "mail/attr.h"
#include "mail/tlsproxy_proto.h"
#include "mail/tlsproxy_proto_client.h"
#include "mail/tlsproxy_proto_server.h"
#include "util/alloc.h"
#include "util/buf.h"

#define CONFIG "config_file|default|config_name||"
#define GRADES "tls_high_cipherlist|HIGH|tls_medium_cipherlist|MEDIUM|"
#define LOW    "tls_low_cipherlist|LOW|tls_export_cipherlist|EXPORT|"
#define CURVES                                                                                               \
	"tls_null_cipherlist|eNULL:!aNULL|tls_eecdh_auto_curves|X25519|tls_eecdh_strong_curve|prime256v1|"   \
	"tls_eecdh_ultra_curve|secp384r1|"
#define FFDHE "tls_ffdhe_auto_groups|ffdhe2048 ffdhe3072 |"
#define REST                                                                                                 \
	"tls_disable_workarounds||tls_ssl_options||tls_dane_digests|sha512 sha256|tlsmgr_service_name|"      \
	"tlsmgr|tls_session_ticket_cipher|aes-256-cbc|tls_daemon_random_bytes|32|tls_append_default_CA|0|"
#define LEGACY  "tls_legacy_public_key_fingerprints|0|"
#define PREEMPT "tls_preempt_cipherlist|0|tls_wildcard_matches_multiple_labels|1|"
#define FAST    "tls_fast_shutdown_enable|1|"
#define INIT                                                                                                 \
	"log_param|smtp_tls_loglevel|log_level|1|verifydepth|9|cache_type|smtp|chain_files||cert_file||"     \
	"key_file||dcert_file||dkey_file||eccert_file||eckey_file||CAfile|/ca.pem|CApath||mdalg|sha256|"
#define LOG     "log_param|smtp_tls_loglevel|log_level|routine,cache|"
#define TIMEOUT "timeout|300|"
#define RPK     "enable_rpk|1|"
#define SESSION                                                                                              \
	"tls_level|8|nexthop|example.test|host|mx.example.test|namaddr|MX.example.test[192.0.2.1]:25|sni|"   \
	"hostname|serverid|smtp&x&|helo|sink.example|protocols|>=TLSv1|cipher_grade|medium|"                 \
	"cipher_exclusions|RC4|argv_size|2|argv_value|nexthop|argv_value|dot-nexthop|mdalg|sha256|"
#define NO_DANE "dane|0|"
#define DANE                                                                                                 \
	"dane|1|domain|mx.tlsa.example|count|2|usage|3|selector|1|mtype|1|data|AQID|usage|258|selector|0|"   \
	"mtype|255|data||"
#define NO_RPT "tlsrpt|0|"
#define RPT                                                                                                  \
	"tlsrpt|1|rpt_socket_name|/run/rpt|rpt_policy_domain|example.test|rpt_policy_string|v=TLSRPTv1|"     \
	"tls_policy_type|2|argv_size|1|argv_value|version: STSv1|tls_policy_domain||argv_size|0|"            \
	"snd_mta_addr||rcv_mta_name||rcv_mta_addr||rcv_mta_ehlo||skip_reused_hs|1|flags|7|"
#define FORCED "forced_failure_type||"
#define TRACE  "trace_size_limit|102400|trace_peer|192.0.2.1|"

/* The zero-separated bytes of `text`. */
static char *
wire(const char *text, size_t *len)
{
	char *bytes = alloc_string(text);

	*len = strlen(text);
	for (size_t i = 0; i < *len; i++)
		if (bytes[i] == '|')
			bytes[i] = 0;
	return bytes;
}

static int
get_client(struct tlsproxy_client_request *request, const char *text, char **bytes)
{
	size_t len;

	log_capture_start();
	*bytes = wire(text, &len);
	return tlsproxy_proto_client_get(request, *bytes, len, "plaintext");
}

static const struct {
	const char *name;
	const char *list;
	enum tlsproxy_context_shape shape;
} versions[] = {
	{ "3.7.5", GRADES LOW CURVES REST LEGACY PREEMPT INIT TIMEOUT SESSION NO_DANE "|",
	    TLSPROXY_CONTEXT_3_6 },
	{ "3.7.11", CONFIG GRADES LOW CURVES REST LEGACY PREEMPT INIT TIMEOUT SESSION NO_DANE "|",
	    TLSPROXY_CONTEXT_3_6 },
	{ "3.7.11 with records", CONFIG GRADES LOW CURVES REST LEGACY PREEMPT INIT TIMEOUT SESSION DANE "|",
	    TLSPROXY_CONTEXT_3_6 },
	{ "3.8.0", GRADES CURVES FFDHE REST LEGACY PREEMPT INIT TIMEOUT SESSION NO_DANE "|",
	    TLSPROXY_CONTEXT_3_6 },
	{ "3.8.1", CONFIG GRADES CURVES FFDHE REST LEGACY PREEMPT INIT TIMEOUT SESSION NO_DANE "|",
	    TLSPROXY_CONTEXT_3_6 },
	{ "3.9", CONFIG GRADES CURVES FFDHE REST LEGACY PREEMPT INIT TIMEOUT RPK SESSION NO_DANE "|",
	    TLSPROXY_CONTEXT_3_9 },
	{ "3.10", CONFIG GRADES CURVES FFDHE REST LEGACY PREEMPT INIT TIMEOUT RPK SESSION NO_DANE FORCED "|",
	    TLSPROXY_CONTEXT_3_10 },
	{ "3.10 that can report",
	    CONFIG GRADES CURVES FFDHE REST LEGACY PREEMPT INIT TIMEOUT RPK SESSION DANE NO_RPT FORCED "|",
	    TLSPROXY_CONTEXT_3_10 },
	{ "3.11", CONFIG GRADES CURVES FFDHE REST PREEMPT INIT TIMEOUT RPK SESSION NO_DANE FORCED "|",
	    TLSPROXY_CONTEXT_3_10 },
	{ "3.11 that reports",
	    CONFIG GRADES CURVES FFDHE REST PREEMPT INIT TIMEOUT RPK SESSION DANE RPT FORCED "|",
	    TLSPROXY_CONTEXT_3_10 },
	{ "3.12",
	    CONFIG GRADES CURVES FFDHE REST PREEMPT FAST INIT LOG TIMEOUT RPK SESSION NO_DANE FORCED TRACE
	    "|",
	    TLSPROXY_CONTEXT_3_12 },
	{ "3.12 that reports",
	    CONFIG GRADES CURVES FFDHE REST PREEMPT FAST INIT LOG TIMEOUT RPK SESSION DANE RPT FORCED TRACE
	    "|",
	    TLSPROXY_CONTEXT_3_12 },
};

static void
every_version_is_read(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(versions); i++) {
		struct tlsproxy_client_request request;
		char *bytes;

		CASE_IS(get_client(&request, versions[i].list, &bytes) == 0, versions[i].name);
		CASE_TEXT(log_capture.text, "", versions[i].name);
		CASE_IS(tlsproxy_proto_client_shape(&request) == versions[i].shape, versions[i].name);
		CASE_TEXT(request.params.medium_cipherlist, "MEDIUM", versions[i].name);
		CASE_IS(request.params.wildcard_matches_multiple_labels == 1, versions[i].name);
		CASE_TEXT(request.init.CAfile, "/ca.pem", versions[i].name);
		CASE_IS(request.start.timeout_s == 300, versions[i].name);
		CASE_IS(request.start.tls_level == 8, versions[i].name);
		CASE_IS(request.start.matchargv.count == 2, versions[i].name);
		CASE_TEXT(request.start.matchargv.values[1], "dot-nexthop", versions[i].name);
		CASE_TEXT(request.start.cipher_exclusions, "RC4", versions[i].name);
		tlsproxy_proto_client_release(&request);
		free(bytes);
	}
}

static void
what_was_read_is_written_alike(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(versions); i++) {
		struct tlsproxy_client_request request;
		struct buf list = BUF_INIT;
		char *bytes;

		CASE_IS(get_client(&request, versions[i].list, &bytes) == 0, versions[i].name);
		tlsproxy_proto_client_put(&list, &request);
		for (size_t n = 0; n < list.len; n++)
			if (!list.bytes[n])
				list.bytes[n] = '|';
		/* A usage is taken modulo 256. */
		char *wanted = alloc_string(versions[i].list), *big = strstr(wanted, "usage|258|");
		if (big)
			memmove(big + 7, big + 9, strlen(big + 9) + 1);
		CASE_TEXT(buf_str(&list), wanted, versions[i].name);
		free(wanted);
		buf_release(&list);
		tlsproxy_proto_client_release(&request);
		free(bytes);
	}
}

static void
records_have_their_bytes(void **state)
{
	struct tlsproxy_client_request request;
	const struct tlsproxy_dane *dane = &request.start.dane;
	char *bytes;

	(void)state;
	assert_int_equal(get_client(&request, versions[2].list, &bytes), 0);
	assert_true(dane->present);
	assert_string_equal(dane->domain, "mx.tlsa.example");
	assert_int_equal(dane->count, 2);
	assert_int_equal(dane->records[0].usage, 3);
	assert_int_equal(dane->records[0].selector, 1);
	assert_int_equal(dane->records[0].mtype, 1);
	assert_int_equal(dane->records[0].len, 3);
	assert_memory_equal(dane->records[0].data, "\1\2\3", 3);
	assert_int_equal(dane->records[1].usage, 2);
	assert_int_equal(dane->records[1].mtype, 255);
	assert_int_equal(dane->records[1].len, 0);
	tlsproxy_proto_client_release(&request);
	free(bytes);
}

#define BEFORE CONFIG GRADES LOW CURVES REST LEGACY PREEMPT INIT TIMEOUT

static void
what_is_no_request_is_refused(void **state)
{
	static const struct {
		const char *name;
		const char *list;
		const char *log;
	} cases[] = {
		{ "nothing", "|", "missing attribute tls_high_cipherlist in input from plaintext" },
		{ "no end", CONFIG GRADES "tls_low",
		    "unexpected end-of-input from plaintext while reading input attribute name" },
		{ "end in between", CONFIG GRADES,
		    "premature end-of-input on plaintext while reading input attribute name" },
		{ "half a group", "config_file|default|" GRADES "|",
		    "unexpected attribute tls_high_cipherlist from plaintext (expecting: config_name)" },
		{ "wrong order", CONFIG "tls_medium_cipherlist|x|",
		    "unexpected attribute tls_medium_cipherlist from plaintext (expecting: "
		    "tls_high_cipherlist)" },
		{ "no number", BEFORE "tls_level|high|",
		    "malformed numerical data from plaintext while reading input attribute value: high" },
		{ "empty number", BEFORE "tls_level||",
		    "malformed numerical data from plaintext while reading input attribute value: " },
		{ "a list too long",
		    BEFORE
		    "tls_level|8|nexthop||host||namaddr||sni||serverid||helo||protocols||cipher_grade||"
		    "cipher_exclusions||argv_size|2000|",
		    "invalid size 2000 from plaintext while reading ARGV" },
		{ "a list of negative length",
		    BEFORE
		    "tls_level|8|nexthop||host||namaddr||sni||serverid||helo||protocols||cipher_grade||"
		    "cipher_exclusions||argv_size|-1|",
		    "invalid size -1 from plaintext while reading ARGV" },
		{ "too many records", BEFORE SESSION "dane|1|domain||count|5000|",
		    "invalid size 5000 from plaintext while reading TLSA" },
		{ "fewer records than said", BEFORE SESSION "dane|1|domain||count|1||",
		    "missing attribute usage in input from plaintext" },
		{ "no base64", BEFORE SESSION "dane|1|domain||count|1|usage|3|selector|1|mtype|1|data|abc||",
		    "malformed base64 data from plaintext while reading input attribute value: abc" },
		{ "half a report",
		    BEFORE RPK SESSION NO_DANE "tlsrpt|1|rpt_socket_name||forced_failure_type||",
		    "unexpected attribute forced_failure_type from plaintext (expecting: "
		    "rpt_policy_domain)" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct tlsproxy_client_request request;
		char *bytes, *wanted = alloc_printf("warning: %s\n", cases[i].log);

		CASE_IS(get_client(&request, cases[i].list, &bytes) == -1, cases[i].name);
		CASE_TEXT(log_capture.text, wanted, cases[i].name);
		tlsproxy_proto_client_release(&request);
		free(bytes);
		free(wanted);
	}
}

/* Cut anywhere, a list is no list, and nothing is read beyond the cut or kept. */
static void
half_a_list_is_refused(void **state)
{
	const char *text = versions[COUNT(versions) - 1].list;
	size_t len;
	char *bytes = wire(text, &len);

	(void)state;
	for (size_t cut = 0; cut < len - 1; cut++) {
		struct tlsproxy_client_request request;
		char *part = malloc(cut > 0 ? cut : 1);

		assert_non_null(part);
		memcpy(part, bytes, cut);
		log_capture_start();
		/* The last groups may lack: without them it is a list of a version before, cut short. */
		assert_int_equal(tlsproxy_proto_client_get(&request, part, cut, "plaintext"), -1);
		tlsproxy_proto_client_release(&request);
		free(part);
	}
	free(bytes);
}

static void
unknown_attribute_behind_the_last_is_warned_about(void **state)
{
	struct tlsproxy_client_request request;
	char *bytes;

	(void)state;
	assert_int_equal(get_client(&request, BEFORE SESSION NO_DANE "later|1||", &bytes), 0);
	assert_string_equal(log_capture.text,
	    "warning: unexpected attribute later from plaintext (expecting: (list terminator))\n");
	tlsproxy_proto_client_release(&request);
	free(bytes);
}

static void
differences_are_told_by_name(void **state)
{
	struct tlsproxy_client_request ours, theirs;
	struct buf words = BUF_INIT;
	char *bytes, *others;

	(void)state;
	assert_int_equal(get_client(&ours, versions[1].list, &bytes), 0);
	assert_int_equal(get_client(&theirs, versions[8].list, &others), 0);
	assert_false(tlsproxy_proto_client_params_differ(&words, &ours.params, &theirs.params));
	assert_int_equal(words.len, 0);
	theirs.params.null_cipherlist = "eNULL";
	theirs.params.daemon_random_bytes = 48;
	assert_true(tlsproxy_proto_client_params_differ(&words, &ours.params, &theirs.params));
	assert_string_equal(buf_str(&words),
	    "(server) 'tls_null_cipherlist=eNULL:!aNULL' != (client) 'tls_null_cipherlist=eNULL'; "
	    "(server) 'tls_daemon_random_bytes=32' != (client) 'tls_daemon_random_bytes=48'");
	buf_clear(&words);
	theirs.init.log_level = "routine,certmatch";
	assert_true(tlsproxy_proto_client_init_differ(&words, &ours.init, &theirs.init));
	assert_string_equal(
	    buf_str(&words), "(server) 'log_level=1' != (client) 'log_level=routine,certmatch'");
	buf_release(&words);
	tlsproxy_proto_client_release(&ours);
	tlsproxy_proto_client_release(&theirs);
	free(bytes);
	free(others);
}

static void
key_is_the_whole_init_part(void **state)
{
	struct tlsproxy_client_request request;
	struct buf key = BUF_INIT, other = BUF_INIT;
	char *bytes;

	(void)state;
	assert_int_equal(get_client(&request, versions[1].list, &bytes), 0);
	tlsproxy_proto_client_key(&key, &request);
	assert_non_null(memmem(key.bytes, key.len, "log_param\0smtp_tls_loglevel", 27));
	request.init.chain_files = "x";
	tlsproxy_proto_client_key(&other, &request);
	assert_int_equal(other.len, key.len + 1);
	tlsproxy_proto_client_release(&request);
	free(bytes);

	/* Sessions of 3.12 bring their own log settings. */
	assert_int_equal(get_client(&request, versions[10].list, &bytes), 0);
	buf_clear(&key);
	tlsproxy_proto_client_key(&key, &request);
	assert_null(memmem(key.bytes, key.len, "log_param", 9));
	buf_release(&key);
	buf_release(&other);
	tlsproxy_proto_client_release(&request);
	free(bytes);
}

#define SERVER_PARAMS                                                                                        \
	CONFIG GRADES CURVES FFDHE                                                                           \
	    "tls_disable_workarounds||tls_ssl_options||tlsmgr_service_name|tlsmgr|"                          \
	    "tls_session_ticket_cipher|aes-256-cbc|tls_daemon_random_bytes|32|tls_append_default_CA|0|"      \
	    "tls_preempt_cipherlist|0|tls_wildcard_matches_multiple_labels|1|tls_server_sni_maps||"          \
	    "tls_fast_shutdown_enable|1|tls_trust_server_ccerts|0|"
#define SERVER_INIT                                                                                          \
	"log_param|postscreen_tls_loglevel|log_level|1|verifydepth|9|cache_type|smtpd|set_sessid|1|"         \
	"chain_files|/chain.pem|cert_file||key_file||dcert_file||dkey_file||eccert_file||eckey_file||"       \
	"CAfile||CApath||protocols|>=TLSv1|eecdh_grade|auto|dh1024_param_file||dh512_param_file||ask_ccert|" \
	"0|mdalg|sha256|"
#define SERVER_START                                                                                         \
	"log_param|postscreen_tls_loglevel|log_level|1|timeout|300|enable_rpk|0|requirecert|0|serverid|"     \
	"127.0.0.1:3725|namaddr|[127.0.0.3]:35905|cipher_grade|medium|cipher_exclusions||mdalg|sha256|"      \
	"trace_size_limit|102400|trace_peer|127.0.0.3|"

static void
server_lists_are_read(void **state)
{
	struct tlsproxy_server_request request, other;
	struct buf words = BUF_INIT;
	size_t len;
	char *bytes = wire(SERVER_PARAMS SERVER_INIT SERVER_START "|", &len);

	(void)state;
	log_capture_start();
	assert_int_equal(tlsproxy_proto_server_get(&request, bytes, len, "plaintext"), 0);
	assert_string_equal(request.init.chain_files, "/chain.pem");
	assert_int_equal(request.init.set_sessid, 1);
	assert_string_equal(request.start.serverid, "127.0.0.1:3725");
	assert_string_equal(request.start.trace_peer, "127.0.0.3");
	other = request;
	other.init.log_param = "tlsproxy_tls_loglevel";
	assert_false(tlsproxy_proto_server_init_differ(&words, &request.init, &other.init));
	other.init.ask_ccert = 1;
	assert_true(tlsproxy_proto_server_init_differ(&words, &request.init, &other.init));
	assert_string_equal(buf_str(&words), "(server) 'ask_ccert=0' != (client) 'ask_ccert=1'");
	for (size_t cut = 0; cut < len - 1; cut++)
		assert_int_equal(tlsproxy_proto_server_get(&request, bytes, cut, "plaintext"), -1);
	buf_release(&words);
	free(bytes);
}

static void
request_with_more_than_wanted_is_told_apart(void **state)
{
	static const char list[] =
	    "remote_endpoint\0x\0flags\0001\0timeout\0001\0timeout\0002\0serverid\0s\0";
	static const char more[] =
	    "remote_endpoint\0x\0flags\0001\0timeout\0001\0timeout\0002\0serverid\0s\0later\0001\0";
	struct tlsproxy_request request;

	(void)state;
	log_capture_start();
	assert_int_equal(tlsproxy_proto_get_request(list, sizeof list, "plaintext", &request), 0);
	assert_string_equal(log_capture.text, "");
	assert_int_equal(tlsproxy_proto_get_request(more, sizeof more, "plaintext", &request), 1);
	assert_int_equal(request.session_timeout_s, 2);
	assert_string_equal(log_capture.text,
	    "warning: unexpected attribute later from plaintext (expecting: (list terminator))\n");
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_version_is_read),
		cmocka_unit_test(what_was_read_is_written_alike),
		cmocka_unit_test(records_have_their_bytes),
		cmocka_unit_test(what_is_no_request_is_refused),
		cmocka_unit_test(half_a_list_is_refused),
		cmocka_unit_test(unknown_attribute_behind_the_last_is_warned_about),
		cmocka_unit_test(differences_are_told_by_name),
		cmocka_unit_test(key_is_the_whole_init_part),
		cmocka_unit_test(server_lists_are_read),
		cmocka_unit_test(request_with_more_than_wanted_is_told_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
