/* SPDX-License-Identifier: ISC */
#include "mail/tlsmgr_proto.h"

#include <string.h>

#include "mail/attr.h"
#include "util/buf.h"

enum { BITS_AT = 16, HMAC_AT = 48, TOUT_AT = 80 };

void
tlsmgr_proto_pack_key(const struct tlsmgr_ticket_key *key, unsigned char record[TLSMGR_TICKET_RECORD_LEN])
{
	memcpy(record, key->name, sizeof(key->name));
	memcpy(record + BITS_AT, key->bits, sizeof(key->bits));
	memcpy(record + HMAC_AT, key->hmac, sizeof(key->hmac));
	memcpy(record + TOUT_AT, &key->tout, sizeof(key->tout));
}

void
tlsmgr_proto_unpack_key(struct tlsmgr_ticket_key *key, const unsigned char record[TLSMGR_TICKET_RECORD_LEN])
{
	memcpy(key->name, record, sizeof(key->name));
	memcpy(key->bits, record + BITS_AT, sizeof(key->bits));
	memcpy(key->hmac, record + HMAC_AT, sizeof(key->hmac));
	memcpy(&key->tout, record + TOUT_AT, sizeof(key->tout));
}

void
tlsmgr_proto_put_announcement(struct buf *to)
{
	attr_put_str(to, "protocol", TLSMGR_PROTO_ANNOUNCEMENT);
	attr_put_end(to);
}

void
tlsmgr_proto_put_policy(struct buf *to, const char *type)
{
	attr_put_str(to, TLSMGR_PROTO_REQUEST, TLSMGR_PROTO_POLICY);
	attr_put_str(to, TLSMGR_PROTO_CACHE_TYPE, type);
	attr_put_end(to);
}

static void
put_entry(struct buf *to, const char *request, const char *type, const char *id)
{
	attr_put_str(to, TLSMGR_PROTO_REQUEST, request);
	attr_put_str(to, TLSMGR_PROTO_CACHE_TYPE, type);
	attr_put_str(to, TLSMGR_PROTO_CACHE_ID, id);
}

void
tlsmgr_proto_put_lookup(struct buf *to, const char *type, const char *id)
{
	put_entry(to, TLSMGR_PROTO_LOOKUP, type, id);
	attr_put_end(to);
}

void
tlsmgr_proto_put_update(struct buf *to, const char *type, const char *id, const void *session, size_t len)
{
	put_entry(to, TLSMGR_PROTO_UPDATE, type, id);
	attr_put_data(to, TLSMGR_PROTO_SESSION, session, len);
	attr_put_end(to);
}

void
tlsmgr_proto_put_delete(struct buf *to, const char *type, const char *id)
{
	put_entry(to, TLSMGR_PROTO_DELETE, type, id);
	attr_put_end(to);
}

void
tlsmgr_proto_put_tktkey(struct buf *to, const unsigned char *name)
{
	attr_put_str(to, TLSMGR_PROTO_REQUEST, TLSMGR_PROTO_TKTKEY);
	if (name == NULL)
		attr_put_data(to, TLSMGR_PROTO_KEYNAME, "", 0);
	else
		attr_put_data(to, TLSMGR_PROTO_KEYNAME, name, TLSMGR_TICKET_NAME_LEN);
	attr_put_end(to);
}

void
tlsmgr_proto_put_stats(struct buf *to)
{
	attr_put_str(to, TLSMGR_PROTO_REQUEST, TLSMGR_PROTO_STATS);
	attr_put_end(to);
}

void
tlsmgr_proto_reply_status(struct buf *to, int status)
{
	attr_put_int(to, TLSMGR_PROTO_STATUS, status);
	attr_put_end(to);
}

void
tlsmgr_proto_reply_data(struct buf *to, int status, const char *name, const void *bytes, size_t len)
{
	attr_put_int(to, TLSMGR_PROTO_STATUS, status);
	attr_put_data(to, name, bytes, len);
	attr_put_end(to);
}

void
tlsmgr_proto_reply_policy(struct buf *to, int status, int cachable, int timeout_s)
{
	attr_put_int(to, TLSMGR_PROTO_STATUS, status);
	attr_put_int(to, TLSMGR_PROTO_CACHABLE, cachable);
	attr_put_int(to, TLSMGR_PROTO_TIMEOUT, timeout_s);
	attr_put_end(to);
}

int
tlsmgr_proto_get_announcement(const void *list, size_t len, const char *stream)
{
	struct attr_scan scan;

	/* Only another value is fatal: a missing or additional attribute is warned about and tolerated. */
	attr_scan_init(&scan, list, len, ATTR_FLAG_STRICT, stream);
	if (attr_scan_match(&scan, "protocol", TLSMGR_PROTO_ANNOUNCEMENT) < 0)
		return -1;
	return attr_scan_end(&scan) < 0 ? -1 : 0;
}

static int
get_data(const void *list, size_t len, const char *stream, int *status, const char *name, struct buf *data)
{
	struct attr_scan scan;
	int value = TLSMGR_PROTO_FAIL;

	attr_scan_init(&scan, list, len, ATTR_FLAG_MISSING, stream);
	if (attr_scan_int(&scan, TLSMGR_PROTO_STATUS, &value) != 1 ||
	    attr_scan_data(&scan, name, data) != 1 || attr_scan_end(&scan) != 2)
		return -1;
	*status = value;
	return 0;
}

int
tlsmgr_proto_get_session(const void *list, size_t len, const char *stream, int *status, struct buf *session)
{
	return get_data(list, len, stream, status, TLSMGR_PROTO_SESSION, session);
}

int
tlsmgr_proto_get_policy(
    const void *list, size_t len, const char *stream, int *status, int *cachable, int *timeout_s)
{
	struct attr_scan scan;
	int values[3];

	attr_scan_init(&scan, list, len, ATTR_FLAG_MISSING, stream);
	if (attr_scan_int(&scan, TLSMGR_PROTO_STATUS, &values[0]) != 1 ||
	    attr_scan_int(&scan, TLSMGR_PROTO_CACHABLE, &values[1]) != 1 ||
	    attr_scan_int(&scan, TLSMGR_PROTO_TIMEOUT, &values[2]) != 1 || attr_scan_end(&scan) != 3)
		return -1;
	*status = values[0];
	*cachable = values[1];
	*timeout_s = values[2];
	return 0;
}

int
tlsmgr_proto_get_tktkey(
    const void *list, size_t len, const char *stream, int *status, struct tlsmgr_ticket_key *key)
{
	struct buf record = BUF_INIT;
	int value, result = -1;

	if (get_data(list, len, stream, &value, TLSMGR_PROTO_KEYBUF, &record) == 0 &&
	    (value != TLSMGR_PROTO_OK || record.len == TLSMGR_TICKET_RECORD_LEN)) {
		if (value == TLSMGR_PROTO_OK)
			tlsmgr_proto_unpack_key(key, (const unsigned char *)record.bytes);
		*status = value;
		result = 0;
	}
	buf_release_secret(&record);
	return result;
}

int
tlsmgr_proto_get_stats(const void *list, size_t len, const char *stream, int *status, struct table *numbers)
{
	struct attr_scan scan;
	int value;

	attr_scan_init(&scan, list, len, ATTR_FLAG_MISSING, stream);
	if (attr_scan_int(&scan, TLSMGR_PROTO_STATUS, &value) != 1 || attr_scan_hash(&scan, numbers) < 0)
		return -1;
	*status = value;
	return 0;
}
