/* SPDX-License-Identifier: ISC */
#include "tlscheck/policy.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mail/braces.h"
#include "tls/cipher.h"
#include "tls/protocol.h"
#include "tlspolicy/policy_attribute.h"
#include "tlspolicy/policy_destination.h"
#include "tlspolicy/policy_request.h"
#include "tlspolicy/policy_result.h"
#include "tlspolicy/policy_settings.h"
#include "tlspolicy/policy_site.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/text.h"

/* The table is one line. */
static int
look_up(const char *parameter, const char *key, struct buf *value, void *context)
{
	(void)parameter, (void)key;
	buf_clear(value);
	buf_add_str(value, context);
	return 1;
}

/* What this user may not read may still be there for the client. */
static int
find_anchors(const char *file, void *context, struct err *err)
{
	(void)context;
	if (*file == '/' && access(file, F_OK) == 0)
		return 0;
	return err_errno(err, "open %s", file);
}

/* Without what only later releases know. */
static void
keep_known(const char *value, struct buf *known)
{
	static const char *const later[] = { "enable_rpk=", "policy_ttl=", "policy_type=", "policy_domain=",
		"policy_failure=", "policy_string=", "mx_host_pattern=" };
	char *word;

	while ((word = braces_next_word(&value, TEXT_LIST_SEPARATORS))) {
		bool keep = *word != '{';

		for (size_t i = 0; i < sizeof later / sizeof *later; i++)
			keep = keep && strncmp(word, later[i], strlen(later[i])) != 0;
		if (keep)
			buf_printf(known, "%s%s", known->len > 0 ? " " : "", word);
		free(word);
	}
}

static int
check_words(const struct policy_result *result, struct err *err)
{
	static const struct cipher_grades grades = { "HIGH", "HIGH", "HIGH", "HIGH", "HIGH" };
	struct protocol_set set;
	struct buf list = BUF_INIT;
	int answer = 0;

	if (result->protocols && protocol_parse(&set, result->protocols) < 0)
		answer = err_set(err, "protocols=%s is not understood", result->protocols);
	else if (result->ciphers && cipher_list(&list, &grades, result->ciphers, "", NULL) < 0)
		answer = err_set(err, "ciphers=%s is no grade", result->ciphers);
	else if (result->exclude && cipher_list(&list, &grades, "medium", result->exclude, NULL) < 0)
		answer = err_set(err, "exclude=%s: words have no \"!+-@\"", result->exclude);
	buf_release(&list);
	return answer;
}

/* The last of what the client would warn of, without the name of the table and the key in front. */
static int
take_warning(const struct policy_result *result, int answer, struct err *err)
{
	const struct policy_words *said = &result->said[POLICY_WARNING];
	const char *text = said->count > 0 ? said->word[said->count - 1] : "it cannot be used";
	const char *behind = strstr(text, "\": ");

	if (answer == 0 && said->count == 0)
		return 0;
	err_set(err, "%s", behind ? behind + 3 : text);
	return answer < 0 ? -1 : 1;
}

int
policy_check(const char *value, bool later, struct err *err)
{
	const struct policy_settings settings = { .client = "smtp" };
	struct policy_request request = { .settings = &settings, .anchors = find_anchors };
	struct policy_result result;
	struct buf known = BUF_INIT;
	int answer;

	if (later)
		keep_known(value, &known);
	else
		buf_add_str(&known, value);
	policy_result_init(&result);
	answer = policy_attribute_apply(&request, "", buf_str(&known), &result);
	answer = answer == 0 && check_words(&result, err) < 0 ? -1 : take_warning(&result, answer, err);
	policy_result_release(&result);
	buf_release(&known);
	return answer;
}

int
policy_check_site(const char *value, struct err *err)
{
	const struct policy_settings settings = { .client = "smtp" };
	struct policy_destination destination;
	struct policy_request request = { .settings = &settings,
		.destination = &destination,
		.lookup = look_up,
		.context = (char *)(uintptr_t)value };
	struct policy_result result;
	int answer;

	policy_destination_init(&destination, "", NULL, "");
	policy_result_init(&result);
	answer = policy_site_apply(&request, &result);
	if (answer < 0)
		err_set(err, "unknown TLS policy \"%s\"", value);
	policy_result_release(&result);
	policy_destination_release(&destination);
	return answer;
}
