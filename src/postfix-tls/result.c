/* SPDX-License-Identifier: ISC */
#include "postfix-tls/result.h"

#include <stdio.h>

#include <jansson.h>

#include "postfix-tls/deploy.h"
#include "postfix-tls/findings.h"
#include "postfix-tls/site.h"
#include "util/json_text.h"

struct json_t *
result_new(const struct site *site, const char *command)
{
	json_t *document = json_object();

	json_text_set(document, "command", command);
	json_text_set(document, "config_directory", site->config_directory);
	return document;
}

void
result_put_pair(
    struct json_t *document, enum keyfile_algorithm algorithm, const char *cert_path, const char *key_path)
{
	json_text_set(document, "algorithm", site_parameters(algorithm)->algorithm);
	json_text_set(document, "key", key_path);
	json_text_set(document, "certificate", cert_path);
}

void
result_put_deployed(struct json_t *document, const struct deployed *deployed)
{
	json_text_set(document, "public_key_sha256", deployed->digest);
	json_object_set(document, "settings", deployed->settings);
}

enum command_result
result_print(struct json_t *document, const struct findings *findings, struct err *err)
{
	int printed;

	json_object_set_new(document, "warnings", findings ? findings_json(findings) : json_array());
	printed = json_text_print(document, stdout, err);
	json_decref(document);
	return printed == 0 ? COMMAND_DONE : COMMAND_FAILED;
}
