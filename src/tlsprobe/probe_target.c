/* SPDX-License-Identifier: ISC */
#include "tlsprobe/probe_target.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tls/idna.h"
#include "tlspolicy/policy_destination.h"
#include "util/alloc.h"
#include "util/err.h"
#include "util/text.h"

enum { PORT_LIMIT = 65535 };

static bool
is_socket(const char *destination)
{
	return strncmp(destination, "unix:", 5) == 0;
}

const char *
probe_target_client(const char *destination)
{
	return is_socket(destination) || strncmp(destination, "inet:", 5) == 0 ? "lmtp" : "smtp";
}

static bool
is_address(const char *name)
{
	unsigned char bytes[sizeof(struct in6_addr)];

	if (strncasecmp(name, "ipv6:", 5) == 0)
		return inet_pton(AF_INET6, name + 5, bytes) == 1;
	return inet_pton(AF_INET, name, bytes) == 1 || inet_pton(AF_INET6, name, bytes) == 1;
}

static bool
is_name(const char *name)
{
	char *ascii;
	bool valid;

	if (!text_is_utf8(name, strlen(name)))
		return false;
	ascii = idna_to_ascii(name);
	valid = policy_destination_valid_hostname(ascii);
	free(ascii);
	return valid;
}

/* Behind the last colon is a port, so an IPv6 address without brackets has lost its end. */
static int
refuse(const char *text, struct err *err)
{
	return is_address(text)
		   ? err_set(err,
			 "valid hostname or network address required in server description: %s; "
			 "this address is written [%s]",
			 text, text)
		   : err_set(
			 err, "valid hostname or network address required in server description: %s", text);
}

/* An address has no mail exchangers, with brackets or without. */
static int
split(struct probe_target *target, const char *text, struct err *err)
{
	const char *end = *text == '[' ? strchr(text, ']') : strrchr(text, ':');

	if (*text == '[') {
		if (!end)
			return err_set(err, "missing \"]\" in server description: %s", text);
		if (end[1] != '\0' && end[1] != ':')
			return err_set(err, "garbage after \"]\" in server description: %s", text);
		target->domain = alloc_string_n(text + 1, (size_t)(end - text - 1));
		end = end[1] == ':' ? end + 1 : NULL;
		target->exchangers = false;
	} else {
		target->domain = end ? alloc_string_n(text, (size_t)(end - text)) : alloc_string(text);
	}
	if (end && end[1])
		target->service = alloc_string(end + 1);
	if (is_address(target->domain))
		target->exchangers = false;
	else if (!is_name(target->domain))
		return refuse(text, err);
	if (strncasecmp(target->domain, "ipv6:", 5) == 0)
		memmove(target->domain, target->domain + 5, strlen(target->domain + 5) + 1);
	return 0;
}

int
probe_target_init(struct probe_target *target, const char *destination, struct err *err)
{
	*target = (struct probe_target){ 0 };
	if (is_socket(destination)) {
		target->path = alloc_string(destination + 5);
		target->domain = alloc_string("");
		return *target->path ? 0
				     : err_set(err, "a pathname is needed behind unix: in %s", destination);
	}
	target->exchangers = strncmp(destination, "inet:", 5) != 0;
	return split(target, target->exchangers ? destination : destination + 5, err);
}

void
probe_target_release(struct probe_target *target)
{
	free(target->domain);
	free(target->path);
	free(target->service);
	*target = (struct probe_target){ 0 };
}

/* known_tcp_ports: "name=name=number, ...". NULL: not there; freed by the caller. */
static char *
known_number(const char *known, const char *service)
{
	const char *item, *name;
	size_t len, name_len;

	while ((item = text_token(&known, TEXT_LIST_SEPARATORS, &len)) != NULL) {
		char *entry = alloc_string_n(item, len), *last = strrchr(entry, '='), *number = NULL;
		const char *names = entry;

		if (last)
			*last = '\0';
		while (last && !number && (name = text_token(&names, "=", &name_len)) != NULL)
			if (name_len == strlen(service) && strncmp(name, service, name_len) == 0)
				number = alloc_string(last + 1);
		free(entry);
		if (number)
			return number;
	}
	return NULL;
}

int
probe_target_find_port(struct probe_target *target, const char *usual, const char *known, struct err *err)
{
	const char *service = target->service ? target->service : usual;
	char *mapped = known_number(known, service);
	struct servent *entry = NULL;
	uint64_t number = 0;
	int result = 0;

	if (text_number(mapped ? mapped : service, PORT_LIMIT, &number) && number > 0)
		target->port = (int)number;
	else if ((entry = getservbyname(service, "tcp")) != NULL)
		target->port = ntohs((uint16_t)entry->s_port);
	else
		result = err_set(err, "unknown service: %s/tcp", service);
	free(mapped);
	return result;
}
