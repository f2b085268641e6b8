/* SPDX-License-Identifier: ISC */
/*
 * entropy: the external source of randomness: a device, an EGD server or a file.
 *
 * The service does not depend on it: the library seeds itself from the kernel. So a source that fails is told
 * to the log once for each outage, in the words known from Postfix, and once when it is back. Nothing here
 * waits: a reading goes on from the event loop, and has failed when the source was silent too long.
 */
#ifndef TLSMGR_ENTROPY_H
#define TLSMGR_ENTROPY_H

#include <stdbool.h>

struct entropy;
struct event_base;

/*
 * `source` is "dev:PATH", "egd:PATH", the path of a file, or empty. Opened at once, as the user who calls;
 * what fails is logged. `bytes` is how much one reading asks for. Freed by the caller.
 */
struct entropy *entropy_new(const char *source, int bytes);
void entropy_free(struct entropy *entropy);

/* Called when a reading ended: with success or not. */
typedef void (*entropy_fn)(bool done, void *context);

/*
 * Starts a reading whose bytes are stirred into the generator; there must be none under way, and more to
 * read. A source that is not open is opened by the user this program has become, from where it is. `fn` may
 * be called before this returns. `base` is the same each time.
 */
void entropy_read(struct entropy *entropy, struct event_base *base, entropy_fn fn, void *context);

/* False: there is nothing (more) to read, now and later. */
bool entropy_has_more(const struct entropy *entropy);

#endif
