/* SPDX-License-Identifier: ISC */
#include "tlspolicy/policy_destination.h"

#include <stdlib.h>
#include <string.h>

#include "tls/idna.h"
#include "util/alloc.h"
#include "util/text.h"

enum { NAME_LIMIT = 255, LABEL_LIMIT = 63 };

/* The part of "[name]:port", "[name]", "name:port" or "name" that is the name. */
static char *
name_of(struct policy_destination *destination)
{
	const char *key = destination->key;
	const char *end;

	if (*key == '[') {
		end = strchr(key, ']');
		destination->in_brackets = true;
		destination->has_port = end && end[1] == ':';
		return end ? alloc_string_n(key + 1, (size_t)(end - key - 1)) : alloc_string(key + 1);
	}
	end = strrchr(key, ':');
	destination->has_port = end != NULL;
	return end ? alloc_string_n(key, (size_t)(end - key)) : alloc_string(key);
}

void
policy_destination_init(
    struct policy_destination *destination, const char *nexthop, const char *host, const char *myhostname)
{
	const char *implied;

	*destination = (struct policy_destination){ .host_is_given = host != NULL };
	destination->is_socket = strncmp(nexthop, "unix:", 5) == 0;
	if (destination->is_socket || strncmp(nexthop, "inet:", 5) == 0)
		nexthop += 5;
	destination->key = alloc_string(nexthop);
	destination->domain = destination->is_socket ? alloc_string(myhostname) : name_of(destination);
	implied = destination->is_socket ? myhostname : destination->domain;
	destination->host = alloc_string(host ? host : implied);
}

void
policy_destination_release(struct policy_destination *destination)
{
	free(destination->key);
	free(destination->domain);
	free(destination->host);
	*destination = (struct policy_destination){ 0 };
}

bool
policy_destination_valid_hostname(const char *name)
{
	static const char label_bytes[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";
	size_t total = strlen(name);

	if (total == 0 || total > NAME_LIMIT || strspn(name, "0123456789.") == total)
		return false;
	for (const char *label = name; label; label = strchr(label, '.')) {
		label += label != name;
		size_t len = strcspn(label, ".");

		if (len == 0 || len > LABEL_LIMIT || strspn(label, label_bytes) < len)
			return false;
		if (label[0] == '-' || label[len - 1] == '-')
			return false;
	}
	return true;
}

bool
policy_destination_is_name(const struct policy_destination *destination, bool utf8)
{
	const char *key = destination->key;
	char *ascii;
	bool valid;

	if (destination->is_socket)
		return false;
	if (!utf8 || !text_is_utf8(key, strlen(key)))
		return policy_destination_valid_hostname(key);
	ascii = idna_to_ascii(key);
	valid = policy_destination_valid_hostname(ascii);
	free(ascii);
	return valid;
}
