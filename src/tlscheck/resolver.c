/* SPDX-License-Identifier: ISC */
#include "tlscheck/resolver.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include <unbound.h>

#include "util/alloc.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/file.h"
#include "util/now.h"
#include "util/text.h"

enum { CLASS_IN = 1, ANCHOR_LIMIT = 1 << 20 };

struct resolver {
	struct ub_ctx *ctx; /* owned */
	int timeout_s;
};

struct question {
	bool answered;
	int error;
	struct ub_result *result; /* owned */
};

static void
take_answer(void *arg, int error, struct ub_result *result)
{
	struct question *question = arg;

	question->answered = true;
	question->error = error;
	question->result = result;
}

/* Where packages put the keys of the root. */
static const char *
root_anchor(void)
{
	static const char *const files[] = { "/usr/share/dns/root.key", "/var/lib/unbound/root.key",
		"/etc/unbound/root.key" };

	for (size_t i = 0; i < sizeof files / sizeof *files; i++)
		if (access(files[i], R_OK) == 0)
			return files[i];
	return NULL;
}

/* A record of keys, as in a zone file; behind ";" is a comment. */
static bool
has_key(const char *text)
{
	static const char *const types[] = { "DS", "DNSKEY" };
	const char *word;
	size_t len;

	while ((word = text_token(&text, " \t\r\n()", &len)) != NULL) {
		if (*word == ';')
			text = word + strcspn(word, "\n");
		for (size_t i = 0; i < sizeof types / sizeof *types; i++)
			if (len == strlen(types[i]) && strncasecmp(word, types[i], len) == 0)
				return true;
	}
	return false;
}

/* The library drops a file it cannot open without a word, and takes one without keys. */
static int
add_anchor(struct ub_ctx *ctx, const char *anchor, struct err *err)
{
	struct buf text = BUF_INIT;
	int result = 0, error;

	if (!anchor)
		return err_set(err, "no keys of the DNS root; --trust-anchor names a file with them");
	if (file_read(anchor, ANCHOR_LIMIT, &text, err) < 0)
		result = -1;
	else if (!has_key(buf_str(&text)))
		result = err_set(err,
		    "%s holds no keys of the DNS root: DS or DNSKEY records as in root.key of unbound",
		    anchor);
	else if ((error = ub_ctx_add_ta_file(ctx, anchor)) != 0)
		result = err_set(err, "%s: %s", anchor, ub_strerror(error));
	buf_release(&text);
	return result;
}

static int
configure(struct ub_ctx *ctx, const struct resolver_config *config, struct err *err)
{
	const char *anchor = config->trust_anchor ? config->trust_anchor : root_anchor();
	int error;

	/* What the library says by itself is for those who make it. */
	ub_ctx_debugout(ctx, NULL);
	error = config->address ? ub_ctx_set_fwd(ctx, config->address) : ub_ctx_resolvconf(ctx, NULL);
	if (error == UB_SYNTAX && config->address)
		return err_set(err, "resolver %s: neither ADDRESS nor ADDRESS@PORT", config->address);
	if (!config->unvalidated && add_anchor(ctx, anchor, err) < 0)
		return -1;
	if (error == 0)
		error = ub_ctx_set_option(ctx, "do-not-query-localhost:", "no");
	if (error == 0)
		error = ub_ctx_async(ctx, 1);
	/* Whether there is such a zone is for the server to say. After this no setting can be changed. */
	if (error == 0)
		error = ub_ctx_zone_remove(ctx, "test.");
	if (error == UB_INITFAIL && !config->unvalidated)
		return err_set(err, "%s: its DS or DNSKEY records cannot be read", anchor);
	return error == 0 ? 0 : err_set(err, "resolver: %s", ub_strerror(error));
}

struct resolver *
resolver_new(const struct resolver_config *config, struct err *err)
{
	struct resolver *resolver = alloc_zero(sizeof *resolver);

	resolver->timeout_s = config->timeout_s;
	resolver->ctx = ub_ctx_create();
	if (!resolver->ctx)
		err_set(err, "resolver: it does not start");
	else if (configure(resolver->ctx, config, err) == 0)
		return resolver;
	resolver_free(resolver);
	return NULL;
}

