/* SPDX-License-Identifier: ISC */
#include "tlscheck/resolver.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include <unbound.h>

#include "util/err.h"
#include "util/now.h"

enum { TYPE_TLSA = 52, CLASS_IN = 1 };

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

static int
configure(struct ub_ctx *ctx, const struct resolver_config *config, struct err *err)
{
	const char *anchor = config->trust_anchor ? config->trust_anchor : root_anchor();
	int error;

	if (!anchor)
		return err_set(err, "no keys of the DNS root; --trust-anchor names a file with them");
	/* The library drops a file it cannot open without a word. */
	if (access(anchor, R_OK) < 0)
		return err_errno(err, "open %s", anchor);
	error = ub_ctx_add_ta_file(ctx, anchor);
	if (error == 0)
		error = config->address ? ub_ctx_set_fwd(ctx, config->address) : ub_ctx_resolvconf(ctx, NULL);
	if (error == 0)
		error = ub_ctx_set_option(ctx, "do-not-query-localhost:", "no");
	if (error == 0)
		error = ub_ctx_async(ctx, 1);
	/* Whether there is such a zone is for the server to say. After this no setting can be changed. */
	if (error == 0)
		error = ub_ctx_zone_remove(ctx, "test.");
	return error == 0 ? 0 : err_set(err, "resolver: %s", ub_strerror(error));
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
judge(
    const struct question *question, const char *name, resolver_record_fn fn, void *context, struct err *err)
{
	const struct ub_result *result = question->result;

	if (question->error != 0 || !result) {
		err_set(err, "%s: %s", name, ub_strerror(question->error));
		return RESOLVER_FAILED;
	}
	if (result->bogus) {
		err_set(err, "%s: %s", name, result->why_bogus ? result->why_bogus : "the answer is forged");
		return RESOLVER_FAILED;
	}
	if (!result->havedata) {
		if (result->rcode == 0 || result->nxdomain)
			return RESOLVER_NONE;
		err_set(err, "%s: the server failed (code %d)", name, result->rcode);
		return RESOLVER_FAILED;
	}
	if (!result->secure)
		return RESOLVER_INSECURE;
	for (size_t i = 0; result->data[i]; i++)
		fn((const unsigned char *)result->data[i], (size_t)result->len[i], context);
	return RESOLVER_SECURE;
}

enum resolver_answer
resolver_tlsa(const struct resolver_config *config, const char *name, resolver_record_fn fn, void *context,
    struct err *err)
{
	struct question question = { 0 };
	enum resolver_answer answer = RESOLVER_FAILED;
	struct ub_ctx *ctx = ub_ctx_create();
	int64_t deadline_ms = now_ms() + (int64_t)config->timeout_s * 1000;
	int id, error;

	if (!ctx) {
		err_set(err, "resolver: it does not start");
		return RESOLVER_FAILED;
	}
	if (configure(ctx, config, err) < 0)
		goto out;
	error = ub_resolve_async(ctx, name, TYPE_TLSA, CLASS_IN, &question, take_answer, &id);
	if (error != 0)
		err_set(err, "%s: %s", name, ub_strerror(error));
	else if (wait_for(ctx, &question, deadline_ms) < 0)
		err_set(err, "%s: no answer within %d seconds", name, config->timeout_s);
	else
		answer = judge(&question, name, fn, context, err);
	ub_resolve_free(question.result);
out:
	ub_ctx_delete(ctx);
	return answer;
}
