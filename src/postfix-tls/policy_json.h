/* SPDX-License-Identifier: ISC */
/*
 * policy_json: the policy for a destination as a JSON document.
 */
#ifndef POSTFIX_TLS_POLICY_JSON_H
#define POSTFIX_TLS_POLICY_JSON_H

struct json_t;
struct policy_request;
struct policy_result;
struct policy_words;

/* Released with json_decref(). */
struct json_t *policy_json(const struct policy_request *request, const struct policy_result *result);
struct json_t *policy_json_words(const struct policy_words *words);

#endif
