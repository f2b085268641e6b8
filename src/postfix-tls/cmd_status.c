/* SPDX-License-Identifier: ISC */
#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "postfix-tls/command.h"
#include "postfix-tls/status.h"
#include "postfix-tls/status_json.h"
#include "postfix-tls/status_text.h"
#include "util/buf.h"
#include "util/json_text.h"

static int
print_json(const struct status *status, struct err *err)
{
	json_t *document = status_json(status);
	int result = json_text_print(document, stdout, err);

	json_decref(document);
	return result;
}

static void
print_text(const struct status *status)
{
	struct buf text = BUF_INIT;

	status_text_put(status, &text);
	fputs(buf_str(&text), stdout);
	buf_release(&text);
}

enum command_result
cmd_status(const struct site *site, int argc, char **argv, struct err *err)
{
	bool json = argc == 2 && strcmp(argv[1], "--json") == 0;
	struct status status;
	int result = 0;

	if (argc > 1 && !json)
		return COMMAND_USAGE;
	if (status_collect(site, &status, err) < 0)
		return COMMAND_FAILED;
	if (json)
		result = print_json(&status, err);
	else
		print_text(&status);

	bool running = status.tlsmgr == MGR_STATS_KNOWN || status.tlsmgr == MGR_STATS_UNKNOWN;

	status_release(&status);
	if (result < 0)
		return COMMAND_FAILED;
	return running ? COMMAND_DONE : COMMAND_NO;
}
