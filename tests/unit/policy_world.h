/* SPDX-License-Identifier: ISC */
/*
 * policy_world: settings, tables and files for the policy engine, and what it asked for and answered.
 */
#ifndef TEST_POLICY_WORLD_H
#define TEST_POLICY_WORLD_H

#include <errno.h>

#include "cmocka_all.h"

#include "tls/level.h"
#include "tlspolicy/policy_destination.h"
#include "tlspolicy/policy_find.h"
#include "tlspolicy/policy_request.h"
#include "tlspolicy/policy_result.h"
#include "tlspolicy/policy_settings.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/text.h"

enum { WORLD_ENTRIES = 12 };

struct world_entry {
	const char *key, *value;
};

/* Defaults of Postfix 3.7, and what a test changes. */
static struct world {
	struct policy_settings settings;
	struct world_entry entries[WORLD_ENTRIES]; /* of the one table there is; keys are folded */
	bool broken;                               /* the table */
	struct policy_request request;
	struct policy_destination destination;
	struct policy_result result;
	struct buf asked; /* keys with their outcome */
} world;

/* Settings are only read. */
static char *
world_text(const char *text)
{
	return (char *)(uintptr_t)text;
}

static int
world_lookup(const char *parameter, const char *key, struct buf *value, void *context)
{
	(void)parameter, (void)context;
	if (world.broken)
		return -1;
	buf_printf(&world.asked, "%s%s", world.asked.len > 0 ? " " : "", key);
	for (size_t i = 0; i < WORLD_ENTRIES && world.entries[i].key; i++)
		if (text_equal_nocase(world.entries[i].key, key)) {
			buf_add_str(value, world.entries[i].value);
			buf_add_str(&world.asked, "(hit)");
			return 1;
		}
	buf_add_str(&world.asked, "(miss)");
	return 0;
}

/* Whatever does not begin with "/nonexistent" is there; what begins with "/empty" has nothing in it. */
static int
world_anchors(const char *file, void *context, struct err *err)
{
	(void)context;
	if (strncmp(file, "/empty", 6) == 0)
		return -1;
	if (strncmp(file, "/nonexistent", 12) != 0)
		return 0;
	errno = ENOENT;
	return err_errno(err, "error opening trust anchor file: %s", file);
}

static void
world_begin(void)
{
	const struct policy_settings defaults = {
		.client = "smtp",
		.tls_enforce_peername = true,
		.tls_ciphers = world_text("medium"),
		.tls_mandatory_ciphers = world_text("medium"),
		.tls_protocols = world_text(">=TLSv1"),
		.tls_mandatory_protocols = world_text(">=TLSv1"),
		.tls_verify_cert_match = world_text("hostname"),
		.tls_secure_cert_match = world_text("nexthop, dot-nexthop"),
		.tls_dane_insecure_mx_policy = world_text("dane"),
		.dns_support_level = world_text("dnssec"),
		.host_lookup = world_text("dns"),
		.smtputf8_enable = true,
	};

	memset(&world, 0, sizeof world);
	world.settings = defaults;
	world.request = (struct policy_request){
		.settings = &world.settings,
		.destination = &world.destination,
		.lookup = world_lookup,
		.anchors = world_anchors,
		.mx = POLICY_MX_SECURE,
		.tlsa = POLICY_TLSA_USABLE,
	};
}

static int
world_find(const char *nexthop, const char *host, struct err *err)
{
	policy_destination_init(&world.destination, nexthop, host, "mx.example.test");
	return policy_find(&world.request, &world.result, err);
}

static void
world_end(void)
{
	policy_result_release(&world.result);
	policy_destination_release(&world.destination);
	buf_release(&world.asked);
}

/* A table's word for a setting: "(empty)" and "any" are none. */
__attribute__((unused)) static char *
world_setting(const char *field)
{
	return strcmp(field, "(empty)") == 0 ? NULL : world_text(field);
}

static const char *
world_level(void)
{
	return world.result.level == LEVEL_INVALID ? "invalid" : level_name(world.result.level);
}

/* All lines of a kind, with `between` between them. Freed by the caller. */
static char *
world_said(enum policy_said kind, const char *between)
{
	struct buf text = BUF_INIT;

	for (size_t i = 0; i < world.result.said[kind].count; i++)
		buf_printf(&text, "%s%s", i > 0 ? between : "", world.result.said[kind].word[i]);
	buf_add_str(&text, "");
	return buf_detach(&text);
}

#endif
