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

# Under a master, with a source that is not there: real smtpd has TLS with ours; Postfix's tlsmgr is started again and again.
lost='exiting to reopen external entropy source'
ask() { # INSTANCE: a request that waits for its answer
	perl -MIO::Socket::UNIX -e '
		my $c = IO::Socket::UNIX->new(Peer => "$ARGV[0]/spool/private/tlsmgr") or die;
		sysread $c, my $hello, 100; syswrite $c, "request\0seed\0size\0004\0\0"; sysread $c, my $seed, 100;
		print $seed =~ /^status\0000\0seed\0.{8}\0\0$/ ? "seed\n" : "none\n"' "$1"
}
with_master() {
	make_certs "$TMP/certs"
	make_instance ours tlsmgr
	echo "tls_random_source = dev:$I/none" >>"$I/etc/main.cf"
	check "ours under master: starts" start_instance "$I"
	is "$(ask "$I")" seed "ours under master: a seed without the source"
	like "$(printf 'QUIT\r\n' | openssl s_client -starttls smtp -connect "127.0.0.1:$SMTPD_PORT" -ign_eof 2>&1)" \
		'^New, TLSv1' "ours under master: smtpd has TLS"
	logged 1 "$I" "$lost" "ours under master: the log knows it, once"
	make_instance stock ""
	echo "tls_random_source = dev:$I/none" >>"$I/etc/main.cf"
	check "stock under master: starts" start_instance "$I"
	ask "$I" >"$TMP/asked" 2>/dev/null &
	PIDS="$PIDS $!"
	check "stock under master: exits again and again" wait_for log_count_is "$I" "$lost" 3
	is "$(cat "$TMP/asked")" "" "stock under master: nobody is served meanwhile"
}
if [ -n "$stock_pid" ]; then
	with_master >>"$both"
fi

# All in one plan.
awk '/^1\.\./ { next } /^(not )?ok / { n++; sub(/ok [0-9]+/, "ok " n) } { print } END { print "1.." n }' "$both"
[ $ours -eq 0 ] && [ $stock -eq 0 ] && [ $TAP_BAD -eq 0 ]
