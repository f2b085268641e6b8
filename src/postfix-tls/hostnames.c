/* SPDX-License-Identifier: ISC */
#include "postfix-tls/hostnames.h"

#include <stdlib.h>
#include <string.h>

#include "postfix-tls/site.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/err.h"

enum { NAME_LIMIT = 254 /* 253 and a final dot */, LABEL_LIMIT = 63 };

bool
hostnames_is_valid(const char *name)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.*";
	size_t len = strlen(name);

	if (len == 0 || len > NAME_LIMIT || strspn(name, allowed) != len)
		return false;
	for (const char *label = name; label; label = strchr(label, '.')) {
		label += *label == '.';
		if (strcspn(label, ".") > LABEL_LIMIT)
			return false;
	}
	return true;
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
		if (!hostnames_is_valid(hostnames->names[i])) {
			err_set(err, "bad host name: '%s'", hostnames->names[i]);
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
