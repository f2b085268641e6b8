/* SPDX-License-Identifier: ISC */
/*
 * fuzz_handoff: what a caller sends to tlsproxy, one list or two. The request must be read alike whole and in
 * pieces, and what is accepted must survive being written again.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "mail/attr.h"
#include "mail/tlsproxy_proto.h"
#include "mail/tlsproxy_proto_client.h"
#include "mail/tlsproxy_proto_server.h"
#include "util/buf.h"
#include "util/log.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void
silent(enum log_level level, const char *text, void *context)
{
	(void)level;
	(void)text;
	(void)context;
}

static void
check_rewritten(const struct tlsproxy_request *request)
{
	struct tlsproxy_request again;
	struct buf list = BUF_INIT;

	tlsproxy_proto_put_request(&list, request);
	if (tlsproxy_proto_get_request(list.bytes, list.len, "fuzz", &again) < 0 ||
	    again.flags != request->flags || again.handshake_timeout_s != request->handshake_timeout_s ||
	    again.offers_plaintext != request->offers_plaintext ||
	    strcmp(again.remote_endpoint, request->remote_endpoint) != 0 ||
	    strcmp(again.serverid, request->serverid) != 0)
		abort();
	buf_release(&list);
}

static void
expect_equal(const struct buf *a, const struct buf *b)
{
	if (a->len != b->len || memcmp(buf_str(a), buf_str(b), a->len) != 0)
		abort();
}

static void
check_client(const uint8_t *bytes, size_t len)
{
	struct tlsproxy_client_request request, again;
	struct buf first = BUF_INIT, second = BUF_INIT, words = BUF_INIT, key = BUF_INIT;

	if (tlsproxy_proto_client_get(&request, bytes, len, "fuzz") == 0) {
		tlsproxy_proto_client_put(&first, &request);
		if (tlsproxy_proto_client_get(&again, first.bytes, first.len, "fuzz") < 0)
			abort();
		tlsproxy_proto_client_put(&second, &again);
		expect_equal(&first, &second);
		if (tlsproxy_proto_client_shape(&request) != tlsproxy_proto_client_shape(&again) ||
		    tlsproxy_proto_client_params_differ(&words, &request.params, &again.params) ||
		    tlsproxy_proto_client_init_differ(&words, &request.init, &again.init))
			abort();
		/* What was read from `first` is borrowed from it. */
		buf_clear(&second);
		tlsproxy_proto_client_key(&key, &request);
		tlsproxy_proto_client_key(&second, &again);
		expect_equal(&key, &second);
		tlsproxy_proto_client_release(&again);
	}
	tlsproxy_proto_client_release(&request);
	buf_release(&first);
	buf_release(&second);
	buf_release(&words);
	buf_release(&key);
}

static void
check_server(const uint8_t *bytes, size_t len)
{
	struct tlsproxy_server_request request, again;
	struct buf first = BUF_INIT, second = BUF_INIT;

	if (tlsproxy_proto_server_get(&request, bytes, len, "fuzz") == 0) {
		tlsproxy_proto_server_put(&first, &request);
		if (tlsproxy_proto_server_get(&again, first.bytes, first.len, "fuzz") < 0 ||
		    tlsproxy_proto_server_params_differ(&second, &request.params, &again.params) ||
		    tlsproxy_proto_server_init_differ(&second, &request.init, &again.init))
			abort();
		tlsproxy_proto_server_put(&second, &again);
		expect_equal(&first, &second);
	}
	buf_release(&first);
	buf_release(&second);
}

/* The second list, whatever the first one said of the role: bytes that fit neither are none's. */
static void
check_role_list(const uint8_t *bytes, size_t len)
{
	struct attr_frame whole, pieces;
	size_t list_len = 0, same_len = 0, have = 0;
	enum attr_progress progress = ATTR_MORE;

	attr_frame_init(&whole, 1 << 20);
	enum attr_progress at_once = attr_frame_feed(&whole, bytes, len, &list_len);

	attr_frame_init(&pieces, 1 << 20);
	while (progress == ATTR_MORE && have < len)
		progress = attr_frame_feed(&pieces, bytes, ++have, &same_len);
	if (progress != at_once || (at_once == ATTR_COMPLETE && list_len != same_len))
		abort();
	if (at_once == ATTR_COMPLETE)
		len = list_len;
	check_client(bytes, len);
	check_server(bytes, len);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct tlsproxy_request request;
	struct attr_frame frame;
	size_t list_len;
	int status, taken;

	log_set_sink(silent, NULL);
	attr_frame_init(&frame, 4096);
	if (attr_frame_feed(&frame, bytes, len, &list_len) == ATTR_COMPLETE &&
	    tlsproxy_proto_get_request(bytes, list_len, "fuzz", &request) >= 0) {
		check_rewritten(&request);
		check_role_list(bytes + list_len, len - list_len);
	}
	if (tlsproxy_proto_get_status(bytes, len, "fuzz", &status, &taken) < 0)
		return 0;
	return 0;
}
