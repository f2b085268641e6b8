# SPDX-License-Identifier: ISC
#
# tlsmgr and randomness: devices, EGD servers and files that are missing, short, slow, or vanish; the exchange file in every
# state; bad settings. The same script runs against the tlsmgr of an installed Postfix. Differences that are meant:
#
#   a source fails              Postfix exits and is started once per second, nobody is served
#                               ours says the same lines once, serves, tries again, and says when it is back
#   a FIFO without writer       Postfix hangs at the start; to ours it is a source that fails
#   an EGD answer in pieces     Postfix takes the first piece for all there is, and fails; ours gathers, within 10 s
#   exchange file removed       Postfix exits; ours says the same line and makes a new one
#   exchange file not usable    Postfix is fatal; ours warns, serves and tries again
#   exchange file locked        Postfix hangs; ours serves and tries again

. "$(dirname "$0")/lib.sh"

command -v perl >/dev/null || skip_all "perl is not installed"
perl -MIO::Socket::UNIX -MTime::HiRes -e 1 2>/dev/null || skip_all "perl modules are missing"

both=$TMP/both
private= mounts= stock_pid=
if [ "$(id -u)" -eq 0 ] && unshare -m --propagation private true 2>/dev/null; then
	private="unshare -m --propagation private" mounts=mounts
fi
stock=0
if [ "$(id -u)" -eq 0 ] && [ -x "$POSTFIX_SBIN/tlsmgr" ] && getent passwd postfix >/dev/null; then
	$private perl "$SEALPOST_TOP/tests/tools/entropy-check.pl" "$POSTFIX_SBIN/tlsmgr" stock $mounts >"$both.stock" &
	stock_pid=$!
	PIDS="$PIDS $stock_pid"
fi
$private perl "$SEALPOST_TOP/tests/tools/entropy-check.pl" "$BIN/tlsmgr" ours $mounts >"$both"
ours=$?
if [ -n "$stock_pid" ]; then
	wait "$stock_pid"
	stock=$?
	PIDS=
	cat "$both.stock" >>"$both"
fi

# Two runs, one plan.
awk '/^1\.\./ { next } /^(not )?ok / { n++; sub(/ok [0-9]+/, "ok " n) } { print } END { print "1.." n }' "$both"
[ $ours -eq 0 ] && [ $stock -eq 0 ]
