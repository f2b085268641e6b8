/* SPDX-License-Identifier: ISC */
/*
 * tlsproxy_request: what callers of several Postfix releases send to tlsproxy, for tools that play one.
 */
#ifndef TLSPROXY_REQUEST_H
#define TLSPROXY_REQUEST_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TOOL __attribute__((unused)) static

/* --- attribute lists --- */

struct list {
	char *bytes;
	size_t len;
	size_t room;
};

TOOL void
list_add(struct list *list, const void *bytes, size_t len)
{
	if (list->len + len > list->room) {
		list->room = 2 * (list->len + len);
		list->bytes = realloc(list->bytes, list->room);
		if (!list->bytes)
			abort();
	}
	memcpy(list->bytes + list->len, bytes, len);
	list->len += len;
}

TOOL void
list_str(struct list *list, const char *name, const char *value)
{
	list_add(list, name, strlen(name) + 1);
	list_add(list, value, strlen(value) + 1);
}

TOOL void
list_int(struct list *list, const char *name, long value)
{
	char text[24];

	snprintf(text, sizeof text, "%ld", value);
	list_str(list, name, text);
}

/* "name|value|name|value|" */
TOOL void
list_text(struct list *list, const char *text)
{
	size_t at = list->len;

	list_add(list, text, strlen(text));
	for (; at < list->len; at++)
		if (list->bytes[at] == '|')
			list->bytes[at] = 0;
}

TOOL void
list_end(struct list *list)
{
	list_add(list, "", 1);
}

TOOL void
list_free(struct list *list)
{
	free(list->bytes);
	memset(list, 0, sizeof *list);
}

/* --- requests --- */

TOOL void
request_common(struct list *list, const char *endpoint, int flags, long handshake_s, long session_s,
    const char *serverid)
{
	list_str(list, "remote_endpoint", endpoint);
	list_int(list, "flags", flags);
	list_int(list, "timeout", handshake_s);
	list_int(list, "timeout", session_s);
	list_str(list, "serverid", serverid);
	list_end(list);
}

/* One session of the client role. NULL, 0: the usual. */
struct session_request {
	int release; /* 37, 311, 312; 0 is 37 */
	int level;   /* 0 is 1, may */
	const char *host, *nexthop, *sni;
	const char *protocols, *grade, *exclusions;
	const char *match; /* names, each followed by a comma */
	const char *mdalg, *log_level;
	const char *CAfile, *cert_file, *chain_files;
	const char *domain; /* of the records */
	const char
	    *records;  /* "usage|U|selector|S|mtype|M|data|BASE64|" each; NULL: none, "": none in a list */
	int argv_size; /* instead of the true number */
};

TOOL const char *
or_else(const char *value, const char *usual)
{
	return value ? value : usual;
}

TOOL void
request_params(struct list *list, int release)
{
	list_text(list, "config_file|default|config_name||tls_high_cipherlist|aNULL:-aNULL:HIGH:@STRENGTH|"
			"tls_medium_cipherlist|aNULL:-aNULL:HIGH:MEDIUM:+RC4:@STRENGTH|");
	if (release == 37)
		list_text(list, "tls_low_cipherlist|aNULL:-aNULL:HIGH:MEDIUM:LOW:+RC4:@STRENGTH|"
				"tls_export_cipherlist|aNULL:-aNULL:HIGH:MEDIUM:LOW:EXPORT:+RC4:@STRENGTH|");
	list_text(list, "tls_null_cipherlist|eNULL:!aNULL|"
			"tls_eecdh_auto_curves|X25519 X448 prime256v1 secp521r1 secp384r1|"
			"tls_eecdh_strong_curve|prime256v1|tls_eecdh_ultra_curve|secp384r1|");
	if (release != 37)
		list_text(list, "tls_ffdhe_auto_groups|ffdhe2048 ffdhe3072 |");
	list_text(list, "tls_disable_workarounds||tls_ssl_options||tls_dane_digests|sha512 sha256|"
			"tlsmgr_service_name|tlsmgr|tls_session_ticket_cipher|aes-256-cbc|"
			"tls_daemon_random_bytes|32|tls_append_default_CA|0|");
	if (release == 37)
		list_text(list, "tls_legacy_public_key_fingerprints|0|");
	list_text(list, "tls_preempt_cipherlist|0|tls_wildcard_matches_multiple_labels|1|");
	if (release == 312)
		list_text(list, "tls_fast_shutdown_enable|1|");
}

TOOL void
request_matches(struct list *list, const struct session_request *want)
{
	const char *at = or_else(want->match, "");
	int count = 0;

	for (const char *comma = at; (comma = strchr(comma, ',')); comma++)
		count++;
	list_int(list, "argv_size", want->argv_size ? want->argv_size : count);
	for (const char *comma; (comma = strchr(at, ',')); at = comma + 1) {
		list_add(list, "argv_value", 11);
		list_add(list, at, (size_t)(comma - at));
		list_end(list);
	}
}

