/* SPDX-License-Identifier: ISC */
#include "tlsprobe/probe_plan.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include "tls/idna.h"
#include "tlscheck/resolver.h"
#include "tlspolicy/policy_destination.h"
#include "tlsprobe/probe_mx.h"
#include "tlsprobe/probe_settings.h"
#include "tlsprobe/probe_target.h"
#include "util/alloc.h"
#include "util/err.h"
#include "util/log.h"
#include "util/text.h"

/* Addresses, and mail exchangers, more than any domain has; what comes behind is not asked for: each may be a
 * lookup that nobody answers. */
enum { SERVER_LIMIT = 100 };

struct search {
	struct probe_plan *plan;
	const struct probe_target *target;
	const struct probe_settings *settings;
	struct resolver *resolver;
	int family[2]; /* in their order; AF_UNSPEC: none */
};

static void
give_up(struct probe_plan *plan, const char *dsn, char *reason)
{
	free(plan->dsn);
	free(plan->reason);
	plan->dsn = alloc_string(dsn);
	plan->reason = reason;
}

/* How asking for a name went; why there was nothing in the end. */
enum found { FOUND_SOME, FOUND_NO_NAME, FOUND_NO_RECORD, FOUND_LATER };

static void
give_up_name(struct probe_plan *plan, enum found found, const char *name, const char *type)
{
	static const char *const words[] = {
		[FOUND_NO_NAME] = "Host not found",
		[FOUND_NO_RECORD] = "Host found but no data record of requested type",
		[FOUND_LATER] = "Host not found, try again",
	};

	give_up(plan, found == FOUND_LATER ? "4.4.3" : "5.4.4",
	    alloc_printf("Host or domain name not found. Name service error for name=%s type=%s: %s", name,
		type, words[found]));
}

/* --- addresses --- */

