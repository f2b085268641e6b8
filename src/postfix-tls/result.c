/* SPDX-License-Identifier: ISC */
#include "postfix-tls/result.h"

#include <stdio.h>

#include <jansson.h>

#include "postfix-tls/deploy.h"
#include "postfix-tls/findings.h"
#include "postfix-tls/site.h"
#include "util/json_text.h"

void
result_put_text(struct json_t *document, const char *name, const char *text)
{
	json_object_set_new(document, name, json_text_string(text));
}

struct json_t *
result_new(const struct site *site, const char *command)
{
	json_t *document = json_object();

	result_put_text(document, "command", command);
	result_put_text(document, "config_directory", site->config_directory);
	return document;
}

void
result_put_pair(
    struct json_t *document, enum keyfile_algorithm algorithm, const char *cert_path, const char *key_path)
{
	result_put_text(document, "algorithm", site_parameters(algorithm)->algorithm);
	result_put_text(document, "key", key_path);
	result_put_text(document, "certificate", cert_path);
}

void
result_put_deployed(struct json_t *document, const struct deployed *deployed)
{
	result_put_text(document, "public_key_sha256", deployed->digest);
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
