/* SPDX-License-Identifier: ISC */
#include "postfix-tls/hostnames.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "postfix-tls/findings.h"
#include "postfix-tls/site.h"
#include "tls/idna.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/log.h"

enum { NAME_LIMIT = 254 /* 253 and a final dot */, LABEL_LIMIT = 63 };

bool
hostnames_is_valid(const char *name)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
	size_t len = strlen(name);

	if (len == 0 || len > NAME_LIMIT || strspn(name, allowed) != len)
		return false;
	for (;;) {
		size_t label = strcspn(name, ".");

		if (label == 0 || label > LABEL_LIMIT)
			return false;
		name += label;
		/* One final dot is as good as none. */
		if (!*name || !*++name)
			return true;
	}
}

/* Valid, or so behind "*.". */
static bool
is_pattern(const char *name)
{
	return hostnames_is_valid(strncmp(name, "*.", 2) == 0 ? name + 2 : name);
}

int
hostnames_refuse(const char *name, struct err *err)
{
	struct buf said = BUF_INIT;
	char *converted;

	log_divert(&said);
	converted = idna_to_ascii(name);
	log_divert(NULL);
	buf_release(&said);
	if (strcmp(converted, name) != 0 && is_pattern(converted))
		err_set(err, "bad host name: '%s': in certificates and the DNS it is '%s'", name, converted);
	else
		err_set(err, "bad host name: '%s'", name);
	free(converted);
	return -1;
}

/* What a system is called that nobody has given a name. */
static bool
is_local(const char *name)
{
	size_t len = strcspn(name, ".");
	const char *last = strrchr(name, '.');

	return (len == 9 && strncasecmp(name, "localhost", len) == 0) ||
	       (last && strcasecmp(last, ".localdomain") == 0);
}

void
hostnames_judge(const struct hostnames *hostnames, struct findings *findings)
{
	if (hostnames->primary && is_local(hostnames->primary))
		findings_add(findings, FINDINGS_WARN,
		    "myhostname is %s, which is no name for others: set it to the name in the MX record, or "
		    "give that as an "
		    "argument",
		    hostnames->primary);
}

int
hostnames_init(struct hostnames *hostnames, const struct site *site, int argc, char **argv, struct err *err)
{
	struct buf myhostname = BUF_INIT;
	size_t count = argc > 0 ? (size_t)argc : 1;

	*hostnames = (struct hostnames){ .count = count };
	hostnames->names = alloc_array(count, sizeof *hostnames->names);
	for (int i = 0; i < argc; i++)
		hostnames->names[i] = argv[i];
	if (argc <= 0 || !*argv[0]) {
		if (site_hostname(site, &myhostname, err) < 0)
			goto failed;
		hostnames->primary = buf_detach(&myhostname);
		hostnames->names[0] = hostnames->primary ? hostnames->primary : "";
	}
	for (size_t i = 0; i < count; i++)
		if (!is_pattern(hostnames->names[i])) {
			hostnames_refuse(hostnames->names[i], err);
			goto failed;
		}
	return 0;
failed:
	buf_release(&myhostname);
	hostnames_release(hostnames);
	return -1;
}

void
hostnames_release(struct hostnames *hostnames)
{
	free(hostnames->primary);
	free(hostnames->names);
	*hostnames = (struct hostnames){ 0 };
}