static bool
can_use(int family)
{
	int fd = socket(family, SOCK_STREAM, 0);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

static bool
has_word(const char *list, const char *word)
{
	const char *found;
	size_t len;

	while ((found = text_token(&list, TEXT_LIST_SEPARATORS, &len)) != NULL)
		if (len == strlen(word) && strncasecmp(found, word, len) == 0)
			return true;
	return false;
}

static void
choose_families(struct search *search)
{
	const char *protocols = search->settings->inet_protocols;
	bool all = has_word(protocols, "all"), ipv6_first;
	int ipv4 = all || has_word(protocols, "ipv4") ? AF_INET : AF_UNSPEC;
	int ipv6 = (all || has_word(protocols, "ipv6")) && can_use(AF_INET6) ? AF_INET6 : AF_UNSPEC;

	ipv6_first = text_equal_nocase(search->settings->address_preference, "ipv6");
	search->family[0] = ipv6_first ? ipv6 : ipv4;
	search->family[1] = ipv6_first ? ipv4 : ipv6;
}

/* Room for one more; its names are to be set. NULL: there are enough. */
static struct probe_server *
add_server(struct probe_plan *plan)
{
	if (plan->count >= SERVER_LIMIT)
		return NULL;
	plan->server = alloc_resize(plan->server, plan->count + 1, sizeof *plan->server);
	plan->server[plan->count] = (struct probe_server){ .preference = PROBE_PLAN_NO_PREFERENCE };
	return &plan->server[plan->count++];
}

static bool
set_address(struct probe_server *server, int family, const void *bytes)
{
	char text[INET6_ADDRSTRLEN] = "";

	if (family == AF_INET) {
		struct sockaddr_in raw = { .sin_family = AF_INET };

		memcpy(&raw.sin_addr, bytes, sizeof raw.sin_addr);
		memcpy(&server->raw, &raw, sizeof raw);
		server->raw_len = sizeof raw;
	} else {
		struct sockaddr_in6 raw = { .sin6_family = AF_INET6 };

		memcpy(&raw.sin6_addr, bytes, sizeof raw.sin6_addr);
		memcpy(&server->raw, &raw, sizeof raw);
		server->raw_len = sizeof raw;
	}
	inet_ntop(family, bytes, text, sizeof text);
	server->address = alloc_string(text);
	return true;
}

static bool
add_literal(struct search *search, const char *text, int preference)
{
	unsigned char bytes[sizeof(struct in6_addr)];
	struct probe_server *server;
	int family = strchr(text, ':') ? AF_INET6 : AF_INET;

	if (inet_pton(family, text, bytes) != 1)
		return false;
	server = add_server(search->plan);
	if (!server)
		return true;
	server->host = alloc_string(text);
	server->rname = alloc_string(text);
	server->preference = preference;
	return set_address(server, family, bytes);
}

static void
take_addresses(struct search *search, const char *name, int preference, int family,
    const struct resolver_reply *reply, bool secure)
{
	const bool overrides = search->settings->policy.cname_overrides_servername;
	const size_t wanted = family == AF_INET ? sizeof(struct in_addr) : sizeof(struct in6_addr);

	for (size_t i = 0; i < reply->count; i++) {
		size_t len;
		const unsigned char *bytes = resolver_record(reply, i, &len);
		struct probe_server *server = len == wanted ? add_server(search->plan) : NULL;

		if (!server)
			continue;
		server->host = alloc_string(overrides ? reply->canonical : name);
		server->qname = alloc_string(name);
		server->rname = alloc_string(reply->canonical);
		server->secure = secure;
		server->preference = preference;
		set_address(server, family, bytes);
	}
}

static enum found
ask_dns(struct search *search, const char *name, int preference)
{
	enum found found = FOUND_NO_NAME;

	for (size_t i = 0; i < 2; i++) {
		int family = search->family[i];
		struct resolver_reply reply;
		enum resolver_answer answer;
		struct err err = { 0 };

		if (family == AF_UNSPEC)
			continue;
		answer = resolver_ask(
		    search->resolver, name, family == AF_INET ? RESOLVER_A : RESOLVER_AAAA, &reply, &err);
		if (answer == RESOLVER_SECURE || answer == RESOLVER_INSECURE) {
			take_addresses(search, name, preference, family, &reply, answer == RESOLVER_SECURE);
			found = FOUND_SOME;
		} else if (answer == RESOLVER_FAILED) {
			log_warn("%s", err.text);
			found = found == FOUND_SOME ? found : FOUND_LATER;
		} else if (found == FOUND_NO_NAME && !reply.nxdomain) {
			found = FOUND_NO_RECORD;
		}
		resolver_reply_release(&reply);
	}
	return found;
}

static const void *
bytes_of(const struct addrinfo *info)
{
	if (info->ai_family == AF_INET)
		return &((const struct sockaddr_in *)(const void *)info->ai_addr)->sin_addr;
	return &((const struct sockaddr_in6 *)(const void *)info->ai_addr)->sin6_addr;
}

static enum found
ask_system(struct search *search, const char *name, int preference)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	struct addrinfo *list = NULL;
	enum found found = FOUND_NO_NAME;
	int error = getaddrinfo(name, NULL, &hints, &list);

	if (error != 0)
		return error == EAI_AGAIN ? FOUND_LATER : FOUND_NO_NAME;
	for (size_t i = 0; i < 2; i++) {
		for (const struct addrinfo *at = list; at; at = at->ai_next) {
			struct probe_server *server =
			    at->ai_family == search->family[i] ? add_server(search->plan) : NULL;

			if (!server)
				continue;
			server->host = alloc_string(name);
			server->rname = alloc_string(name);
			server->preference = preference;
			set_address(server, at->ai_family, bytes_of(at));
			found = FOUND_SOME;
		}
	}
	freeaddrinfo(list);
	return found;
}

static enum found
add_addresses(struct search *search, const char *name, int preference)
{
	const struct probe_settings *settings = search->settings;
	bool dns = search->resolver != NULL && probe_settings_host_lookup(settings, "dns");
	enum found found = FOUND_NO_NAME;
	char *ascii;

	if (add_literal(search, name, preference))
		return FOUND_SOME;
	ascii = idna_to_ascii(name);
	if (dns)
		found = ask_dns(search, ascii, preference);
	if (found != FOUND_SOME && (!dns || probe_settings_host_lookup(settings, "native")))
		found = ask_system(search, ascii, preference);
	free(ascii);
	return found;
}

/* --- mail exchangers --- */

/* Nobody takes mail whose only exchanger is the root. */
static bool
is_null(const struct probe_mx *mx)
{
	return mx->count == 1 && *mx->record[0].name == '\0';
}

