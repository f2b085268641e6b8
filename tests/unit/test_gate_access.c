/* SPDX-License-Identifier: ISC */
/* What tlsgate decides by a client's certificate, and in which words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "log_capture.h"
#include "tlsgate/gate_access.h"
#include "tlsgate/gate_access_result.h"
#include "tsv.h"
#include "util/buf.h"
#include "util/err.h"

#define CERT "AA:01:02"
#define PKEY "BB:03:04"

static const struct gate_access_client trusted = {
	.name = "unknown[192.0.2.1]",
	.tls = true,
	.has_cert = true,
	.trusted = true,
	.subject_cn = "client.example.org",
	.fingerprint = CERT,
	.pkey_fingerprint = PKEY,
};

static enum gate_access_verdict
decide(const char *restrictions, const char *relay, bool ask, const struct gate_access_client *client,
    struct buf *reply)
{
	const struct gate_access_settings settings = { restrictions, relay, ask };
	struct err err = { .text = "" };
	struct gate_access *access = gate_access_new(&settings, &err);

	if (!access)
		fail_msg("%s: %s", restrictions, err.text);
	enum gate_access_verdict verdict = gate_access_decide(access, client, reply);
	gate_access_free(access);
	return verdict;
}

static bool
has(const char *text, const char *part)
{
	return strstr(text, part) != NULL;
}

/* "relay_clientcerts: <CERT-DIGEST>" and "<PKEY-DIGEST> REJECT, <CERT-DIGEST> OK" as inline: tables. In lower
 * case: keys are folded. */
static void
put_table(struct buf *to, const char *text)
{
	const char *at;

	buf_add_str(to, "inline:{ ");
	for (at = text; (at = strchr(at, '<')) != NULL; at++) {
		const char *value = strchr(at, '>') + 1;
		size_t len = strcspn(value, ",");
		buf_printf(to, "{%s=%.*s},", at[1] == 'C' ? "aa:01:02" : "bb:03:04",
		    (int)(len > 1 ? len - 1 : 1), len > 1 ? value + 1 : "x");
	}
	if (!strchr(text, '<'))
		buf_add_str(to, "{aa:01:02=REJECT}");
	buf_add_str(to, " }");
}

static void
each_row_is_decided_as_smtpd_does(void **state)
{
	struct tsv tsv;
	size_t rows = 0;
	(void)state;

	assert_true(tsv_open(&tsv, "ccert-access"));
	while (tsv_next(&tsv)) {
		const char *who = tsv.column[0], *wanted = tsv.column[3],
			   *warning = strstr(wanted, "warning: ");
		struct gate_access_client client = trusted;
		struct buf table = BUF_INIT, list = BUF_INIT, reply = BUF_INIT, line = BUF_INIT;
		bool listed = has(tsv.column[2], "relay_clientcerts");
		print_message("%s, %s, %s\n", who, tsv.column[1], tsv.column[2]);
		rows++;

		client.tls = strcmp(who, "no TLS session") != 0;
		client.trusted = strncmp(who, "trusted", 7) == 0;
		client.has_cert = client.tls && strcmp(who, "no certificate") != 0 && !has(who, "not asked");
		put_table(&table, tsv.column[2]);
		buf_add_str(&list, tsv.column[1]);
		buf_truncate(&list, strcspn(buf_str(&list), " "));
		if (strcmp(buf_str(&list), "check_ccert_access") == 0)
			buf_printf(&list, " { %s }", buf_str(&table));

		log_capture_start();
		enum gate_access_verdict verdict = decide(buf_str(&list), listed ? buf_str(&table) : "",
		    !has(tsv.column[1], "ask_ccert=no"), &client, &reply);
		if (strncmp(wanted, "permit", 6) == 0 || strncmp(wanted, "OK", 2) == 0) {
			assert_int_equal(verdict, GATE_ACCESS_CERTIFIED);
		} else if (strncmp(wanted, "no decision", 11) == 0) {
			assert_int_equal(verdict, GATE_ACCESS_NOTHING);
		} else {
			assert_int_equal(verdict, GATE_ACCESS_REJECT);
			assert_memory_equal(buf_str(&reply), wanted, reply.len);
			assert_memory_equal(wanted + reply.len, " (", 2);
		}
		/* The parameter is one of the gate. */
		if (warning) {
			const char *name = strstr(warning, "smtpd_");
			buf_printf(&line, "%.*stlsgate_%s\n", (int)(name - warning), warning, name + 6);
		}
		assert_string_equal(log_capture.text, buf_str(&line));
		buf_release(&table);
		buf_release(&list);
		buf_release(&reply);
		buf_release(&line);
	}
	assert_int_equal(rows, 13);
}

