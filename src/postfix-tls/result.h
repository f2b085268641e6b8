/* SPDX-License-Identifier: ISC */
/*
 * result: what a subcommand did or found, as a JSON document (--json).
 */
#ifndef POSTFIX_TLS_RESULT_H
#define POSTFIX_TLS_RESULT_H

#include "postfix-tls/command.h"
#include "postfix-tls/keyfile.h"

struct deployed;
struct err;
struct findings;
struct json_t;
struct site;

/* An object that names command and instance. */
struct json_t *result_new(const struct site *site, const char *command);

/* Files and algorithm. */
void result_put_pair(
    struct json_t *document, enum keyfile_algorithm algorithm, const char *cert_path, const char *key_path);

/* Key digest, settings. */
void result_put_deployed(struct json_t *document, const struct deployed *deployed);

/* Takes the document, adds the findings (NULL: none) and prints it. COMMAND_DONE or COMMAND_FAILED. */
enum command_result result_print(struct json_t *document, const struct findings *findings, struct err *err);

#endif