void
resolver_free(struct resolver *resolver)
{
	if (!resolver)
		return;
	if (resolver->ctx)
		ub_ctx_delete(resolver->ctx);
	free(resolver);
}

/* 0, or -1: there is no answer yet. */
static int
wait_for(struct ub_ctx *ctx, struct question *question, int64_t deadline_ms)
{
	while (!question->answered) {
		struct pollfd fd = { .fd = ub_fd(ctx), .events = POLLIN };
		int64_t left_ms = deadline_ms - now_ms();

		if (left_ms <= 0 || (poll(&fd, 1, (int)left_ms) < 0 && errno != EINTR))
			return -1;
		if (fd.revents && ub_process(ctx) != 0)
			return -1;
	}
	return 0;
}

static enum resolver_answer
judge(const struct question *question, const char *name, struct resolver_reply *reply, struct err *err)
{
	const struct ub_result *result = question->result;

	if (question->error != 0 || !result) {
		err_set(err, "%s: %s", name, ub_strerror(question->error));
		return RESOLVER_FAILED;
	}
	if (result->bogus) {
		reply->bogus = true;
		err_set(err, "%s: %s", name, result->why_bogus ? result->why_bogus : "the answer is forged");
		return RESOLVER_FAILED;
	}
	if (!result->havedata) {
		reply->nxdomain = result->nxdomain;
		if (result->rcode == 0 || result->nxdomain)
			return RESOLVER_NONE;
		err_set(err, "%s: the server failed (code %d)", name, result->rcode);
		return RESOLVER_FAILED;
	}
	return result->secure ? RESOLVER_SECURE : RESOLVER_INSECURE;
}

static void
take_records(struct resolver_reply *reply, const char *name)
{
	const struct ub_result *result = reply->result;
	size_t len;

	while (result->data && result->data[reply->count])
		reply->count++;
	reply->canonical = alloc_string(result->canonname ? result->canonname : name);
	len = strlen(reply->canonical);
	if (len > 1 && reply->canonical[len - 1] == '.')
		reply->canonical[len - 1] = '\0';
}

enum resolver_answer
resolver_ask(struct resolver *resolver, const char *name, enum resolver_type type,
    struct resolver_reply *reply, struct err *err)
{
	struct question question = { 0 };
	int64_t deadline_ms = now_ms() + (int64_t)resolver->timeout_s * 1000;
	enum resolver_answer answer = RESOLVER_FAILED;
	int id, error;

	*reply = (struct resolver_reply){ 0 };
	error = ub_resolve_async(resolver->ctx, name, type, CLASS_IN, &question, take_answer, &id);
	if (error != 0) {
		err_set(err, "%s: %s", name, ub_strerror(error));
		return RESOLVER_FAILED;
	}
	if (wait_for(resolver->ctx, &question, deadline_ms) < 0) {
		if (!question.answered)
			ub_cancel(resolver->ctx, id);
		err_set(err, "%s: no answer within %d seconds", name, resolver->timeout_s);
	} else {
		answer = judge(&question, name, reply, err);
	}
	reply->result = question.result;
	if (answer != RESOLVER_FAILED)
		take_records(reply, name);
	return answer;
}

void
resolver_reply_release(struct resolver_reply *reply)
{
	free(reply->canonical);
	ub_resolve_free(reply->result);
	*reply = (struct resolver_reply){ 0 };
}

const unsigned char *
resolver_record(const struct resolver_reply *reply, size_t index, size_t *len)
{
	*len = (size_t)reply->result->len[index];
	return (const unsigned char *)reply->result->data[index];
}

enum resolver_answer
resolver_tlsa(const struct resolver_config *config, const char *name, resolver_record_fn fn, void *context,
    struct err *err)
{
	struct resolver *resolver = resolver_new(config, err);
	struct resolver_reply reply = { 0 };
	enum resolver_answer answer = RESOLVER_FAILED;
	const unsigned char *data;
	size_t len;

	if (!resolver)
		return RESOLVER_FAILED;
	answer = resolver_ask(resolver, name, RESOLVER_TLSA, &reply, err);
	for (size_t i = 0; answer == RESOLVER_SECURE && i < reply.count; i++) {
		data = resolver_record(&reply, i, &len);
		fn(data, len, context);
	}
	resolver_reply_release(&reply);
	resolver_free(resolver);
	return answer;
}
