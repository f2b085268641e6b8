/* SPDX-License-Identifier: ISC */
#include "mail/tlsproxy_proto_client.h"

#include <stdlib.h>
#include <string.h>

#include "mail/attr.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/log.h"

#define P(type, name, member, need) TLSPROXY_SHAPE_ROW(tlsproxy_client_params, type, name, member, need)
static const struct tlsproxy_shape params_rows[] = {
	P(STR, "config_file", config_file, MAY_LACK),
	P(STR, "config_name", config_name, AS_ABOVE),
	P(STR, "tls_high_cipherlist", high_cipherlist, WANTED),
	P(STR, "tls_medium_cipherlist", medium_cipherlist, WANTED),
	P(STR, "tls_low_cipherlist", low_cipherlist, MAY_LACK),
	P(STR, "tls_export_cipherlist", export_cipherlist, AS_ABOVE),
	P(STR, "tls_null_cipherlist", null_cipherlist, WANTED),
	P(STR, "tls_eecdh_auto_curves", eecdh_auto_curves, WANTED),
	P(STR, "tls_eecdh_strong_curve", eecdh_strong_curve, WANTED),
	P(STR, "tls_eecdh_ultra_curve", eecdh_ultra_curve, WANTED),
	P(STR, "tls_ffdhe_auto_groups", ffdhe_auto_groups, MAY_LACK),
	P(STR, "tls_disable_workarounds", disable_workarounds, WANTED),
	P(STR, "tls_ssl_options", ssl_options, WANTED),
	P(STR, "tls_dane_digests", dane_digests, WANTED),
	P(STR, "tlsmgr_service_name", tlsmgr_service_name, WANTED),
	P(STR, "tls_session_ticket_cipher", session_ticket_cipher, WANTED),
	P(INT, "tls_daemon_random_bytes", daemon_random_bytes, WANTED),
	P(INT, "tls_append_default_CA", append_default_CA, WANTED),
	P(INT, "tls_legacy_public_key_fingerprints", legacy_public_key_fingerprints, MAY_LACK),
	P(INT, "tls_preempt_cipherlist", preempt_cipherlist, WANTED),
	P(INT, "tls_wildcard_matches_multiple_labels", wildcard_matches_multiple_labels, WANTED),
	P(INT, "tls_fast_shutdown_enable", fast_shutdown_enable, MAY_LACK),
	TLSPROXY_SHAPE_ROWS_END,
};
#undef P

#define I(type, name) TLSPROXY_SHAPE_ROW(tlsproxy_client_init, type, #name, name, WANTED)
static const struct tlsproxy_shape init_rows[] = {
	I(STR, log_param),
	I(STR, log_level),
	I(INT, verifydepth),
	I(STR, cache_type),
	I(STR, chain_files),
	I(STR, cert_file),
	I(STR, key_file),
	I(STR, dcert_file),
	I(STR, dkey_file),
	I(STR, eccert_file),
	I(STR, eckey_file),
	I(STR, CAfile),
	I(STR, CApath),
	I(STR, mdalg),
	TLSPROXY_SHAPE_ROWS_END,
};
#undef I

#define S(type, name, member, need) TLSPROXY_SHAPE_ROW(tlsproxy_client_start, type, name, member, need)

/* Around the DANE structure, which tells by itself how long it is. */
static const struct tlsproxy_shape start_rows[] = {
	S(STR, "log_param", log_param, MAY_LACK),
	S(STR, "log_level", log_level, AS_ABOVE),
	S(INT, "timeout", timeout_s, WANTED),
	S(INT, "enable_rpk", enable_rpk, MAY_LACK),
	S(INT, "tls_level", tls_level, WANTED),
	S(STR, "nexthop", nexthop, WANTED),
	S(STR, "host", host, WANTED),
	S(STR, "namaddr", namaddr, WANTED),
	S(STR, "sni", sni, WANTED),
	S(STR, "serverid", serverid, WANTED),
	S(STR, "helo", helo, WANTED),
	S(STR, "protocols", protocols, WANTED),
	S(STR, "cipher_grade", cipher_grade, WANTED),
	S(STR, "cipher_exclusions", cipher_exclusions, WANTED),
	S(LIST, "argv_size", matchargv, WANTED),
	S(STR, "mdalg", mdalg, WANTED),
	TLSPROXY_SHAPE_ROWS_END,
};

