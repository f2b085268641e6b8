#!/bin/sh
# SPDX-License-Identifier: ISC
#
# Command injection around STARTTLS, and its relatives (CVE-2011-0411, those of 2021 for IMAP and POP3): what somebody in
# the middle adds to a session before TLS is not heard by the back end of the session under TLS, nor answered there. For
# SMTP, IMAP, POP3 and ManageSieve: in one packet, in two at each byte, with every kind of line end, zero bytes, literals,
# lines that are too long; and back ends that say more than they were asked (PREAUTH among them). A relay that forgets to
# forget shows that the cases can succeed.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/gate.sh"

[ -x "$BIN/tlsgate" ] && [ -x "$BIN/tlsproxy" ] && [ -x "$BIN/tlsmgr" ] || skip_all "needs tlsgate, tlsproxy, tlsmgr"
perl -MNet::SSLeay -e 1 2>/dev/null || skip_all "needs libnet-ssleay-perl"
make_certs "$TMP/certs"

injection() {
	timeout 120 perl "$SEALPOST_TOP/tests/tools/starttls-injection.pl" "$@"
}

background() { # PORT ARGUMENT...
	perl "$SEALPOST_TOP/tests/tools/starttls-injection.pl" "$@" >"$TMP/$1.$2.out" 2>&1 &
	PIDS="$PIDS $!"
	wait_for port_open "$3" || diag "$(cat "$TMP/$1.$2.out")"
}

# verdicts FILE: one test a line
verdicts() {
	while read -r verdict_status verdict_name; do
		[ "$verdict_status" = ok ]
		ok $? "$verdict_name"
	done <"$1"
}

make_own_instance gate n
protocols=${P:-"smtp imap pop3 sieve"}
set -- $(free_ports 16)
for protocol in $protocols; do
	eval "server_$protocol=$1 gate_$protocol=$2 naive_$protocol=$3 rude_$protocol=$4"
	shift 4
done
# Processes are not to be made anew in the middle of it.
echo "max_use = 100000" >>"$I/etc/main.cf"
set -- $(free_ports 4)
for protocol in $protocols; do
	eval "gate_line \$gate_$protocol \$server_$protocol"
	echo "  -o tlsgate_protocol=$protocol -o tlsgate_tls_security_level=encrypt"
	eval "gate_line $1 \$rude_$protocol; rude_gate_$protocol=$1"
	echo "  -o tlsgate_protocol=$protocol"
	shift
done >>"$I/etc/master.cf"
"$BIN/postfix" -c "$I/etc" start >"$TMP/start" 2>&1 || { diag "$(cat "$TMP/start")"; ok 1 "start"; done_testing; }
for protocol in $protocols; do
	eval "server=\$server_$protocol gate=\$gate_$protocol naive=\$naive_$protocol rude=\$rude_$protocol"
	eval "rude_gate=\$rude_gate_$protocol"
	: >"$TMP/mode"
	background server $protocol "$server" "$TMP/heard.$protocol"
	background server $protocol "$rude" "$TMP/heard.rude" "$TMP/mode"
	background naive $protocol "$naive" "$server" "$TMP/certs/rsa.crt" "$TMP/certs/rsa.key"
	wait_for port_open "$gate"
	injection attack $protocol "$gate" "$TMP/heard.$protocol" >"$TMP/verdicts" 2>&1
	check "$protocol: all cases have been tried" test $? -eq 0
	verdicts "$TMP/verdicts"
	injection attack $protocol "$naive" "$TMP/heard.$protocol" few >"$TMP/naive.$protocol" 2>&1
	is "$(cut -d ' ' -f 1 "$TMP/naive.$protocol" | sort | uniq -c | tr -s ' ')" " 24 bad
 1 ok" "$protocol: a relay that forgets to forget lets them through" || diag "$(cat "$TMP/naive.$protocol")"
	injection backend $protocol "$rude_gate" "$TMP/mode" >"$TMP/verdicts" 2>&1
	check "$protocol: all back ends have been tried" test $? -eq 0
	verdicts "$TMP/verdicts"
done
done_testing
