# SPDX-License-Identifier: ISC
#
# tlsmgr by itself, started as master would start it: the protocol byte by byte, caches, ticket keys, randomness,
# clients that misbehave, bad settings. The same checks run against the tlsmgr of an installed Postfix; the differences
# that are meant to be are in one table at the head of tests/tools/tlsmgr-check.pl.

. "$(dirname "$0")/lib.sh"

command -v perl >/dev/null || skip_all "perl is not installed"
perl -MIO::Socket::UNIX -MTime::HiRes -e 1 2>/dev/null || skip_all "perl modules are missing"

# A thousand clients.
ulimit -n 4096 2>/dev/null

both=$TMP/both
perl "$SEALPOST_TOP/tests/tools/tlsmgr-check.pl" "$BIN/tlsmgr" ours >"$both"
ours=$?
stock=0
if [ "$(id -u)" -eq 0 ] && [ -x "$POSTFIX_SBIN/tlsmgr" ] && getent passwd postfix >/dev/null; then
	perl "$SEALPOST_TOP/tests/tools/tlsmgr-check.pl" "$POSTFIX_SBIN/tlsmgr" stock >>"$both"
	stock=$?
fi

# Two runs, one plan.
awk '/^1\.\./ { next } /^(not )?ok / { n++; sub(/ok [0-9]+/, "ok " n) } { print } END { print "1.." n }' "$both"
[ $ours -eq 0 ] && [ $stock -eq 0 ]
