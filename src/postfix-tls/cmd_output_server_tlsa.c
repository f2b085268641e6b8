/* SPDX-License-Identifier: ISC */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

#include "postfix-tls/command.h"
#include "postfix-tls/findings.h"
#include "postfix-tls/hostnames.h"
#include "postfix-tls/options.h"
#include "postfix-tls/overrides.h"
#include "postfix-tls/result.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/json_text.h"
#include "util/text.h"

enum { USAGE_DANE_EE = 3, SELECTOR_SPKI = 1, PORT_LIMIT = 65535, SMTP_PORT = 25, MOST = 32 };

/* The records of one command, as text and, for --json, as data. */
struct records {
	struct buf host; /* without a final dot */
	int ports[MOST]; /* -p; 25 if there are none */
	size_t port_count;
	int matching[MOST]; /* -m; 1 if there are none */
	size_t matching_count;
	struct buf text;
	json_t *data; /* owned; an array */
};

/* The owner name's host. */
static int
set_host(struct records *records, const struct site *site, const char *argument, struct err *err)
{
	struct buf *host = &records->host;

	if (*argument)
		buf_add_str(host, argument);
	else if (site_hostname(site, host, err) < 0)
		return -1;
	if (!hostnames_is_valid(buf_str(host)))
		return hostnames_refuse(buf_str(host), err);
	if (host->len > 1 && host->bytes[host->len - 1] == '.')
		buf_truncate(host, host->len - 1);
	return 0;
}

static void
add_record(struct records *records, const char *path, int port, int matching, const char *digest)
{
	json_t *record = json_object();
	char *owner = alloc_printf("_%d._tcp.%s.", port, buf_str(&records->host));

	buf_printf(&records->text, "%s IN TLSA %d %d %d %s\n", owner, USAGE_DANE_EE, SELECTOR_SPKI, matching,
	    digest);
	json_text_set(record, "key", path);
	json_text_set(record, "owner", owner);
	json_object_set_new(record, "port", json_integer(port));
	json_object_set_new(record, "usage", json_integer(USAGE_DANE_EE));
	json_object_set_new(record, "selector", json_integer(SELECTOR_SPKI));
	json_object_set_new(record, "matching_type", json_integer(matching));
	json_text_set(record, "data", digest);
	json_array_append_new(records->data, record);
	free(owner);
}

static int
add_key(struct records *records, const struct site_key *which, struct err *err)
{
	struct keyfile *key = site_load_key(which, err);
	struct buf digest = BUF_INIT;
	int result = 0;

	if (!key)
		return err_set(err, "no private key found in file: %s", which->path);
	buf_printf(&records->text, "; %s\n", which->path);
	for (size_t p = 0; p < records->port_count; p++)
		for (size_t m = 0; m < records->matching_count && result == 0; m++) {
			buf_clear(&digest);
			result = keyfile_digest(key, records->matching[m], &digest, err);
			if (result == 0)
				add_record(records, which->path, records->ports[p], records->matching[m],
				    buf_str(&digest));
		}
	buf_release(&digest);
	keyfile_free(key);
	return result;
}

/* Output waits for the last key: half a record set, published, would break mail. */
static int
add_keys(
    struct records *records, const struct site *site, const char *const *keys, size_t count, struct err *err)
{
	for (size_t i = 0; i < count; i++) {
		struct site_key key;
		int found = site_key_argument(site, keys[i], &key, err);

		if (found == 1 && add_key(records, &key, err) < 0)
			found = -1;
		site_key_release(&key);
		if (found < 0)
			return -1;
	}
	if (records->text.len == 0)
		return err_set(err, "No usable keyfiles specified or configured");
	return 0;
}

static bool
add_number(const char *text, int min, int max, int *numbers, size_t *count)
{
	uint64_t number;

	if (*count == MOST || !text_number(text, (uint64_t)max, &number) || (int)number < min)
		return false;
	numbers[(*count)++] = (int)number;
	return true;
}

static enum command_result
output(const struct site *site, const char *command, const struct records *records, bool json,
    const struct findings *findings, struct err *err)
{
	json_t *document;

	if (!json) {
		fputs(buf_str(&records->text), stdout);
		return COMMAND_DONE;
	}
	document = result_new(site, command);
	json_object_set(document, "records", records->data);
	return result_print(document, findings, err);
}

enum command_result
cmd_output_server_tlsa(const struct site *site, int argc, char **argv, struct err *err)
{
	const char *all[SITE_ALGORITHMS];
	const char *const *keys = all;
	size_t count = SITE_ALGORITHMS;
	const char *host = "";
	struct options options = { 0 };
	struct findings findings;
	struct records records = { .data = json_array() };
	enum command_result result = COMMAND_USAGE;
	int option;

	findings_init(&findings, &options);
	while ((option = options_next(argc, argv, "+:h:p:m:", OPTIONS_JSON, &options)) != -1) {
		if (option == 'h')
			host = optarg;
		else if (option == 'p' &&
			 add_number(optarg, 1, PORT_LIMIT, records.ports, &records.port_count))
			;
		else if (option == 'm' && add_number(optarg, 1, 2, records.matching, &records.matching_count))
			;
		else
			goto out;
	}
	if (records.port_count == 0)
		records.ports[records.port_count++] = SMTP_PORT;
	if (records.matching_count == 0)
		records.matching[records.matching_count++] = 1;
	for (int i = 0; i < SITE_ALGORITHMS; i++)
		all[i] = site_parameters((enum keyfile_algorithm)i)->algorithm;
	if (optind < argc) {
		keys = (const char *const *)(argv + optind);
		count = (size_t)(argc - optind);
	} else {
		overrides_find_keys(site, &findings);
	}
	result = COMMAND_FAILED;
	if (set_host(&records, site, host, err) == 0 && add_keys(&records, site, keys, count, err) == 0)
		result = output(site, argv[0], &records, options.json, &findings, err);
out:
	findings_release(&findings);
	buf_release(&records.host);
	buf_release(&records.text);
	json_decref(records.data);
	return result;
}
