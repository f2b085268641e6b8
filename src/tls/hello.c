/* SPDX-License-Identifier: ISC */
#include "tls/hello.h"

#include <openssl/ssl.h>

#include "util/reader.h"

static int
read_u8(struct reader *reader)
{
	const unsigned char *byte = reader_take(reader, 1);

	return byte ? byte[0] : 0;
}

static size_t
read_u16(struct reader *reader)
{
	const unsigned char *bytes = reader_take(reader, 2);

	return bytes ? (size_t)bytes[0] << 8 | bytes[1] : 0;
}

int
hello_first_identity(
    const unsigned char *extension, size_t len, const unsigned char **identity, size_t *id_len)
{
	struct reader reader;

	reader_init(&reader, extension, len);
	size_t list_len = read_u16(&reader);
	size_t one_len = read_u16(&reader);
	if (one_len + 2 > list_len)
		return -1;
	*identity = reader_take(&reader, one_len);
	*id_len = one_len;
	return reader.failed || one_len == 0 ? -1 : 0;
}

int
hello_offers_tls13(const unsigned char *extension, size_t len)
{
	struct reader reader;

	reader_init(&reader, extension, len);
	int left = read_u8(&reader);
	for (; left >= 2 && !reader.failed; left -= 2) {
		if (read_u16(&reader) == TLS1_3_VERSION && !reader.failed)
			return 1;
	}
	return 0;
}

static int
speaks_tls13(SSL *ssl)
{
	const unsigned char *extension;
	size_t len;
	int max = (int)SSL_get_max_proto_version(ssl);

	if ((max != 0 && max < TLS1_3_VERSION) || (SSL_get_options(ssl) & SSL_OP_NO_TLSv1_3))
		return 0;
	return SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_supported_versions, &extension, &len) == 1 &&
	       hello_offers_tls13(extension, len);
}

void
hello_examine(struct hello *hello, SSL *ssl, int tickets)
{
	const unsigned char *extension;
	size_t len;

	*hello = (struct hello){ 0 };
	if (speaks_tls13(ssl)) {
		const unsigned char *identity;
		size_t id_len;

		if (SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_psk, &extension, &len) != 1 ||
		    hello_first_identity(extension, len, &identity, &id_len) < 0)
			return;
		if (tickets) {
			hello->ticket = identity;
			hello->ticket_len = id_len;
		} else if (id_len <= SSL_MAX_SSL_SESSION_ID_LENGTH) {
			hello->session_id = identity;
			hello->session_id_len = id_len;
		}
		return;
	}
	if (tickets && SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_session_ticket, &extension, &len) == 1 &&
	    len > 0) {
		hello->ticket = extension;
		hello->ticket_len = len;
		return;
	}

	const unsigned char *id;
	size_t id_len = SSL_client_hello_get0_session_id(ssl, &id);
	if (id_len > 0 && id_len <= SSL_MAX_SSL_SESSION_ID_LENGTH) {
		hello->session_id = id;
		hello->session_id_len = id_len;
	}
}
