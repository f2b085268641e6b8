#!/bin/sh
# SPDX-License-Identifier: ISC
#
# "postfix tls" under the installed postfix(1), with our script and helper in place of its own, must give
# what the vectors record, but for the differences that are listed with their reasons. The installed
# command, replayed by the same runner, must give all of it (a few cases; all with SEALPOST_STOCK=all).
# Everything happens in a mount namespace of its own.
. "$(dirname "$0")/lib.sh"

need_postfix
unshare -m -u true 2>/dev/null || skip_all "no private mount namespace to be had"
command -v openssl >/dev/null || skip_all "needs openssl(1) to look at certificates"
[ "$(/usr/sbin/postconf -dh mail_version)" = 3.7.11 ] || skip_all "the vectors are of Postfix 3.7.11"

VECTORS=$SEALPOST_TOP/tests/vectors/postfix-tls

replay() { # NAME BIN [CASE...]
	name=$1 bin=$2
	shift 2
	mkdir "$TMP/$name"
	chmod 755 "$TMP/$name"
	unshare -m -u perl "$SEALPOST_TOP/tests/tools/postfix-tls-replay.pl" "$VECTORS" "$TMP/$name" "$bin" \
		"$VECTORS/intended-differences" "$@" >"$TMP/$name.tap" 2>&1
	ok $? "$name: $(tail -n 1 "$TMP/$name.tap" | sed 's/^# //')" || diag "$(grep -v '^ok' "$TMP/$name.tap")"
}

replay ours "$(cd "$BIN" && pwd)"
if [ "$SEALPOST_STOCK" = all ]; then
	replay installed -
else
	replay installed - enable-client-fresh enable-server-fresh enable-server-disk-4k new-server-cert-rsa \
		deploy-commented csr-default-rsa tlsa-missing-second general-default-instance
fi
done_testing
