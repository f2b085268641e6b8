/* SPDX-License-Identifier: ISC */
#include "tlsprobe/probe_tlsa.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "tls/dane.h"
#include "tlscheck/resolver.h"
#include "tlsprobe/probe_plan.h"
#include "util/alloc.h"
#include "util/err.h"
#include "util/log.h"

enum { FIXED_LEN = 3 };

static void
take_record(struct dane_set *set, const unsigned char *data, size_t len, const char *name)
{
	struct dane_record record;

	if (len <= FIXED_LEN) {
		log_warn("%s: truncated TLSA RR length == %zu", name, len);
		return;
	}
	record = (struct dane_record){
		.usage = data[0],
		.selector = data[1],
		.mtype = data[2],
		.data = data + FIXED_LEN,
		.len = len - FIXED_LEN,
	};
	if (dane_record_is_acceptable(&record, name))
		dane_set_add(set, record.usage, record.selector, record.mtype, record.data, record.len);
}

/* The records below `base`. */
static enum policy_tlsa
ask(struct resolver *resolver, const char *base, int port, struct dane_set **records)
{
	char *name = alloc_printf("_%d._tcp.%s", port, base), *owner;
	struct resolver_reply reply;
	struct err err = { 0 };
	enum policy_tlsa result = POLICY_TLSA_ABSENT;
	enum resolver_answer answer = resolver_ask(resolver, name, RESOLVER_TLSA, &reply, &err);

	if (answer == RESOLVER_FAILED) {
		log_warn("DANE TLSA lookup problem: %s", err.text);
		result = POLICY_TLSA_FAILED;
	} else if (answer == RESOLVER_SECURE) {
		*records = dane_set_new(base);
		owner = strcasecmp(name, reply.canonical) == 0
			    ? alloc_string(name)
			    : alloc_printf("%s -> %s", name, reply.canonical);
		for (size_t i = 0; i < reply.count; i++) {
			size_t len;
			const unsigned char *data = resolver_record(&reply, i, &len);

			take_record(*records, data, len, owner);
		}
		free(owner);
		result = dane_set_count(*records) > 0 ? POLICY_TLSA_USABLE : POLICY_TLSA_UNUSABLE;
	}
	resolver_reply_release(&reply);
	free(name);
	return result;
}

/* An alias in a signed zone may have records of its own, wherever it leads. */
static enum policy_tlsa
check_alias(struct resolver *resolver, const char *name, bool *secure)
{
	struct resolver_reply reply;
	struct err err = { 0 };
	enum resolver_answer answer = resolver_ask(resolver, name, RESOLVER_CNAME, &reply, &err);

	*secure = answer == RESOLVER_SECURE;
	resolver_reply_release(&reply);
	if (answer != RESOLVER_FAILED && answer != RESOLVER_NONE)
		return POLICY_TLSA_ABSENT;
	log_warn("DNSSEC status lookup error for %s: %s", name,
	    answer == RESOLVER_NONE ? "no longer a CNAME" : err.text);
	return POLICY_TLSA_FAILED;
}

static enum policy_tlsa
find(struct resolver *resolver, const struct probe_server *server, int port, bool insecure_too,
    struct dane_set **records)
{
	bool alias = strcasecmp(server->qname, server->rname) != 0, alias_is_secure;
	enum policy_tlsa result = POLICY_TLSA_ABSENT;

	if (!server->secure && !insecure_too) {
		if (!alias)
			return POLICY_TLSA_ABSENT;
		result = check_alias(resolver, server->qname, &alias_is_secure);
		return alias_is_secure ? ask(resolver, server->qname, port, records) : result;
	}
	result = ask(resolver, server->rname, port, records);
	if (result == POLICY_TLSA_ABSENT && alias)
		result = ask(resolver, server->qname, port, records);
	return result;
}

enum policy_tlsa
probe_tlsa_find(struct resolver *resolver, const struct probe_server *server, int port, bool insecure_too,
    struct dane_set **records)
{
	enum policy_tlsa result;

	*records = NULL;
	if (!server->qname)
		return POLICY_TLSA_ABSENT;
	result = find(resolver, server, port, insecure_too, records);
	if (result != POLICY_TLSA_USABLE) {
		dane_set_free(*records);
		*records = NULL;
	}
	return result;
}