TOOL void
request_records(struct list *list, const struct session_request *want)
{
	int count = 0;

	list_int(list, "dane", want->records != NULL);
	if (!want->records)
		return;
	for (const char *at = want->records; (at = strstr(at, "usage|")); at++)
		count++;
	list_str(list, "domain", or_else(want->domain, ""));
	list_int(list, "count", count);
	list_text(list, want->records);
}

/* The second list of a request. */
TOOL void
request_client(struct list *list, const struct session_request *want)
{
	int release = want->release ? want->release : 37;

	request_params(list, release);
	list_str(list, "log_param", "smtp_tls_loglevel");
	list_str(list, "log_level", or_else(want->log_level, "1"));
	list_text(list, "verifydepth|9|cache_type|smtp|");
	list_str(list, "chain_files", or_else(want->chain_files, ""));
	list_str(list, "cert_file", or_else(want->cert_file, ""));
	list_str(list, "key_file", or_else(want->cert_file, ""));
	list_text(list, "dcert_file||dkey_file||eccert_file||eckey_file||");
	list_str(list, "CAfile", or_else(want->CAfile, ""));
	list_text(list, "CApath||");
	list_str(list, "mdalg", or_else(want->mdalg, "sha256"));
	if (release == 312)
		list_text(list, "log_param|smtp_tls_loglevel|log_level|1|");
	list_int(list, "timeout", 300);
	if (release != 37)
		list_int(list, "enable_rpk", 0);
	list_int(list, "tls_level", want->level ? want->level : 1);
	list_str(list, "nexthop", or_else(want->nexthop, "nexthop.test"));
	list_str(list, "host", or_else(want->host, "mx.host.test"));
	list_str(list, "namaddr", "MX.host.test[127.0.0.1]:25");
	list_str(list, "sni", or_else(want->sni, ""));
	list_text(list, "serverid|smtp&test&|helo|sink.test|");
	list_str(list, "protocols", or_else(want->protocols, ">=TLSv1"));
	list_str(list, "cipher_grade", or_else(want->grade, "medium"));
	list_str(list, "cipher_exclusions", or_else(want->exclusions, ""));
	request_matches(list, want);
	list_str(list, "mdalg", or_else(want->mdalg, "sha256"));
	request_records(list, want);
	if (release != 37)
		list_str(list, "forced_failure_type", "");
	if (release == 312)
		list_text(list, "trace_size_limit|102400|trace_peer|127.0.0.1|");
	list_end(list);
}

/* The second list for the server role, of Postfix 3.12. */
TOOL void
request_server(struct list *list, const char *chain_files, const char *serverid)
{
	list_text(list,
	    "config_file|default|config_name||tls_high_cipherlist|aNULL:-aNULL:HIGH:@STRENGTH|"
	    "tls_medium_cipherlist|aNULL:-aNULL:HIGH:MEDIUM:+RC4:@STRENGTH|tls_null_cipherlist|eNULL:!aNULL|"
	    "tls_eecdh_auto_curves|X25519 X448 prime256v1 secp521r1 secp384r1|"
	    "tls_eecdh_strong_curve|prime256v1|tls_eecdh_ultra_curve|secp384r1|"
	    "tls_ffdhe_auto_groups|ffdhe2048 ffdhe3072 |tls_disable_workarounds||tls_ssl_options||"
	    "tlsmgr_service_name|tlsmgr|tls_session_ticket_cipher|aes-256-cbc|tls_daemon_random_bytes|32|"
	    "tls_append_default_CA|0|tls_preempt_cipherlist|0|tls_wildcard_matches_multiple_labels|1|"
	    "tls_server_sni_maps||tls_fast_shutdown_enable|1|tls_trust_server_ccerts|0|"
	    "log_param|postscreen_tls_loglevel|log_level|1|verifydepth|9|cache_type|smtpd|set_sessid|1|");
	list_str(list, "chain_files", chain_files);
	list_text(list,
	    "cert_file||key_file||dcert_file||dkey_file||eccert_file||eckey_file||CAfile||CApath||"
	    "protocols|>=TLSv1|eecdh_grade|auto|dh1024_param_file||dh512_param_file||ask_ccert|0|mdalg|"
	    "sha256|"
	    "log_param|postscreen_tls_loglevel|log_level|1|timeout|300|enable_rpk|0|requirecert|0|");
	list_str(list, "serverid", serverid);
	list_text(list, "namaddr|[127.0.0.1]:25|cipher_grade|medium|cipher_exclusions||mdalg|sha256|"
			"trace_size_limit|102400|trace_peer|127.0.0.1|");
	list_end(list);
}

#endif
