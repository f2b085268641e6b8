/* SPDX-License-Identifier: ISC */
#include "tls/kept_session.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/ssl.h>

#include "tls/library.h"
#include "util/alloc.h"

struct kept_session {
	SSL_SESSION *session; /* a reference; NULL: none */
	char *id;             /* owned */
};

struct kept_session *
kept_session_new(void)
{
	return alloc_zero(sizeof(struct kept_session));
}

void
kept_session_free(struct kept_session *kept)
{
	if (!kept)
		return;
	SSL_SESSION_free(kept->session);
	free(kept->id);
	free(kept);
}

bool
kept_session_is_there(const struct kept_session *kept)
{
	return kept->session != NULL;
}

void
kept_session_put(struct kept_session *kept, const char *id, struct ssl_session_st *session)
{
	char *copy = alloc_string(id);

	if (!SSL_SESSION_up_ref(session)) {
		free(copy);
		return;
	}
	SSL_SESSION_free(kept->session);
	free(kept->id);
	kept->session = session;
	kept->id = copy;
}

void
kept_session_use(const struct kept_session *kept, const char *id, struct ssl_st *ssl)
{
	if (kept->session && strcmp(kept->id, id) == 0 && !SSL_set_session(ssl, kept->session))
		library_log_errors();
}
