/* SPDX-License-Identifier: ISC */
/*
 * fuzz_handoff: what a caller sends to tlsproxy. The request must be read alike whole and in pieces, and what
 * is accepted must survive being written again.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "mail/attr.h"
#include "mail/tlsproxy_proto.h"
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
	    strcmp(again.remote_endpoint, request->remote_endpoint) != 0 ||
	    strcmp(again.serverid, request->serverid) != 0)
		abort();
	buf_release(&list);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct tlsproxy_request request;
	struct attr_frame frame;
	size_t list_len;
	int status;

	log_set_sink(silent, NULL);
	attr_frame_init(&frame, 4096);
	if (attr_frame_feed(&frame, bytes, len, &list_len) == ATTR_COMPLETE &&
	    tlsproxy_proto_get_request(bytes, list_len, "fuzz", &request) == 0)
		check_rewritten(&request);
	if (tlsproxy_proto_get_status(bytes, len, "fuzz", &status) < 0)
		return 0;
	return 0;
}
