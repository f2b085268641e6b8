/* SPDX-License-Identifier: ISC */
#include "tlsgate/gate_crowd.h"

#include <netdb.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "mail/address_list.h"
#include "mail/sharedfile.h"
#include "util/alloc.h"
#include "util/err.h"
#include "util/fdio.h"
#include "util/network.h"
#include "util/now.h"
#include "util/siphash.h"

enum {
	SETS = 256,
	WAYS = 8, /* places of a set */
	PROCESSES = 128,
	LAYOUT = 0x53c01, /* changes with struct part */
	SECRET_TRIES = 100,
	SECRET_WAIT_MS = 10,
};

struct place {
	_Atomic uint64_t key; /* hash of the network; 0: free */
	_Atomic int32_t sessions;
	_Atomic int32_t rate;     /* how many began in `window` */
	_Atomic uint32_t window;  /* the time, in units */
	_Atomic uint32_t padding; /* that no compiler puts there */
};

/* What one process counts. */
struct part {
	_Atomic uint32_t layout; /* otherwise nobody ever used it */
	uint32_t padding;
	/* The first part is of no process: here is its key, for all. */
	unsigned char secret[SIPHASH_KEY_LEN];
	struct place places[SETS][WAYS];
};

enum { FILE_SIZE = (PROCESSES + 1) * sizeof(struct part) };

_Static_assert(sizeof(struct place) == 24, "processes of two builds can share a file");

struct gate_crowd {
	struct gate_crowd_limits limits;
	struct part *parts; /* owned; the first one has the secret */
	int count;
	int mine;
	int fd; /* owned; -1: nobody else can see it */
	unsigned char secret[SIPHASH_KEY_LEN];
};

static size_t
offset_of(int number)
{
	return (size_t)number * sizeof(struct part);
}

static bool
has_layout(struct part *part)
{
	return atomic_load(&part->layout) == LAYOUT;
}

static bool
take_part(struct gate_crowd *crowd)
{
	for (int i = 1; i < crowd->count; i++) {
		struct part *part = &crowd->parts[i];

		if (!sharedfile_share(crowd->fd, offset_of(i), sizeof *part))
			continue;
		if (!has_layout(part))
			memset(part, 0, sizeof *part);
		/* Of a process that has ended. */
		for (size_t at = 0; at < (size_t)SETS * WAYS; at++)
			atomic_store(&part->places[at / WAYS][at % WAYS].sessions, 0);
		atomic_store(&part->layout, LAYOUT);
		crowd->mine = i;
		return true;
	}
	return false;
}

/* The first process makes it, which takes no time, and gives the part up again. */
static int
learn_secret(struct gate_crowd *crowd, const char *path, struct err *err)
{
	struct part *first = &crowd->parts[0];
	int tries = 0;

	while (!has_layout(first) && !sharedfile_share(crowd->fd, 0, sizeof *first)) {
		if (++tries > SECRET_TRIES)
			return err_set(err, "%s: locked", path);
		poll(NULL, 0, SECRET_WAIT_MS);
	}
	if (!has_layout(first)) {
		memset(first, 0, sizeof *first);
		if (getrandom(first->secret, sizeof first->secret, 0) != (ssize_t)sizeof first->secret)
			return err_errno(err, "getrandom");
		atomic_store(&first->layout, LAYOUT);
	}
	sharedfile_give(crowd->fd, 0, sizeof *first);
	memcpy(crowd->secret, first->secret, sizeof crowd->secret);
	return 0;
}

static int
share(struct gate_crowd *crowd, const char *path, struct err *err)
{
	crowd->fd = sharedfile_open(path, FILE_SIZE, err);
	if (crowd->fd < 0)
		return -1;
	void *map = mmap(NULL, FILE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, crowd->fd, 0);
	if (map == MAP_FAILED)
		return err_errno(err, "map %s", path);
	crowd->parts = map;
	crowd->count = PROCESSES + 1;
	if (learn_secret(crowd, path, err) < 0)
		return -1;
	if (!take_part(crowd))
		return err_set(err, "%s: more than %d processes", path, PROCESSES);
	return 0;
}

struct gate_crowd *
gate_crowd_new(const char *path, const struct gate_crowd_limits *limits, struct err *err)
{
	struct gate_crowd *crowd = alloc_zero(sizeof *crowd);

	crowd->limits = *limits;
	crowd->fd = -1;
	if (!path) {
		crowd->parts = alloc_zero(sizeof *crowd->parts);
		crowd->count = 1;
		return crowd;
	}
	if (share(crowd, path, err) < 0) {
		gate_crowd_free(crowd);
		return NULL;
	}
	return crowd;
}

void
gate_crowd_free(struct gate_crowd *crowd)
{
	if (!crowd)
		return;
	if (crowd->fd < 0)
		free(crowd->parts);
	else if (crowd->parts)
		munmap(crowd->parts, FILE_SIZE);
	fdio_close(&crowd->fd);
	free(crowd);
}

/* The address out of "[address%scope]:port"; "" if there is none. */
static void
copy_address(char address[NI_MAXHOST], const char *peer)
{
	size_t len = *peer == '[' ? strcspn(++peer, "%]") : 0;

	if (len >= NI_MAXHOST)
		len = 0;
	memcpy(address, peer, len);
	address[len] = '\0';
}

