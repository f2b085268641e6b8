/* SPDX-License-Identifier: ISC */
#include "tls/server_level.h"

#include "tls/level.h"
#include "util/err.h"
#include "util/log.h"

int
server_level_read(const char *param, const char *name, bool use_tls, bool enforce_tls,
    struct server_level *result, struct err *err)
{
	if (!*name) {
		*result = (struct server_level){ .use = use_tls || enforce_tls, .enforce = enforce_tls };
		return 0;
	}

	enum level level = level_from_name(name);
	switch (level) {
	case LEVEL_NONE:
	case LEVEL_MAY:
	case LEVEL_ENCRYPT:
		break;
	case LEVEL_FINGERPRINT:
	case LEVEL_VERIFY:
	case LEVEL_SECURE:
		log_warn("%s: unsupported TLS level \"%s\", using \"encrypt\"", param, name);
		break;
	default:
		return err_set(err, "Invalid TLS level \"%s\"", name);
	}
	*result = (struct server_level){ .use = level >= LEVEL_MAY, .enforce = level >= LEVEL_ENCRYPT };
	return 0;
}