static void
add_exchangers(struct search *search, const struct probe_mx *mx)
{
	struct probe_plan *plan = search->plan;

	for (size_t i = 0; i < mx->count && i < SERVER_LIMIT && plan->count < SERVER_LIMIT; i++) {
		const struct probe_mx_record *record = &mx->record[i];

		if (add_literal(search, record->name, record->preference)) {
			log_warn("numeric domain name in resource data of MX record for %s: %s",
			    search->target->domain, record->name);
			continue;
		}
		if (!policy_destination_valid_hostname(record->name)) {
			log_warn("malformed domain name in resource data of MX record for %s: %s",
			    search->target->domain, record->name);
			continue;
		}
		enum found found = add_addresses(search, record->name, record->preference);
		if (found == FOUND_SOME)
			continue;
		log_info("no address was found of the MX host %s%s", record->name,
		    found == FOUND_LATER ? " for now" : "");
		if (!plan->dsn || found == FOUND_LATER)
			give_up_name(plan, found, record->name, "A");
	}
	if (plan->count == 0)
		log_warn("no MX host for %s has a valid address record", search->target->domain);
	if (plan->count == 0 && !plan->dsn)
		give_up(plan, "5.4.4",
		    alloc_printf("no MX host for %s has a valid address record", search->target->domain));
}

/* True: there are MX records, or none to be had; nothing else is to be asked. */
static bool
find_exchangers(struct search *search, const char *domain)
{
	struct probe_plan *plan = search->plan;
	struct resolver_reply reply;
	struct err err = { 0 };
	enum resolver_answer answer = resolver_ask(search->resolver, domain, RESOLVER_MX, &reply, &err);
	bool done = answer != RESOLVER_NONE;

	if (answer == RESOLVER_FAILED) {
		log_warn("%s", err.text);
		done = !search->settings->policy.ignore_mx_lookup_error;
		if (done)
			give_up_name(plan, FOUND_LATER, domain, "MX");
	} else if (done) {
		struct probe_mx mx = { 0 };

		probe_mx_read(&mx, &reply);
		plan->mx = answer == RESOLVER_SECURE ? POLICY_MX_SECURE : POLICY_MX_INSECURE;
		plan->mx_qname = alloc_string(domain);
		plan->mx_rname = alloc_string(reply.canonical);
		if (is_null(&mx))
			give_up(plan, "5.1.0",
			    alloc_printf("Domain %s does not accept mail (nullMX)", search->target->domain));
		else
			add_exchangers(search, &mx);
		probe_mx_release(&mx);
	}
	resolver_reply_release(&reply);
	return done;
}

/* --- all together --- */

static void
add_socket(struct search *search)
{
	struct probe_server *server = add_server(search->plan);
	struct sockaddr_un raw = { .sun_family = AF_UNIX };

	server->host = alloc_string(search->settings->policy.myhostname);
	server->rname = alloc_string(server->host);
	server->address = alloc_string(search->target->path);
	strncpy(raw.sun_path, search->target->path, sizeof raw.sun_path - 1);
	memcpy(&server->raw, &raw, sizeof raw);
	server->raw_len = sizeof raw;
}

static void
search_names(struct search *search)
{
	char *domain = idna_to_ascii(search->target->domain);
	bool done = false;

	choose_families(search);
	if (search->target->exchangers && search->resolver)
		done = find_exchangers(search, domain);
	if (!done) {
		enum found found = add_addresses(search, search->target->domain, PROBE_PLAN_NO_PREFERENCE);

		if (found != FOUND_SOME)
			give_up_name(search->plan, found, domain, "A");
	}
	free(domain);
}

static void
release_server(struct probe_server *server)
{
	free(server->host);
	free(server->qname);
	free(server->rname);
	free(server->address);
}

/* Those that the client would not try. */
static void
apply_limit(struct probe_plan *plan, int limit)
{
	size_t keep = (size_t)limit;

	if (limit <= 0 || plan->count <= keep)
		return;
	log_info("%zu of %zu addresses are left out: smtp_mx_address_limit = %d", plan->count - keep,
	    plan->count, limit);
	while (plan->count > keep)
		release_server(&plan->server[--plan->count]);
}

void
probe_plan_make(struct probe_plan *plan, const struct probe_target *target,
    const struct probe_settings *settings, struct resolver *resolver)
{
	struct search search = {
		.plan = plan,
		.target = target,
		.settings = settings,
		.resolver = resolver,
	};

	*plan = (struct probe_plan){ .mx = POLICY_MX_UNKNOWN };
	if (target->path)
		add_socket(&search);
	else
		search_names(&search);
	apply_limit(plan, settings->mx_address_limit);
	if (plan->count > 0) {
		free(plan->dsn);
		free(plan->reason);
		plan->dsn = plan->reason = NULL;
	}
}

void
probe_plan_release(struct probe_plan *plan)
{
	for (size_t i = 0; i < plan->count; i++)
		release_server(&plan->server[i]);
	free(plan->server);
	free(plan->mx_qname);
	free(plan->mx_rname);
	free(plan->dsn);
	free(plan->reason);
	*plan = (struct probe_plan){ 0 };
}