static void
the_first_rule_that_decides_is_the_last(void **state)
{
	static const struct {
		const char *restrictions;
		enum gate_access_verdict verdict;
		const char *reply;
	} cases[] = {
		{ "", GATE_ACCESS_NOTHING, "" },
		{ "permit, reject", GATE_ACCESS_PERMIT, "" },
		{ "permit_tls_clientcerts reject", GATE_ACCESS_REJECT,
		    "554 5.7.1 <unknown[192.0.2.1]>: Client host rejected: Access denied" },
		{ "permit_tls_all_clientcerts,reject", GATE_ACCESS_CERTIFIED, "" },
		{ "reject_plaintext_session permit", GATE_ACCESS_PERMIT, "" },
		{ "check_ccert_access inline:{" CERT "=DUNNO} reject", GATE_ACCESS_REJECT,
		    "554 5.7.1 <unknown[192.0.2.1]>: Client host rejected: Access denied" },
		{ "check_ccert_access { inline:{ {" CERT "=REJECT}, {" PKEY "=OK} }, { search_order = "
		  "pubkey_fingerprint cert_fingerprint } }, reject",
		    GATE_ACCESS_CERTIFIED, "" },
		{ "check_ccert_access { inline:{" CERT "=REJECT}, { search_order=pubkey_fingerprint } }",
		    GATE_ACCESS_NOTHING, "" },
		{ "check_ccert_access { inline:{ {" CERT "=permit_tls_clientcerts, permit} } }",
		    GATE_ACCESS_CERTIFIED, "" },
		{ "check_ccert_access { inline:{ {" CERT "=permit_mynetworks, permit} } }",
		    GATE_ACCESS_REJECT, "451 4.3.5 Server configuration error" },
		{ "check_ccert_access fail:x permit", GATE_ACCESS_REJECT,
		    "451 4.3.5 Server configuration error" },
	};
	(void)state;

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct buf reply = BUF_INIT;
		print_message("%s\n", cases[i].restrictions);
		log_capture_start();
		assert_int_equal(decide(cases[i].restrictions, "", true, &trusted, &reply), cases[i].verdict);
		if (cases[i].verdict == GATE_ACCESS_REJECT)
			assert_string_equal(buf_str(&reply), cases[i].reply);
		buf_release(&reply);
	}
}

static void
a_failing_table_of_certificates_is_no_permission(void **state)
{
	struct buf reply = BUF_INIT;
	(void)state;

	log_capture_start();
	assert_int_equal(
	    decide("permit_tls_clientcerts, permit", "fail:x", true, &trusted, &reply), GATE_ACCESS_REJECT);
	assert_string_equal(buf_str(&reply), "451 4.3.0 Temporary lookup failure");
	assert_true(has(log_capture.text, "warning: relay_clientcerts: lookup error for fingerprint '" CERT
					  "', pkey fingerprint " PKEY "\n"));
	buf_release(&reply);
}

static void
a_list_that_cannot_be_read_is_none(void **state)
{
	static const char *const lists[] = {
		"permit_mynetworks",
		"check_ccert_access",
		"check_ccert_access reject",
		"check_ccert_access { inline:{a=b}, { search_order = issuer } }",
		"check_ccert_access { inline:{a=b}, { search_order = } }",
		"check_ccert_access { inline:{a=b}, { default_action = OK } }",
		"check_ccert_access { inline:{a=b}",
	};
	struct err err;
	(void)state;

	for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
		const struct gate_access_settings settings = { lists[i], "", true };
		print_message("%s\n", lists[i]);
		err.text[0] = 0;
		assert_null(gate_access_new(&settings, &err));
		assert_true(err.text[0]);
	}
}

