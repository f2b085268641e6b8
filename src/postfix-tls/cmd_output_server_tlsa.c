/* SPDX-License-Identifier: ISC */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "postfix-tls/command.h"
#include "postfix-tls/hostnames.h"
#include "util/buf.h"

/* The owner name's host, without a final dot. */
static int
owner(const struct site *site, const char *argument, struct buf *host, struct err *err)
{
	if (*argument)
		buf_add_str(host, argument);
	else if (site_hostname(site, host, err) < 0)
		return -1;
	if (!hostnames_is_valid(buf_str(host)))
		return err_set(err, "bad host name: '%s'", buf_str(host));
	if (host->len > 1 && host->bytes[host->len - 1] == '.')
		buf_truncate(host, host->len - 1);
	return 0;
}

static int
add_record(struct buf *records, const char *path, const char *host, struct err *err)
{
	struct keyfile *key = keyfile_load(path, err);
	int result;

	if (!key)
		return err_set(err, "no private key found in file: %s", path);
	buf_printf(records, "; %s\n_25._tcp.%s. IN TLSA 3 1 1 ", path, host);
	result = keyfile_digest(key, records, err);
	buf_add_byte(records, '\n');
	keyfile_free(key);
	return result;
}

/* Output waits for the last key: half a record set, published, would break mail. */
static int
add_records(const struct site *site, const char *const *keys, size_t count, const char *host,
    struct buf *records, struct err *err)
{
	for (size_t i = 0; i < count; i++) {
		char *path;
		int found = site_key_argument(site, keys[i], &path, err);

		if (found == 1 && add_record(records, path, host, err) < 0)
			found = -1;
		free(path);
		if (found < 0)
			return -1;
	}
	if (records->len == 0)
		return err_set(err, "No usable keyfiles specified or configured");
	return 0;
}

enum command_result
cmd_output_server_tlsa(const struct site *site, int argc, char **argv, struct err *err)
{
	static const char *const both[] = { "rsa", "ecdsa" };
	const char *argument = "";
	struct buf host = BUF_INIT;
	struct buf records = BUF_INIT;
	enum command_result result = COMMAND_FAILED;
	const char *const *keys = both;
	size_t count = 2;
	int option;

	while ((option = getopt(argc, argv, "+:h:")) != -1) {
		if (option != 'h')
			return COMMAND_USAGE;
		argument = optarg;
	}
	if (optind < argc) {
		keys = (const char *const *)(argv + optind);
		count = (size_t)(argc - optind);
	}
	if (owner(site, argument, &host, err) == 0 &&
	    add_records(site, keys, count, buf_str(&host), &records, err) == 0) {
		fputs(buf_str(&records), stdout);
		result = COMMAND_DONE;
	}
	buf_release(&host);
	buf_release(&records);
	return result;
}
