/* SPDX-License-Identifier: ISC */
#include "tlscheck/pemorder.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "tls/pemfile.h"
#include "tlscheck/finding.h"
#include "util/alloc.h"
#include "util/buf.h"

struct order {
	const struct pemfile *pemfile;
	const char *file;
	size_t without;
	struct buf blocks; /* as awk wants them */
};

static bool
is_of_file(const struct order *order, size_t index)
{
	const struct pemfile_object *object = pemfile_object(order->pemfile, index);

	return index != order->without && !object->der && strcmp(object->file, order->file) == 0;
}

static void
take(struct order *order, size_t index)
{
	buf_printf(&order->blocks, " b[%d]", pemfile_object(order->pemfile, index)->index);
}

/* False: there are several. */
static bool
take_key(struct order *order)
{
	size_t count = pemfile_count(order->pemfile), keys = 0;

	for (size_t i = pemfile_next(order->pemfile, PEMFILE_KEY, 0); i < count;
	     i = pemfile_next(order->pemfile, PEMFILE_KEY, i + 1))
		if (is_of_file(order, i)) {
			take(order, i);
			keys++;
		}
	return keys <= 1;
}

/* pemfile_count() when there is none. */
static size_t
find_leaf(const struct order *order, const char *digest)
{
	size_t count = pemfile_count(order->pemfile), i;

	for (i = pemfile_next(order->pemfile, PEMFILE_CERTIFICATE, 0); i < count;
	     i = pemfile_next(order->pemfile, PEMFILE_CERTIFICATE, i + 1))
		if (is_of_file(order, i) && strcmp(pemfile_object(order->pemfile, i)->digest, digest) == 0)
			break;
	return i;
}

static size_t
find_issuer(const struct order *order, size_t cert)
{
	size_t count = pemfile_count(order->pemfile), i;

	for (i = pemfile_next(order->pemfile, PEMFILE_CERTIFICATE, 0); i < count;
	     i = pemfile_next(order->pemfile, PEMFILE_CERTIFICATE, i + 1))
		if (i != cert && is_of_file(order, i) && !pemfile_object(order->pemfile, i)->self_signed &&
		    pemfile_is_issuer(order->pemfile, i, cert))
			break;
	return i;
}

/* A link stays one: the file it leads to is written. Mode and owner stay, too. */
static void
mend(struct finding *found, const char *file, const char *blocks)
{
	char *real = realpath(file, NULL), *quoted = finding_quote(real ? real : file);
	char *beside = alloc_printf("%s.new", real ? real : file), *new = finding_quote(beside);

	finding_mend(found, "cp -p %s %s", quoted, new);
	finding_mend(found, "awk '/-----BEGIN /{n++} {b[n]=b[n] $0 \"\\n\"} END{printf \"%%s\",%s}' %s >%s",
	    blocks, quoted, new);
	finding_mend(found, "mv %s %s", new, quoted);
	free(new);
	free(beside);
	free(quoted);
	free(real);
}

void
pemorder_mend(struct finding *found, const struct pemfile *pemfile, const char *file, const char *digest,
    size_t without)
{
	struct order order = { .pemfile = pemfile, .file = file, .without = without };
	size_t count = pemfile_count(pemfile), cert = find_leaf(&order, digest);

	if (take_key(&order) && cert < count) {
		/* Two authorities can have issued each other's certificates. */
		for (size_t i = 0; cert < count && i < count; i++) {
			take(&order, cert);
			cert = find_issuer(&order, cert);
		}
		mend(found, file, buf_str(&order.blocks));
	}
	buf_release(&order.blocks);
}
