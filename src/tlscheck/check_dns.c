/* SPDX-License-Identifier: ISC */
/*
 * check_dns: TLSA records of the server, as the DNS has them, against the keys it serves.
 */
#include "tlscheck/check_impl.h"

void
check_dns(struct check *check)
{
	if (!check->site->dns)
		return;
}
