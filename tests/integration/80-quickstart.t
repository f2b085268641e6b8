#!/bin/sh
# SPDX-License-Identifier: ISC
#
# quickstart from end to end, as root and as an ordinary user: an instance, a message over TLS, the words that say
# how to stop it, and nothing left when that was done.
. "$(dirname "$0")/lib.sh"

# processes_in FOLDER: master and whatever it started for this folder, by their MAIL_CONFIG.
processes_in() {
	grep -lzs "^MAIL_CONFIG=$1" /proc/[0-9]*/environ | sed 's,/environ$,,'
}

# What a failed quickstart, or a stop that does not work, left running.
end_all() {
	for process in $(processes_in "$TMP"); do
		kill -9 "${process#/proc/}" 2>/dev/null
	done
	cleanup
}
trap end_all EXIT

none_in() {
	[ -z "$(processes_in "$1")" ]
}

try() { # NAME FOLDER COMMAND...
	name=$1 folder=$2
	shift 2
	"$@" >"$TMP/out" 2>&1
	ok $? "$name: quickstart" || { diag "$(cat "$TMP/out")"; return; }
	out=$(cat "$TMP/out")
	like "$out" 'A message went through: 250' "$name: a message is accepted"
	like "$out" 'protocol +TLSv1\.3' "$name: the protocol is shown"
	like "$out" 'cipher +TLS_' "$name: the cipher is shown"
	like "$out" 'TLSA record .*IN TLSA 3 1 1 [0-9a-fA-F]{64}' "$name: the TLSA record is shown"
	port=$(printf '%s\n' "$out" | sed -n 's/.*-connect 127.0.0.1:\([0-9]*\).*/\1/p')
	check "$name: somebody listens" port_open "$port"
	unlike "$(cat "$folder/log/maillog")" '(warning|error|fatal|panic):' "$name: the log holds no complaint"
	stop=$(printf '%s\n' "$out" | sed -n 's/^ *stop  *//p')
	$as_user $stop >"$TMP/stop" 2>&1
	ok $? "$name: stop" || diag "$(cat "$TMP/stop")"
	check "$name: no process is left" wait_for none_in "$folder" || diag "$(processes_in "$folder")"
	check "$name: nobody listens" sh -c "! perl -MIO::Socket::INET -e 'exit !IO::Socket::INET->new(PeerAddr => \"127.0.0.1\", PeerPort => $port)'"
}

SEALPOST_BUILD=$SEALPOST_BUILD
export SEALPOST_BUILD
as_user=
try "$([ "$(id -u)" -eq 0 ] && echo root || echo user)" "$TMP/first" sh "$SEALPOST_TOP/quickstart" "$TMP/first"

if [ "$(id -u)" -ne 0 ]; then
	skip "is not root" "another user"
elif ! command -v setpriv >/dev/null; then
	skip "no setpriv" "another user"
else
	# The user has a copy: the build may be where he cannot read.
	mkdir -p "$TMP/copy/build" "$TMP/user"
	cp -R "$SEALPOST_TOP/quickstart" "$SEALPOST_TOP/tools" "$TMP/copy/"
	cp -R "$SEALPOST_BUILD/bin" "$TMP/copy/build/"
	chown -R nobody "$TMP/user" "$TMP/copy"
	SEALPOST_BUILD=$TMP/copy/build
	as_user="setpriv --reuid nobody --regid nogroup --clear-groups"
	try "nobody" "$TMP/user/instance" $as_user sh "$TMP/copy/quickstart" "$TMP/user/instance"
fi

# A machine that never had Postfix does not know its users.
if [ "$(id -u)" -ne 0 ]; then
	skip "needs root" "without Postfix's users"
elif ! unshare -m true 2>/dev/null; then
	skip "no mount namespaces here" "without Postfix's users"
else
	grep -v '^postfix:' /etc/passwd >"$TMP/passwd"
	grep -Ev '^(postfix|postdrop):' /etc/group >"$TMP/group"
	cat >"$TMP/stranger" <<-'SH'
	mount --bind "$TMP/passwd" /etc/passwd && mount --bind "$TMP/group" /etc/group && exec "$@"
	SH
	export TMP
	as_user="unshare -m sh $TMP/stranger"
	try "no postfix" "$TMP/third" $as_user sh "$SEALPOST_TOP/quickstart" "$TMP/third"
fi

mkdir "$TMP/full"
touch "$TMP/full/file"
said=$(sh "$SEALPOST_TOP/quickstart" "$TMP/full" 2>&1)
is "$?" 1 "a folder with something in it is refused"
like "$said" 'FAILED: .* is not empty' "and the reason is given"
is "$(ls -A "$TMP/full")" file "it is left as it was"

cd "$TMP/full" || exit 1
for wrong in -h '--help' 'one two'; do
	said=$(sh "$SEALPOST_TOP/quickstart" $wrong 2>&1)
	is "$? $said" "64 usage: sh quickstart [FOLDER]" "arguments: $wrong"
done
said=$(sh "$SEALPOST_TOP/quickstart" "a blank" 2>&1)
is "$? $said" "1 quickstart: FAILED: the folder of the instance has a blank in its name: $TMP/full/a blank" \
	"a folder with a blank is refused"
if [ "$(id -u)" -ne 0 ]; then
	skip "needs root" "a folder the daemons cannot enter"
else
	mkdir -m 700 "$TMP/closed"
	said=$(sh "$SEALPOST_TOP/quickstart" "$TMP/closed/instance" 2>&1)
	is "$?" 1 "a folder the daemons cannot enter is refused"
	like "$said" 'FAILED: user [a-z]+, who runs the daemons, may not enter' "and the reason is given"
fi
is "$(ls -A)" file "none of them makes anything"
done_testing
