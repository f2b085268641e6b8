# SPDX-License-Identifier: ISC
#
# Session caches of our tlsmgr, for each type of database: what outlives a restart and what does not, both limits, a file
# that another process has locked, a disk that is full and gets room again. The last two from the jail as well.

. "$(dirname "$0")/lib.sh"

command -v perl >/dev/null || skip_all "perl is not installed"
perl -MIO::Socket::UNIX -MTime::HiRes -e 1 2>/dev/null || skip_all "perl modules are missing"

private= mounts=
if [ "$(id -u)" -eq 0 ] && unshare -m --propagation private true 2>/dev/null; then
	private="unshare -m --propagation private" mounts=mounts
fi
$private perl "$SEALPOST_TOP/tests/tools/session-cache-check.pl" "$BIN/tlsmgr" ours $mounts
