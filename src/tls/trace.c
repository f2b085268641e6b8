/* SPDX-License-Identifier: ISC */
#include "tls/trace.h"

#include <string.h>

#include <openssl/ssl.h>

#include "util/log.h"

static void
trace(const SSL *ssl, int where, int result)
{
	const char *who = "unknown";

	if (where & SSL_ST_CONNECT)
		who = "SSL_connect";
	else if (where & SSL_ST_ACCEPT)
		who = "SSL_accept";

	if (where & SSL_CB_LOOP) {
		log_info("%s:%s", who, SSL_state_string_long(ssl));
	} else if (where & SSL_CB_ALERT) {
		if ((result & 0xff) != SSL3_AD_CLOSE_NOTIFY)
			log_info("SSL3 alert %s:%s:%s", where & SSL_CB_READ ? "read" : "write",
			    SSL_alert_type_string_long(result), SSL_alert_desc_string_long(result));
	} else if (where & SSL_CB_EXIT) {
		if (result == 0)
			log_info("%s:failed in %s", who, SSL_state_string_long(ssl));
		else if (result < 0 && SSL_want_nothing(ssl))
			log_info("%s:error in %s", who, SSL_state_string_long(ssl));
	}
}

void
trace_install(struct ssl_ctx_st *ctx)
{
	SSL_CTX_set_info_callback(ctx, trace);
}
