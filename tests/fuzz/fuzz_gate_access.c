/* SPDX-License-Identifier: ISC */
/*
 * fuzz_gate_access: the first byte chooses between what a table says of a client, a list of rules, what a
 * back end offers for XCLIENT, and what it is told. Whatever goes to a client or a back end is one line of
 * printable ASCII.
 */
#include <ctype.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <sys/socket.h>

#include "tlsgate/gate_access.h"
#include "tlsgate/gate_access_result.h"
#include "tlsgate/gate_xclient.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/log.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void
check_printable(const struct buf *line)
{
	for (size_t i = 0; i < line->len; i++)
		if (line->bytes[i] < ' ' || line->bytes[i] > '~')
			abort();
}

/* "554 5.7.1 text" */
static void
check_reply(const struct buf *reply)
{
	const char *text = buf_str(reply);

	check_printable(reply);
	if (reply->len < 10 || reply->len > 1000 || (text[0] != '4' && text[0] != '5') || text[3] != ' ' ||
	    text[4] != text[0] || text[5] != '.' || !isdigit((unsigned char)text[1]) ||
	    !isdigit((unsigned char)text[2]))
		abort();
}

static void
read_result(const char *text)
{
	struct buf reply = BUF_INIT;

	switch (gate_access_result_read(text, text, "Client certificate", &reply)) {
	case GATE_ACCESS_RESULT_REPLY:
		check_reply(&reply);
		break;
	case GATE_ACCESS_RESULT_WARN:
	case GATE_ACCESS_RESULT_INFO:
		check_printable(&reply);
		break;
	case GATE_ACCESS_RESULT_OK:
	case GATE_ACCESS_RESULT_DUNNO:
	case GATE_ACCESS_RESULT_NAMES:
		break;
	}
	buf_release(&reply);
}

static void
decide(const struct gate_access *access, bool tls, bool has_cert, const char *cn)
{
	const struct gate_access_client client = {
		.name = "unknown[192.0.2.1]",
		.tls = tls,
		.has_cert = has_cert,
		.subject_cn = cn,
		.fingerprint = has_cert ? "AA:BB" : "",
		.pkey_fingerprint = has_cert ? "CC:DD" : "",
	};
	struct buf reply = BUF_INIT;
	enum gate_access_verdict verdict = gate_access_decide(access, &client, &reply);

	if (verdict == GATE_ACCESS_REJECT)
		check_reply(&reply);
	if (verdict == GATE_ACCESS_CERTIFIED && !has_cert)
		abort();
	buf_release(&reply);
}

/* Tables in files are somebody else's. */
static void
read_list(const char *text)
{
	const struct gate_access_settings settings = { text, "inline:{ {cc:dd=x} }", true };
	struct err err;

	if (strchr(text, '/'))
		return;
	struct gate_access *access = gate_access_new(&settings, &err);
	if (!access)
		return;
	decide(access, false, false, "");
	decide(access, true, false, "");
	decide(access, true, true, text);
	gate_access_free(access);
}

static void
read_offers(const char *text)
{
	if (gate_xclient_offers(text, strlen(text)) & ~127)
		abort();
}

static void
put_login(const char *text)
{
	const struct gate_proxy2_ends ends = { .client = { .ss_family = AF_UNSPEC },
		.server = { .ss_family = AF_UNSPEC } };
	struct buf out = BUF_INIT;

	gate_xclient_put(&out, GATE_XCLIENT_LOGIN, &ends, text);
	if (out.len < 2 || memcmp(out.bytes + out.len - 2, "\r\n", 2) != 0)
		abort();
	buf_truncate(&out, out.len - 2);
	check_printable(&out);
	if (strchr(strchr(buf_str(&out), ' ') + 1, ' '))
		abort();
	buf_release(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	static void (*const targets[])(const char *) = { read_result, read_list, read_offers, put_login };
	if (len == 0 || len > 20000)
		return 0;

	struct buf text = BUF_INIT, lines = BUF_INIT;

	/* Errors that are diverted are not counted: a process that logs many of them ends. */
	log_divert(&lines);
	buf_add(&text, bytes + 1, len - 1);
	targets[bytes[0] % 4](buf_str(&text));
	buf_release(&text);
	log_divert(NULL);
	buf_release(&lines);
	return 0;
}
