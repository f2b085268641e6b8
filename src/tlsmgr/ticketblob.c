/* SPDX-License-Identifier: ISC */
#include "tlsmgr/ticketblob.h"

#include <string.h>

#include "mail/tlsmgr_proto.h"
#include "tls/seal.h"
#include "util/alloc.h"
#include "util/reader.h"

enum { VERSION = 1 };

static const unsigned char magic[8] = { 's', 'p', 't', 'i', 'c', 'k', 'e', 'y' };

_Static_assert(
    sizeof magic + 4 + SEALKEY_SALT_LEN + SEALKEY_CHECK_LEN + SEAL_NONCE_LEN == TICKETBLOB_HEADER_LEN,
    "the header has another length");
_Static_assert(
    1 + TICKETKEYS_MAX * (1 + TLSMGR_TICKET_RECORD_LEN) <= TICKETBLOB_BODY_LEN, "the records do not fit");

static int
take_byte(struct reader *reader)
{
	const unsigned char *byte = reader_take(reader, 1);

	return byte ? *byte : -1;
}

static void
take_bytes(struct reader *reader, void *to, size_t len)
{
	const unsigned char *bytes = reader_take(reader, len);

	if (bytes)
		memcpy(to, bytes, len);
}

int
ticketblob_get_header(const void *bytes, size_t len, struct ticketblob_header *header)
{
	unsigned char start[sizeof magic] = { 0 };
	struct reader reader;

	memset(header, 0, sizeof *header);
	reader_init(&reader, bytes, len);
	take_bytes(&reader, start, sizeof start);
	if (memcmp(start, magic, sizeof magic) != 0 || take_byte(&reader) != VERSION)
		return -1;

	int kind = take_byte(&reader), place = take_byte(&reader), zero = take_byte(&reader);
	take_bytes(&reader, header->seal.salt, sizeof header->seal.salt);
	take_bytes(&reader, header->seal.check, sizeof header->seal.check);
	take_bytes(&reader, header->nonce, sizeof header->nonce);
	if (reader.failed || (kind != SEALKEY_KEYRING && kind != SEALKEY_BOOT) || place >= SEALKEY_PLACES ||
	    zero != 0)
		return -1;
	header->seal.kind = (unsigned char)kind;
	header->seal.place = (unsigned char)place;
	return 0;
}

static void
put_header(const struct ticketblob_header *header, unsigned char *bytes)
{
	unsigned char *at = bytes;

	memcpy(at, magic, sizeof magic);
	at += sizeof magic;
	*at++ = VERSION;
	*at++ = header->seal.kind;
	*at++ = header->seal.place;
	*at++ = 0;
	memcpy(at, header->seal.salt, sizeof header->seal.salt);
	at += sizeof header->seal.salt;
	memcpy(at, header->seal.check, sizeof header->seal.check);
	at += sizeof header->seal.check;
	memcpy(at, header->nonce, sizeof header->nonce);
}

int
ticketblob_get_body(const void *bytes, size_t len, struct ticketkeys_record *records)
{
	struct reader reader;

	reader_init(&reader, bytes, len);
	int count = take_byte(&reader);
	if (count < 0 || count > TICKETKEYS_MAX)
		return -1;
	for (int i = 0; i < count; i++) {
		int origin = take_byte(&reader);
		const unsigned char *record = reader_take(&reader, TLSMGR_TICKET_RECORD_LEN);

		if (!record || (origin != TICKETKEYS_RANDOM && origin != TICKETKEYS_DERIVED))
			return -1;
		tlsmgr_proto_unpack_key(&records[i].key, record);
		records[i].origin = (enum ticketkeys_origin)origin;
	}
	return count;
}

int
ticketblob_open(
    const void *bytes, size_t len, const unsigned char key[SEAL_KEY_LEN], struct ticketkeys_record *records)
{
	const unsigned char *file = bytes;
	unsigned char body[TICKETBLOB_BODY_LEN];
	struct ticketblob_header header;
	int count = -1;

	if (len != TICKETBLOB_LEN || ticketblob_get_header(bytes, len, &header) < 0)
		return -1;

	struct seal seal = {
		.key = key,
		.nonce = header.nonce,
		.header = file,
		.header_len = TICKETBLOB_HEADER_LEN,
	};
	if (seal_open(&seal, file + TICKETBLOB_HEADER_LEN, sizeof body, file + TICKETBLOB_LEN - SEAL_TAG_LEN,
		body) == 0)
		count = ticketblob_get_body(body, sizeof body, records);
	alloc_wipe(body, sizeof body);
	return count;
}

int
ticketblob_close(const struct ticketblob_header *header, const unsigned char key[SEAL_KEY_LEN],
    const struct ticketkeys_record *records, int count, unsigned char *bytes)
{
	unsigned char body[TICKETBLOB_BODY_LEN] = { (unsigned char)count }, *at = body + 1;
	struct seal seal = {
		.key = key,
		.nonce = header->nonce,
		.header = bytes,
		.header_len = TICKETBLOB_HEADER_LEN,
	};

	put_header(header, bytes);
	for (int i = 0; i < count; i++) {
		*at++ = (unsigned char)records[i].origin;
		tlsmgr_proto_pack_key(&records[i].key, at);
		at += TLSMGR_TICKET_RECORD_LEN;
	}
	int result = seal_close(
	    &seal, body, sizeof body, bytes + TICKETBLOB_HEADER_LEN, bytes + TICKETBLOB_LEN - SEAL_TAG_LEN);
	alloc_wipe(body, sizeof body);
	return result;
}