static const struct tlsproxy_shape tlsrpt_present_rows[] = {
	S(INT, "tlsrpt", tlsrpt.present, MAY_LACK),
	TLSPROXY_SHAPE_ROWS_END,
};

static const struct tlsproxy_shape tlsrpt_rows[] = {
	S(STR, "rpt_socket_name", tlsrpt.socket_name, WANTED),
	S(STR, "rpt_policy_domain", tlsrpt.policy_domain, WANTED),
	S(STR, "rpt_policy_string", tlsrpt.policy_string, WANTED),
	S(INT, "tls_policy_type", tlsrpt.tls_policy_type, WANTED),
	S(LIST, "argv_size", tlsrpt.tls_policy_strings, WANTED),
	S(STR, "tls_policy_domain", tlsrpt.tls_policy_domain, WANTED),
	S(LIST, "argv_size", tlsrpt.mx_host_patterns, WANTED),
	S(STR, "snd_mta_addr", tlsrpt.snd_mta_addr, WANTED),
	S(STR, "rcv_mta_name", tlsrpt.rcv_mta_name, WANTED),
	S(STR, "rcv_mta_addr", tlsrpt.rcv_mta_addr, WANTED),
	S(STR, "rcv_mta_ehlo", tlsrpt.rcv_mta_ehlo, WANTED),
	S(INT, "skip_reused_hs", tlsrpt.skip_reused_hs, WANTED),
	S(INT, "flags", tlsrpt.flags, WANTED),
	TLSPROXY_SHAPE_ROWS_END,
};

static const struct tlsproxy_shape last_rows[] = {
	S(STR, "forced_failure_type", forced_failure_type, MAY_LACK),
	S(INT, "trace_size_limit", trace_size_limit, MAY_LACK),
	S(STR, "trace_peer", trace_peer, AS_ABOVE),
	TLSPROXY_SHAPE_ROWS_END,
};
#undef S

/* --- DANE --- */

static int
scan_octet(struct attr_scan *scan, const char *name, int *octet)
{
	int number;

	if (attr_scan_int(scan, name, &number) <= 0)
		return -1;
	*octet = number & 255;
	return 0;
}

static int
scan_tlsa(struct attr_scan *scan, struct tlsproxy_tlsa *record)
{
	struct buf data = BUF_INIT;

	if (scan_octet(scan, "usage", &record->usage) < 0 ||
	    scan_octet(scan, "selector", &record->selector) < 0 ||
	    scan_octet(scan, "mtype", &record->mtype) < 0)
		return -1;
	if (attr_scan_data(scan, "data", &data) <= 0) {
		buf_release(&data);
		return -1;
	}
	if (data.len > TLSPROXY_TLSA_SIZE_LIMIT) {
		log_warn("invalid size %zu from %s while reading TLSA data", data.len, scan->stream);
		attr_scan_refuse(scan);
		buf_release(&data);
		return -1;
	}
	record->len = data.len;
	record->data = (unsigned char *)buf_detach(&data);
	return 0;
}

static int
scan_dane(struct attr_scan *scan, struct tlsproxy_dane *dane)
{
	size_t count;
	int present;

	if (attr_scan_int(scan, "dane", &present) <= 0)
		return -1;
	if (!present)
		return 0;
	dane->present = true;
	if (attr_scan_str(scan, "domain", &dane->domain) <= 0 ||
	    tlsproxy_proto_shape_scan_count(scan, "count", TLSPROXY_TLSA_LIMIT, "TLSA", &count) < 0)
		return -1;
	if (count > 0)
		dane->records = alloc_array(count, sizeof *dane->records);
	while (dane->count < count) {
		if (scan_tlsa(scan, &dane->records[dane->count]) < 0)
			return -1;
		dane->count++;
	}
	return 0;
}

static void
put_dane(struct buf *to, const struct tlsproxy_dane *dane)
{
	attr_put_int(to, "dane", dane->present);
	if (!dane->present)
		return;
	attr_put_str(to, "domain", dane->domain);
	attr_put_int(to, "count", (int)dane->count);
	for (size_t i = 0; i < dane->count; i++) {
		const struct tlsproxy_tlsa *record = &dane->records[i];

		attr_put_int(to, "usage", record->usage);
		attr_put_int(to, "selector", record->selector);
		attr_put_int(to, "mtype", record->mtype);
		attr_put_data(to, "data", record->data, record->len);
	}
}