/* As observed on smtpd 3.7.11, but for the words "Client certificate". */
static void
results_are_read_as_smtpd_reads_them(void **state)
{
	static const struct {
		const char *value;
		enum gate_access_result result;
		const char *reply;
	} cases[] = {
		{ "REJECT", GATE_ACCESS_RESULT_REPLY,
		    "554 5.7.1 <cn>: Client certificate rejected: Access denied" },
		{ "reject some text", GATE_ACCESS_RESULT_REPLY,
		    "554 5.7.1 <cn>: Client certificate rejected: some text" },
		{ "REJECT 5.7.2 foo bar", GATE_ACCESS_RESULT_REPLY,
		    "554 5.7.2 <cn>: Client certificate rejected: foo bar" },
		{ "REJECT 4.7.2 odd", GATE_ACCESS_RESULT_REPLY,
		    "554 5.7.2 <cn>: Client certificate rejected: odd" },
		{ "550 no", GATE_ACCESS_RESULT_REPLY, "550 5.7.1 <cn>: Client certificate rejected: no" },
		{ "550 5.1.1 no way", GATE_ACCESS_RESULT_REPLY,
		    "550 5.0.0 <cn>: Client certificate rejected: no way" },
		{ "450 4.1.1", GATE_ACCESS_RESULT_REPLY,
		    "450 4.0.0 <cn>: Client certificate rejected: Access denied" },
		{ "421 4.7.0 bye", GATE_ACCESS_RESULT_REPLY,
		    "421 4.7.0 <cn>: Client certificate rejected: bye" },
		{ "DEFER a b", GATE_ACCESS_RESULT_REPLY, "450 4.7.1 <cn>: Client certificate rejected: a b" },
		{ "DEFER_IF_PERMIT x", GATE_ACCESS_RESULT_REPLY,
		    "450 4.7.1 <cn>: Client certificate rejected: x" },
		{ "REJECT a\r\n250 b\\\303\251", GATE_ACCESS_RESULT_REPLY,
		    "554 5.7.1 <cn>: Client certificate rejected: a??250 b???" },
		{ "OK text", GATE_ACCESS_RESULT_OK, NULL },
		{ "123", GATE_ACCESS_RESULT_OK, NULL },
		{ "550", GATE_ACCESS_RESULT_OK, NULL },
		{ "dunno", GATE_ACCESS_RESULT_DUNNO, NULL },
		{ "DEFER_IF_REJECT zz", GATE_ACCESS_RESULT_DUNNO, NULL },
		{ "WARN hello", GATE_ACCESS_RESULT_WARN, "hello" },
		{ "INFO", GATE_ACCESS_RESULT_INFO, "" },
		{ "5501 x", GATE_ACCESS_RESULT_NAMES, NULL },
		{ "220 x", GATE_ACCESS_RESULT_NAMES, NULL },
		{ "DISCARD", GATE_ACCESS_RESULT_NAMES, NULL },
		{ "", GATE_ACCESS_RESULT_NAMES, NULL },
	};
	(void)state;

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct buf reply = BUF_INIT;
		print_message("%s\n", cases[i].value);
		assert_int_equal(gate_access_result_read(cases[i].value, "cn", "Client certificate", &reply),
		    cases[i].result);
		if (cases[i].reply)
			assert_string_equal(buf_str(&reply), cases[i].reply);
		buf_release(&reply);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_row_is_decided_as_smtpd_does),
		cmocka_unit_test(the_first_rule_that_decides_is_the_last),
		cmocka_unit_test(a_failing_table_of_certificates_is_no_permission),
		cmocka_unit_test(a_list_that_cannot_be_read_is_none),
		cmocka_unit_test(results_are_read_as_smtpd_reads_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
