# SPDX-License-Identifier: ISC
#
# Session caches when our tlsmgr takes the place of Postfix's, and the other way round, for each type of database: ours
# goes on with the sessions of Postfix's, however that ended, a little at a time; Postfix's empties our file. Its own
# requests fill the caches of each.

. "$(dirname "$0")/lib.sh"
need_postfix
perl -MIO::Socket::UNIX -MTime::HiRes -e 1 2>/dev/null || skip_all "perl modules are missing"

# Postfix flushes at each change, and a disk takes its time for that.
[ ! -w /dev/shm ] || export TMPDIR=/dev/shm
private= mounts=
if unshare -m --propagation private true 2>/dev/null; then
	private="unshare -m --propagation private" mounts=mounts
fi
$private perl "$SEALPOST_TOP/tests/tools/takeover-check.pl" "$BIN/tlsmgr" ours $POSTFIX_SBIN/tlsmgr $mounts
