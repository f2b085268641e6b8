#!/bin/sh
# SPDX-License-Identifier: ISC
#
# make install puts every program, page and sample where Postfix's names say, below DESTDIR and nowhere else, and the
# programs are made for those directories.
. "$(dirname "$0")/lib.sh"

root=$TMP/root
(cd "$SEALPOST_TOP" && make B="$SEALPOST_BUILD" install DESTDIR="$root" prefix=/usr/local) >"$TMP/out" 2>&1
ok $? "make install" || diag "$(cat "$TMP/out")"

for program in tlsmgr tlsproxy tlsgate master; do
	check "$program is a daemon" test -x "$root/usr/local/lib/sealpost/sbin/$program"
done
for program in postfix postconf; do
	check "$program is a command" test -x "$root/usr/local/sbin/$program"
done
missing=
for file in "$SEALPOST_BUILD"/bin/*; do
	[ -n "$(find "$root" -name "$(basename "$file")" -type f)" ] || missing="$missing $(basename "$file")"
done
is "$missing" "" "everything built is installed"
missing=
for page in "$SEALPOST_TOP"/man/man*/*.[1-9]; do
	[ -f "$root/usr/local/share/man/$(basename "$(dirname "$page")")/$(basename "$page")" ] || missing="$missing $page"
done
is "$missing" "" "every manual page is installed"
ours=$(sed -n 's/^ours=.*:-\/usr\(.*\)}$/\1/p' "$SEALPOST_TOP/conf/package/postinst")
check "the package's script looks there" test -x "$root/usr/local$ours/postfix-tls-script"
is "$(find "$root" -name '.new.*')" "" "no half-installed file"
is "$(cd "$root" && echo *) $(cd "$root/usr" && echo *)" "usr local" "nothing outside the prefix"

(cd "$SEALPOST_TOP" && make B="$SEALPOST_BUILD" install DESTDIR="$root" prefix=/usr/local) >"$TMP/out" 2>&1
ok $? "again, over what is there" || diag "$(cat "$TMP/out")"

# Other directories at make install than at make before it: the programs know those they are in, also when the build
# directory was spelt differently.
B=$TMP/build
for prefix in /usr/local /opt/sealpost /opt/other; do
	name=$B
	[ $prefix != /opt/other ] || name=$(realpath --relative-to="$SEALPOST_TOP" "$B")
	(cd "$SEALPOST_TOP" && make B="$name" OPT=-O0 prefix=$prefix "$B/bin/postconf") >"$TMP/out" 2>&1
	ok $? "make prefix=$prefix" || diag "$(cat "$TMP/out")"
	is "$("$B/bin/postconf" -c "$TMP" -dh daemon_directory)" $prefix/lib/sealpost/sbin "the default is below $prefix"
done
done_testing
