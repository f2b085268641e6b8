/* SPDX-License-Identifier: ISC */
#include <unistd.h>

#include <jansson.h>

#include "postfix-tls/command.h"
#include "postfix-tls/defaults.h"
#include "postfix-tls/options.h"
#include "postfix-tls/overrides.h"
#include "postfix-tls/postconf.h"
#include "postfix-tls/result.h"
#include "util/json_text.h"

/* What is set, and what master.cf sets for one service: that alone does not count. */
static enum command_result
report(
    const struct site *site, const char *command, const char *const *names, bool all_default, struct err *err)
{
	json_t *document = result_new(site, command);
	json_t *set = json_object();

	json_object_set_new(document, "all_default", json_boolean(all_default));
	for (size_t i = 0; names[i]; i++) {
		const char *value = postconf_raw(site->postconf, names[i]);
		if (value && *value)
			json_text_set(set, names[i], value);
	}
	json_object_set_new(document, "set", set);
	json_object_set_new(document, "overrides", overrides_json(site, names));
	return result_print(document, NULL, err);
}

static enum command_result
answer(const struct site *site, int argc, char **argv, const char *const *names, struct err *err)
{
	struct options options = { 0 };
	bool all_default;

	if (options_next(argc, argv, "+:", OPTIONS_JSON, &options) != -1 || argc != 1 + options.json)
		return COMMAND_USAGE;
	all_default = defaults_none_set(site, names);
	if (options.json && report(site, argv[0], names, all_default, err) != COMMAND_DONE)
		return COMMAND_FAILED;
	return all_default ? COMMAND_DONE : COMMAND_NO;
}

enum command_result
cmd_all_default_client(const struct site *site, int argc, char **argv, struct err *err)
{
	return answer(site, argc, argv, defaults_client_names, err);
}

enum command_result
cmd_all_default_server(const struct site *site, int argc, char **argv, struct err *err)
{
	return answer(site, argc, argv, defaults_server_names, err);
}