/* --- the whole list --- */

static bool
has_tlsrpt(const struct tlsproxy_client_start *start)
{
	return start->tlsrpt.present != TLSPROXY_SHAPE_ABSENT && start->tlsrpt.present != 0;
}

static int
scan_start(struct attr_scan *scan, struct tlsproxy_client_start *start)
{
	if (tlsproxy_proto_shape_scan(scan, start_rows, start) < 0 || scan_dane(scan, &start->dane) < 0 ||
	    tlsproxy_proto_shape_scan(scan, tlsrpt_present_rows, start) < 0)
		return -1;
	if (has_tlsrpt(start) && tlsproxy_proto_shape_scan(scan, tlsrpt_rows, start) < 0)
		return -1;
	return tlsproxy_proto_shape_scan(scan, last_rows, start);
}

int
tlsproxy_proto_client_get(
    struct tlsproxy_client_request *request, const void *list, size_t len, const char *stream)
{
	struct attr_scan scan;

	memset(request, 0, sizeof *request);
	attr_scan_init(&scan, list, len, ATTR_FLAG_STRICT, stream);
	if (tlsproxy_proto_shape_scan(&scan, params_rows, &request->params) < 0 ||
	    tlsproxy_proto_shape_scan(&scan, init_rows, &request->init) < 0 ||
	    scan_start(&scan, &request->start) < 0)
		return -1;
	return attr_scan_end(&scan) < 0 ? -1 : 0;
}

void
tlsproxy_proto_client_release(struct tlsproxy_client_request *request)
{
	struct tlsproxy_client_start *start = &request->start;

	/* The one that could not be read to its end is not counted, and has no data. */
	for (size_t i = 0; i < start->dane.count; i++)
		free(start->dane.records[i].data);
	free(start->dane.records);
	tlsproxy_proto_shape_release_list(&start->matchargv);
	tlsproxy_proto_shape_release_list(&start->tlsrpt.tls_policy_strings);
	tlsproxy_proto_shape_release_list(&start->tlsrpt.mx_host_patterns);
	memset(request, 0, sizeof *request);
}

void
tlsproxy_proto_client_put(struct buf *to, const struct tlsproxy_client_request *request)
{
	const struct tlsproxy_client_start *start = &request->start;

	tlsproxy_proto_shape_put(to, params_rows, &request->params);
	tlsproxy_proto_shape_put(to, init_rows, &request->init);
	tlsproxy_proto_shape_put(to, start_rows, start);
	put_dane(to, &start->dane);
	tlsproxy_proto_shape_put(to, tlsrpt_present_rows, start);
	if (has_tlsrpt(start))
		tlsproxy_proto_shape_put(to, tlsrpt_rows, start);
	tlsproxy_proto_shape_put(to, last_rows, start);
	attr_put_end(to);
}

enum tlsproxy_context_shape
tlsproxy_proto_client_shape(const struct tlsproxy_client_request *request)
{
	const struct tlsproxy_client_start *start = &request->start;

	if (start->enable_rpk == TLSPROXY_SHAPE_ABSENT)
		return TLSPROXY_CONTEXT_3_6;
	if (!start->forced_failure_type)
		return TLSPROXY_CONTEXT_3_9;
	if (!start->trace_peer)
		return TLSPROXY_CONTEXT_3_10;
	return TLSPROXY_CONTEXT_3_12;
}

void
tlsproxy_proto_client_key(struct buf *to, const struct tlsproxy_client_request *request)
{
	struct tlsproxy_client_init init = request->init;

	if (request->start.log_param)
		init.log_param = NULL;
	tlsproxy_proto_shape_put(to, init_rows, &init);
}

bool
tlsproxy_proto_client_params_differ(
    struct buf *to, const struct tlsproxy_client_params *server, const struct tlsproxy_client_params *client)
{
	return tlsproxy_proto_shape_differ(to, params_rows, server, client);
}

bool
tlsproxy_proto_client_init_differ(
    struct buf *to, const struct tlsproxy_client_init *server, const struct tlsproxy_client_init *client)
{
	return tlsproxy_proto_shape_differ(to, init_rows, server, client);
}
