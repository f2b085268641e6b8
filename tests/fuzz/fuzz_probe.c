/* SPDX-License-Identifier: ISC */
/*
 * fuzz_probe: the first byte chooses between a server's replies, an MX record and a destination as it is
 * typed. The second says in how large pieces replies come.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tlscheck/resolver.h"
#include "tlspolicy/policy_words.h"
#include "tlsprobe/probe_mx.h"
#include "tlsprobe/probe_reply.h"
#include "tlsprobe/probe_target.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/log.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void
drop(enum log_level level, const char *text, void *context)
{
	(void)level, (void)text, (void)context;
}

static void
check_reply(const struct probe_reply *reply)
{
	const char *offer = NULL;
	char *line = probe_reply_line(reply), *name = probe_reply_name(reply);
	size_t len;

	if (reply->code < 100 || reply->code > 599 || strchr(line, '\n') || strpbrk(name, " \n"))
		abort();
	while ((offer = probe_reply_next_offer(reply, offer, &len)) != NULL) {
		char *word = alloc_string_n(offer, len);

		if (strchr(word, '\n'))
			abort();
		word[strcspn(word, " ")] = '\0';
		if (!probe_reply_offers(reply, word))
			abort();
		free(word);
	}
	free(name);
	free(line);
}

/* Takes what is complete. False: it is over. */
static bool
take_replies(struct probe_reply *reply, struct buf *in)
{
	for (;;) {
		size_t before = in->len;
		enum probe_reply_state state = probe_reply_take(reply, in);

		if (state != PROBE_REPLY_COMPLETE && in->len != before)
			abort();
		if (state == PROBE_REPLY_MORE && in->len >= PROBE_REPLY_LIMIT)
			abort();
		if (state != PROBE_REPLY_COMPLETE)
			return state == PROBE_REPLY_MORE;
		if (in->len >= before)
			abort();
		check_reply(reply);
	}
}

static void
read_replies(const uint8_t *bytes, size_t len)
{
	struct probe_reply reply = { 0 };
	struct buf in = BUF_INIT;
	size_t piece = len > 0 ? (size_t)bytes[0] + 1 : 1, at = 1;

	while (at < len) {
		size_t take = piece < len - at ? piece : len - at;

		buf_add(&in, bytes + at, take);
		at += take;
		if (!take_replies(&reply, &in))
			break;
	}
	buf_release(&in);
	probe_reply_release(&reply);
}

static void
read_record(const uint8_t *bytes, size_t len)
{
	struct probe_mx mx = { 0 };

	probe_mx_add(&mx, bytes, len);
	if (mx.count > 0 && (mx.record[0].preference > 0xffff || strpbrk(mx.record[0].name, " \n\t")))
		abort();
	probe_mx_release(&mx);
}

static void
read_destination(const uint8_t *bytes, size_t len)
{
	char *text = alloc_string_n((const char *)bytes, len);
	struct probe_target target;
	struct err err = { 0 };

	if (probe_target_init(&target, text, &err) == 0) {
		if (!target.domain || (target.path && target.service))
			abort();
		if (target.service &&
		    probe_target_find_port(&target, "smtp", "smtp=25, a=b=26, =, x=", &err) == 0 &&
		    (target.port < 1 || target.port > 65535))
			abort();
	}
	probe_target_release(&target);
	free(text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	static void (*const targets[])(
	    const uint8_t *, size_t) = { read_replies, read_record, read_destination };

	log_set_sink(drop, NULL);
	if (len > 0)
		targets[bytes[0] % 3](bytes + 1, len - 1);
	return 0;
}
