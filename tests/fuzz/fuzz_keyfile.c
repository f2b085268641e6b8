/* SPDX-License-Identifier: ISC */
/*
 * fuzz_keyfile: a file of keys and certificates, as "postfix tls" meets it: read, copied, published,
 * deployed.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "postfix-tls/findings.h"
#include "postfix-tls/keyfile.h"
#include "postfix-tls/options.h"
#include "postfix-tls/pairfacts.h"
#include "postfix-tls/postconf.h"
#include "postfix-tls/site.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/file.h"
#include "util/log.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void
drop(enum log_level level, const char *text, void *context)
{
	(void)level, (void)text, (void)context;
}

/* An instance with a name, in a folder that goes at once: main.cf is read only now. */
static const struct site *
instance(void)
{
	static const char text[] = "myhostname = mx.example.test\n";
	static struct site site;
	char directory[] = "/tmp/fuzz_keyfile.XXXXXX";
	char path[64];
	struct err err;

	if (site.postconf)
		return &site;
	if (!mkdtemp(directory))
		log_panic("mkdtemp: %m");
	snprintf(path, sizeof path, "%s/main.cf", directory);
	if (file_create(path, text, sizeof text - 1, 0600, &err) < 0)
		log_panic("%s", err.text);
	site = (struct site){ "/nonexistent", "/nonexistent",
		postconf_new("/nonexistent", directory, true, &err) };
	if (!site.postconf)
		log_panic("%s", err.text);
	unlink(path);
	rmdir(directory);
	log_set_sink(drop, NULL);
	return &site;
}

/* What was read can be written and read again, and is the same key. */
static void
try_key(struct keyfile *key)
{
	struct buf pem = BUF_INIT;
	struct buf digest = BUF_INIT;
	struct err err;

	if (!key)
		return;
	if (keyfile_digest(key, 1, &digest, &err) == 0 && digest.len != 64)
		log_panic("a digest of %zu digits", digest.len);
	if (keyfile_encode(key, KEYFILE_COPY, &pem, &err) == 0 && pem.len == 0)
		log_panic("an empty key");
	keyfile_is_uncommon(key);
	keyfile_free(key);
	buf_release(&digest);
	buf_release_secret(&pem);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	const struct site *site = instance();
	const struct options options = { 0 };
	int fd = memfd_create("input", MFD_CLOEXEC);
	char path[32];
	struct findings findings;
	struct pairfacts facts;
	struct err err;

	if (fd < 0 || write(fd, bytes, len) != (ssize_t)len)
		log_panic("memfd: %m");
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	try_key(keyfile_load(path, &err));
	for (int i = 0; i < SITE_ALGORITHMS; i++)
		try_key(keyfile_load_of(path, (enum keyfile_algorithm)i, &err));
	findings_init(&findings, &options);
	if (pairfacts_check(&facts, site, path, path, false, &findings, &err) == 0 &&
	    strlen(facts.digest) != 64)
		log_panic("a pair without digest");
	findings_release(&findings);
	close(fd);
	return 0;
}
