#!/bin/sh
# SPDX-License-Identifier: ISC
#
# Settings of the old TLS interface that no other test names, with real smtpd and smtp beside our tlsproxy and tlsmgr; and
# the table tests/legacy-sections.tsv: every setting of that interface has a test that names it.
. "$(dirname "$0")/lib.sh"

# --- the table ---

table=$SEALPOST_TOP/tests/legacy-sections.tsv
missing=$(grep -v '^#' "$table" | while IFS='	' read -r section setting test; do
	[ -n "$section" ] && [ -n "$setting" ] && [ -n "$test" ] || echo "not three columns: $section"
	grep -qw -- "$setting" "$SEALPOST_TOP/tests/$test" 2>/dev/null || echo "$section: $test does not name $setting"
	case $test in
	integration/*.t | unit/*.c) ;;
	tools/*) grep -rqw "${test#tools/}" "$SEALPOST_TOP/tests/integration" || echo "$test: run by no test" ;;
	*) echo "$test: no test" ;;
	esac
done)
is "$missing" "" "each setting of the old interface has a test that names it"
[ "$(grep -vc '^#' "$table")" -gt 60 ]
ok $? "the table is read"

# --- settings ---

if [ "$(id -u)" -ne 0 ] || [ ! -x $POSTFIX_SBIN/master ]; then
	skip "needs root and Debian's postfix package" "settings beside a real Postfix"
	done_testing
fi
make_certs "$TMP/certs"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$TMP/certs/client.key" \
	-out "$TMP/certs/client.crt" -days 30 -subj /CN=dcert.example.test 2>/dev/null
make_instance legacy "tlsproxy tlsmgr"
set -- $(free_ports 4)
wrapped=$1 impatient=$2 asking=$3 silent=$4
cat >>"$I/etc/main.cf" <<CONF
smtp_tls_connection_reuse = yes
smtp_tls_dcert_file = $TMP/certs/client.crt
smtp_tls_dkey_file = $TMP/certs/client.key
transport_maps = inline:{ asking.test=smtp:[127.0.0.1]:$asking, silent.test=hurried:[127.0.0.1]:$silent }
virtual_alias_maps =
CONF
cat >>"$I/etc/master.cf" <<CONF
127.0.0.1:$wrapped inet n - n - - smtpd
  -o smtpd_tls_wrappermode=yes
127.0.0.1:$impatient inet n - n - - smtpd
  -o smtpd_starttls_timeout=1s
hurried unix - - n - - smtp
  -o smtp_starttls_timeout=2s
127.0.0.1:$asking inet n - n - - smtpd
  -o smtpd_tls_ask_ccert=yes -o virtual_mailbox_domains=asking.test -o mydestination=
  -o smtpd_delay_open_until_valid_rcpt=no -o smtpd_relay_restrictions=reject
CONF
# Says that it is ready for TLS, and then nothing.
perl -MIO::Socket::INET -e '
	my $l = IO::Socket::INET->new(Listen => 10, ReuseAddr => 1, LocalAddr => "127.0.0.1", LocalPort => $ARGV[0]) or die;
	$SIG{CHLD} = "IGNORE";
	while (1) {
		my $s = $l->accept or next;
		next if fork;
		print $s "220 silent.test ESMTP\r\n";
		while (<$s>) { print $s /^EHLO/ ? "250-silent.test\r\n250 STARTTLS\r\n" : "220 ready\r\n"; last if /^STARTTLS/ }
		1 while sysread($s, my $bytes, 4096);
		exit;
	}' "$silent" >"$TMP/silent" 2>&1 &
PIDS="$PIDS $!"
wait_for port_open "$silent"
start_instance "$I" || { ok 1 "start"; done_testing; }
wait_for port_open "$wrapped"

like "$(printf 'EHLO c\r\nQUIT\r\n' | timeout 60 openssl s_client -connect "127.0.0.1:$wrapped" -quiet 2>/dev/null)" \
	'^220 ' "smtpd_tls_wrappermode: TLS from the first byte"

hung_up=$(timeout 30 perl -MIO::Socket::INET -e '
	my $s = IO::Socket::INET->new(PeerAddr => "127.0.0.1", PeerPort => $ARGV[0]) or die;
	<$s>;
	print $s "STARTTLS\r\n";
	print scalar <$s>;
	1 while sysread($s, my $bytes, 100);
	print "closed\n"' "$impatient" | tr -d '\r')
like "$hung_up" '^closed$' "smtpd_starttls_timeout: who says STARTTLS and then nothing is let go"
check "smtpd_starttls_timeout: that is logged" wait_for log_has "$I" 'lost connection after STARTTLS from'

send() { # RECIPIENT
	printf 'Subject: x\n\nhello\n' | /usr/sbin/sendmail -C "$I/etc" -f a@example.test "$1"
}
send joe@asking.test
check "smtp_tls_dcert_file, smtp_tls_dkey_file: the certificate is shown by tlsproxy" wait_for log_has "$I" \
	'smtpd.*TLS connection established from [^:]*: TLSv1.* client-signature ECDSA'
send joe@silent.test
check "smtp_starttls_timeout: a server that says nothing under TLS is left" wait_for log_has "$I" \
	'to=<joe@silent\.test>.*status=deferred'
check "smtp_starttls_timeout: which tlsproxy says" wait_for log_has "$I" "tlsproxy.*warning: .*timeout for \[127\.0\.0\.1\]:$silent"
unlike "$(cat "$I/log/maillog")" 'throttling|panic|fatal|killed by signal|exit status' "no daemon died"
stop_instance "$I"
done_testing
