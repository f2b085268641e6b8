#!/bin/sh
# SPDX-License-Identifier: ISC
#
# Commands of "postfix tls" that change something do all of it or nothing: killed at every system call that touches a
# file, on a full disk at every size, in a read-only folder, several at once. No key can be read by others at any step, and
# main.cf names no file that is not there. tests/tools/tls-all-or-nothing.pl has the cases.
. "$(dirname "$0")/lib.sh"

need_root
unshare -m true 2>/dev/null || skip_all "no private mount namespace to be had"
command -v openssl >/dev/null || skip_all "needs openssl(1) to look at certificates"
strace -o /dev/null -e trace=unlink -e inject=unlink:signal=KILL:when=1 true 2>/dev/null ||
	skip_all "needs strace, and leave to trace"

mkdir -m 755 "$TMP/work"
unshare -m perl "$SEALPOST_TOP/tests/tools/tls-all-or-nothing.pl" "$(cd "$BIN" && pwd)" "$TMP/work" >"$TMP/out" 2>"$TMP/err"
check "the cases come to an end" [ $? -eq 0 ] || diag "$(cat "$TMP/err")"
while IFS= read -r line; do
	case $line in
	"ok - "*) ok 0 "${line#ok - }" ;;
	"not ok - "*) ok 1 "${line#not ok - }" ;;
	*) diag "$line" ;;
	esac
done <"$TMP/out"
done_testing