/* Clients without an address are all from the same network. */
static uint64_t
key_of(const struct gate_crowd *crowd, const char *peer)
{
	char address[NI_MAXHOST];
	struct network network;

	copy_address(address, peer);
	if (!network_of_address(address, &network))
		network = (struct network){ .family = AF_UNSPEC };
	network_widen(&network,
	    (unsigned int)(network.family == AF_INET6 ? crowd->limits.ipv6_bits : crowd->limits.ipv4_bits));
	/* Zero is nobody's. */
	return siphash(crowd->secret, &network, sizeof network) | 1;
}

static bool
is_exception(const struct gate_crowd *crowd, const char *peer)
{
	char address[NI_MAXHOST];

	copy_address(address, peer);
	return crowd->limits.exceptions && address_list_has(crowd->limits.exceptions, address);
}

static struct place *
set_of(struct part *part, uint64_t key)
{
	return part->places[(key >> 8) % SETS];
}

static struct place *
find(struct part *part, uint64_t key)
{
	struct place *set = set_of(part, key);

	for (int i = 0; i < WAYS; i++)
		if (atomic_load(&set[i].key) == key)
			return &set[i];
	return NULL;
}

/* Of two that nobody needs now, the one that tells less. */
static bool
is_better(const struct place *a, const struct place *b, uint32_t window)
{
	int32_t rate_a = atomic_load(&a->window) == window ? atomic_load(&a->rate) : 0;
	int32_t rate_b = atomic_load(&b->window) == window ? atomic_load(&b->rate) : 0;

	return rate_a < rate_b;
}

static struct place *
find_or_make(struct part *part, uint64_t key, uint32_t window)
{
	struct place *place = find(part, key), *set = set_of(part, key);

	if (!place) {
		for (int i = 0; i < WAYS; i++)
			if (atomic_load(&set[i].sessions) == 0 &&
			    (!place || is_better(&set[i], place, window)))
				place = &set[i];
		if (!place)
			return NULL;
		/* No other process may take the old numbers for those of the new network. */
		atomic_store(&place->key, 0);
		atomic_store(&place->rate, 0);
		atomic_store(&place->key, key);
	}
	if (atomic_load(&place->window) != window) {
		atomic_store(&place->rate, 0);
		atomic_store(&place->window, window);
	}
	return place;
}

static bool
is_alive(const struct gate_crowd *crowd, int number)
{
	return number == crowd->mine ||
	       sharedfile_is_owned(crowd->fd, offset_of(number), sizeof(struct part));
}

/* Of all processes; asking whether one is alive costs a system call, so that is asked only when it matters.
 */
static int64_t
count_sessions(struct gate_crowd *crowd, uint64_t key, bool only_alive)
{
	int64_t count = 0;

	for (int i = 0; i < crowd->count; i++) {
		struct part *part = &crowd->parts[i];
		struct place *place = i == crowd->mine || has_layout(part) ? find(part, key) : NULL;
		int32_t sessions = place ? atomic_load(&place->sessions) : 0;

		if (sessions > 0 && (!only_alive || is_alive(crowd, i)))
			count += sessions;
	}
	return count;
}

static int64_t
count_rate(struct gate_crowd *crowd, uint64_t key, uint32_t window)
{
	int64_t count = 0;

	for (int i = 0; i < crowd->count; i++) {
		struct part *part = &crowd->parts[i];
		struct place *place = i == crowd->mine || has_layout(part) ? find(part, key) : NULL;

		if (place && atomic_load(&place->window) == window)
			count += atomic_load(&place->rate);
	}
	return count;
}

enum gate_crowd_verdict
gate_crowd_enter(struct gate_crowd *crowd, const char *peer)
{
	const struct gate_crowd_limits *limits = &crowd->limits;

	if (is_exception(crowd, peer))
		return GATE_CROWD_UNCOUNTED;

	uint64_t key = key_of(crowd, peer);
	uint32_t window = (uint32_t)(now_wall() / limits->unit_s);
	struct place *place = find_or_make(&crowd->parts[crowd->mine], key, window);
	enum gate_crowd_verdict verdict = GATE_CROWD_ENTERED;

	if (!place)
		return GATE_CROWD_UNCOUNTED;
	atomic_fetch_add(&place->sessions, 1);
	atomic_fetch_add(&place->rate, 1);
	if (limits->sessions > 0 && count_sessions(crowd, key, false) > limits->sessions &&
	    count_sessions(crowd, key, true) > limits->sessions)
		verdict = GATE_CROWD_FULL;
	else if (limits->rate > 0 && count_rate(crowd, key, window) > limits->rate)
		verdict = GATE_CROWD_FAST;
	if (verdict != GATE_CROWD_ENTERED)
		atomic_fetch_sub(&place->sessions, 1);
	return verdict;
}

void
gate_crowd_leave(struct gate_crowd *crowd, const char *peer)
{
	struct place *place = find(&crowd->parts[crowd->mine], key_of(crowd, peer));

	if (place && atomic_load(&place->sessions) > 0)
		atomic_fetch_sub(&place->sessions, 1);
}
