#!/bin/sh
# SPDX-License-Identifier: ISC
#
# tlsgate and real smtpd, asked the same: what is offered, said and refused at each TLS level; who may relay by its
# certificate, and who may not, where the gate hands its verdict on by XCLIENT or by another listener; certificates that are
# required. The back end learns the client's address, nobody but the gate may say XCLIENT, and a back end that cannot be told is
# not used.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/gate.sh"

need_postfix
[ -x "$BIN/tlsgate" ] && [ -x "$BIN/tlsproxy" ] && [ -x "$BIN/tlsmgr" ] || skip_all "needs tlsgate, tlsproxy, tlsmgr"
[ -n "$(find /usr/lib -name 'libplain.so*' -path '*sasl2*' 2>/dev/null | head -n 1)" ] || skip_all "needs libsasl2-modules"

C=$TMP/certs
make_certs "$C"
openssl req -x509 -newkey rsa:2048 -nodes -keyout "$C/ca.key" -out "$C/ca.crt" -days 30 -subj "/CN=Test CA" 2>/dev/null
# client NAME [known]: a client's certificate of that name, by the authority if it is known, else self-signed.
client() {
	if [ "${2:-}" = known ]; then
		openssl req -newkey rsa:2048 -nodes -keyout "$C/$1.key" -out "$C/$1.csr" -subj "/CN=$1.example.org" 2>/dev/null
		openssl x509 -req -in "$C/$1.csr" -CA "$C/ca.crt" -CAkey "$C/ca.key" -CAcreateserial -days 30 -out "$C/$1.crt" 2>/dev/null
	else
		openssl req -x509 -newkey rsa:2048 -nodes -keyout "$C/$1.key" -out "$C/$1.crt" -days 30 -subj "/CN=$1.example.org" 2>/dev/null
	fi
}
print_of() { # NAME
	openssl x509 -in "$C/$1.crt" -noout -fingerprint -sha256 | sed 's/.*=//'
}
key_print_of() { # NAME
	openssl x509 -in "$C/$1.crt" -noout -pubkey | openssl pkey -pubin -outform DER | sha256sum | cut -c 1-64 | sed 's/../&:/g; s/:$//'
}
client listed known
client keyed known
client other known
client stranger
client outsider
{
	print_of listed | tr A-F a-f
	key_print_of keyed
	print_of stranger
} | sed 's/$/ x/' >"$TMP/relay"
{
	echo "$(print_of listed) REJECT certmatch"
	echo "$(key_print_of keyed) REJECT"
	echo "$(print_of keyed) OK"
	echo "$(print_of stranger) 450 4.7.2 later"
} >"$TMP/access"
chmod 644 "$TMP/relay" "$TMP/access"

make_instance rules "tlsgate tlsproxy tlsmgr"
cat >>"$I/etc/main.cf" <<CONF
smtpd_tls_ask_ccert = yes
smtpd_tls_CAfile = $C/ca.crt
relay_clientcerts = texthash:$TMP/relay
smtpd_relay_restrictions = reject
smtpd_delay_reject = yes
CONF

PORTS=$(free_ports 48)
port() { # NAME: takes one, as $NAME
	set -- "$1" $PORTS
	eval "$1=$2"
	shift 2
	PORTS=$*
}

smtpd_line() { # PORT [OPTION...]
	echo "127.0.0.1:$1 inet n - n - - smtpd"
	shift
	[ $# -eq 0 ] || printf '  -o %s\n' "$@"
}

# What Postfix recommends, and from release 3.9 on does.
strict='smtpd_forbid_bare_newline=normalize smtpd_forbid_bare_newline_exclusions='

# Where a gate sends its clients: told takes XCLIENT and lets those relay who have logged in.
for name in inner taking told untold closed open; do
	port $name
done
{
	smtpd_line "$inner" smtpd_tls_security_level=none smtpd_sasl_auth_enable=yes
	smtpd_line "$taking" smtpd_tls_security_level=none '{ smtpd_relay_restrictions = permit_mynetworks, reject }' $strict
	smtpd_line "$told" smtpd_tls_security_level=none smtpd_authorized_xclient_hosts=127.0.0.1 smtpd_sasl_auth_enable=yes \
		'{ smtpd_relay_restrictions = permit_sasl_authenticated, reject }'
	smtpd_line "$untold" smtpd_tls_security_level=none
	smtpd_line "$closed" smtpd_tls_security_level=none smtpd_upstream_proxy_protocol=haproxy
	smtpd_line "$open" smtpd_tls_security_level=none smtpd_upstream_proxy_protocol=haproxy \
		'{ smtpd_relay_restrictions = check_client_access static:OK, reject }'
	echo "tlsrequire unix - - n - 0 tlsproxy"
	printf '  -o %s\n' tlsproxy_tls_security_level=encrypt tlsproxy_tls_req_ccert=yes
	echo "tlsother unix - - n - 0 tlsproxy"
	echo "  -o tlsproxy_tls_CAfile=$C/outsider.crt"
} >>"$I/etc/master.cf"

# pair NAME BACKEND OPTION...: smtpd itself at $smtpd_NAME, and a gate at $gate_NAME. Options that begin with smtpd_ are
# for the first, others for the second.
pair() {
	pair_name=$1 pair_backend=$2
	shift 2
	port "smtpd_$pair_name"
	port "gate_$pair_name"
	eval "smtpd_line \$smtpd_$pair_name" >"$TMP/smtpd.line"
	eval "gate_line \$gate_$pair_name $pair_backend" >"$TMP/gate.line"
	for option; do
		case $option in
		smtpd_* | '{ smtpd_'*) printf '  -o %s\n' "$option" >>"$TMP/smtpd.line" ;;
		*) printf '  -o %s\n' "$option" >>"$TMP/gate.line" ;;
		esac
	done
	cat "$TMP/smtpd.line" "$TMP/gate.line" >>"$I/etc/master.cf"
}

n=0
levels="empty:no:no empty:yes:no empty:no:yes none:yes:yes may:no:no encrypt:no:no verify:no:no"
for row in $levels; do
	n=$((n + 1))
	level=${row%%:*} use=${row#*:} enforce=${row##*:}
	use=${use%:*}
	[ "$level" != empty ] || level=
	pair level$n "$inner" "smtpd_tls_security_level=$level" "smtpd_use_tls=$use" "smtpd_enforce_tls=$enforce" \
		"tlsgate_tls_security_level=$level" "tlsgate_use_tls=$use" "tlsgate_enforce_tls=$enforce"
done
pair auth_only "$inner" smtpd_sasl_auth_enable=yes smtpd_tls_auth_only=yes tlsgate_tls_auth_only=yes
for rule in permit_tls_clientcerts permit_tls_all_clientcerts; do
	pair $rule "$told" smtpd_sasl_auth_enable=yes "{ smtpd_relay_restrictions = $rule, reject }" \
		tlsgate_client_restrictions=$rule tlsgate_backend_xclient=yes
done
pair check "$told" "{ smtpd_client_restrictions = check_ccert_access texthash:$TMP/access }" \
	"{ smtpd_relay_restrictions = check_ccert_access texthash:$TMP/access, reject }" \
	"{ tlsgate_client_restrictions = check_ccert_access texthash:$TMP/access }" tlsgate_backend_xclient=yes
pair reject "$inner" smtpd_client_restrictions=reject tlsgate_client_restrictions=reject
pair plaintext "$inner" smtpd_client_restrictions=reject_plaintext_session \
	tlsgate_client_restrictions=reject_plaintext_session
pair required "$inner" smtpd_tls_security_level=encrypt smtpd_tls_req_ccert=yes \
	tlsgate_tls_security_level=encrypt tlsgate_tls_req_ccert=yes tlsproxy_service_name=tlsrequire
pair header "$taking" smtpd_tls_received_header=yes '{ smtpd_relay_restrictions = permit_mynetworks, reject }' $strict \
	tlsgate_tls_received_header=yes
for name in untold_gate split_gate unasked_gate other_gate; do
	port $name
done
{
	gate_line "$untold_gate" "$untold" tlsgate_backend_xclient=yes
	gate_line "$split_gate" "$closed" tlsgate_backend_proxy_protocol=v2 "tlsgate_certified_backend=127.0.0.1:$open" \
		tlsgate_client_restrictions=permit_tls_clientcerts
	gate_line "$other_gate" "$told" tlsproxy_service_name=tlsother tlsgate_backend_xclient=yes \
		tlsgate_client_restrictions=permit_tls_all_clientcerts
	gate_line "$unasked_gate" "$inner" tlsgate_client_restrictions=permit_tls_clientcerts tlsgate_tls_ask_ccert=no
} >>"$I/etc/master.cf"

# plain PORT LINE...: from 127.0.0.2, each line when the reply to the one before it has come; prints the replies.
plain() {
	timeout 60 perl -MIO::Socket::INET -e '
		my $s = IO::Socket::INET->new(PeerAddr => "127.0.0.1", PeerPort => shift, LocalAddr => "127.0.0.2") or die;
		sub reply { while (defined(my $l = <$s>)) { print $l; return 1 if $l =~ /^\d\d\d(?!-)/ } 0 }
		reply() or exit;
		for (@ARGV) { print $s "$_\r\n"; reply() or last }' "$@" | tr -d '\r'
}

code_of() { # PORT LINE: of the reply to it, after EHLO
	plain "$1" 'EHLO c' "$2" | tail -n 1 | cut -c 1-3
}

# relay PORT [NAME]: the reply to a recipient elsewhere, under TLS, from a client with that certificate.
relay() {
	relay_port=$1
	shift
	[ $# -eq 0 ] || set -- -cert "$C/$1.crt" -key "$C/$1.key"
	printf '%s\n' 'EHLO c' 'MAIL FROM:<a@b.example>' 'RCPT TO:<x@other.test>' QUIT |
		over_tls "$relay_port" smtp -bind 127.0.0.2 "$@" | tr -d '\r' | sed -n '/^250 2\.1\.0/{ n; p; }; /^421/p'
}

# same NAME WANTED LABEL COMMAND...: the command, with the port of smtpd and then with that of the gate, prints what is wanted.
same() {
	same_name=$1 same_wanted=$2 same_label=$3 same_command=$4
	shift 4
	eval "same_smtpd=\$smtpd_$same_name same_gate=\$gate_$same_name"
	same_got=$("$same_command" "$same_smtpd" "$@")
	is "$same_got" "$("$same_command" "$same_gate" "$@")" "$same_label: the same from smtpd and the gate"
	like "$same_got" "$same_wanted" "$same_label: $same_wanted"
}

start_instance "$I" || { ok 1 "start"; done_testing; }
wait_for port_open "$gate_required"

# --- levels ---

starttls_in() { # PORT
	plain "$1" 'EHLO c' | grep -c 'STARTTLS$'
}
n=0
for row in $levels; do
	n=$((n + 1))
	case $n in
	1 | 4) offered=0 mail=250 starttls=502 ;;
	2 | 5) offered=1 mail=250 starttls=220 ;;
	*) offered=1 mail=530 starttls=220 ;;
	esac
	same level$n "^$offered\$" "level $row, STARTTLS offered" starttls_in
	same level$n "^$mail\$" "level $row, MAIL" code_of 'MAIL FROM:<a@b.example>'
	same level$n "^$starttls\$" "level $row, STARTTLS" code_of STARTTLS
done
check "a level that only a client can have is warned of" wait_for log_has "$I" \
	'tlsgate.*warning: tlsgate_tls_security_level: unsupported TLS level "verify", using "encrypt"'

last_reply() { # PORT LINE...
	plain "$@" | tail -n 1
}
while IFS='	' read -r line reply _; do
	case $line in
	'#'* | EHLO*) continue ;;
	esac
	line=${line%% (*}
	same level6 "^$(printf '%.3s' "$reply")" "before TLS, $line" last_reply "$line"
done <"$SEALPOST_TOP/tests/vectors/pre-tls-commands.tsv"

same auth_only '^503 5\.5\.1 Error: authentication not enabled$' "auth_only" last_reply 'EHLO c' 'AUTH PLAIN AAAA'
unlike "$(plain "$gate_auth_only" 'EHLO c')" AUTH "auth_only: AUTH is not offered before TLS"
like "$(echo 'EHLO c' | over_tls "$gate_auth_only" smtp)" AUTH "auth_only: but is under TLS"

# --- who may relay ---

ok='^250 2\.1\.5 Ok$' denied='^554 5\.7\.1 <x@other\.test>: Recipient address rejected: Access denied$'
for name in listed keyed stranger; do
	same permit_tls_clientcerts "$ok" "permit_tls_clientcerts, $name" relay $name
done
same permit_tls_clientcerts "$denied" "permit_tls_clientcerts, trusted and not listed" relay other
same permit_tls_clientcerts "$denied" "permit_tls_clientcerts, no certificate" relay
for name in listed other stranger; do
	same permit_tls_all_clientcerts "$ok" "permit_tls_all_clientcerts, $name" relay $name
done
same permit_tls_all_clientcerts "$denied" "permit_tls_all_clientcerts, neither trusted nor listed" relay outsider
same permit_tls_all_clientcerts "$denied" "permit_tls_all_clientcerts, no certificate" relay
same check '^554 5\.7\.1 <listed\.example\.org>: Client certificate rejected: certmatch$' "check_ccert_access, REJECT" relay listed
same check "$ok" "check_ccert_access, OK for the certificate before REJECT for its key" relay keyed
same check '^450 4\.7\.2 <stranger\.example\.org>: Client certificate rejected: later$' "check_ccert_access, 450" relay stranger
same check "$denied" "check_ccert_access, not there" relay other
same reject '^554 5\.7\.1 <unknown\[127\.0\.0\.2\]>: Client host rejected: Access denied$' "reject, under TLS" relay
same plaintext '^450 4\.7\.1 Session encryption is required$' "reject_plaintext_session" \
	last_reply 'EHLO c' 'MAIL FROM:<a@b.example>' 'RCPT TO:<x@example.test>'

# again VERSION PORT OPTION...: as relay(), with a session that is kept; TLS 1.3 sends it after the handshake.
again() {
	again_version=$1 again_port=$2
	shift 2
	printf '%s\n' 'EHLO c' 'MAIL FROM:<a@b.example>' 'RCPT TO:<x@other.test>' QUIT |
		over_tls "$again_port" smtp -bind 127.0.0.2 -cert "$C/other.crt" -key "$C/other.key" "-tls$again_version" "$@" |
		tr -d '\r' | sed -n '/^250 2\.1\.0/{ n; p; }'
}
# shellcheck disable=SC2154 -- set by pair
for version in 1_2 1_3; do
	like "$(again $version "$gate_permit_tls_all_clientcerts" -sess_out "$TMP/session$version")" "$ok" "trusted, TLS $version"
	like "$(again $version "$gate_permit_tls_all_clientcerts" -sess_in "$TMP/session$version")" "$ok" "and so is who comes back"
	like "$(again $version "$other_gate" -sess_in "$TMP/session$version")" "$denied" "but not to a service that trusts others"
done

# --- what the back end learns ---

check "smtpd logs the client's address and its certificate" wait_for log_has "$I" \
	"smtpd.*client=unknown\[127\.0\.0\.2\], sasl_method=XCLIENT, sasl_username=$(print_of listed)"
out=$(plain "$gate_check" 'EHLO c' 'XCLIENT ADDR=127.0.0.1 LOGIN=joe' 'XFORWARD ADDR=127.0.0.1' 'MAIL FROM:<a@b.example>' \
	'RCPT TO:<x@other.test>')
unlike "$out" XCLIENT "XCLIENT is not offered to clients"
is "$(printf '%s\n' "$out" | grep -c '^550 5\.7\.0')" 2 "nor taken from them, nor XFORWARD"
like "$out" "$denied" "and gives nothing"
# Once bytes pass unread it is smtpd who says so, by the address it was told.
out=$(printf '%s\n' 'EHLO c' 'MAIL FROM:<a@b.example>' RSET 'XCLIENT LOGIN=joe' 'MAIL FROM:<a@b.example>' 'RCPT TO:<x@other.test>' QUIT |
	over_tls "$gate_check" smtp -bind 127.0.0.2 | tr -d '\r')
like "$out" '^550 5\.7\.0' "XCLIENT behind MAIL is refused by smtpd"
like "$out" "$denied" "and gives nothing there"
like "$(plain "$untold_gate" NOOP)" '^421 4\.3\.0 ' "a back end that does not offer XCLIENT is not used"
check "which is logged" wait_for log_has "$I" 'tlsgate.*back end .*: does not offer XCLIENT'

like "$(relay "$split_gate" listed)" "$ok" "a certified client gets the back end for such"
like "$(relay "$split_gate" other)" "$denied" "another one does not"
like "$(relay "$split_gate")" "$denied" "nor does one without a certificate"
check "that back end learns the client's address by PROXY protocol" wait_for log_has "$I" 'smtpd.*client=unknown\[127\.0\.0\.2\]$'
relay "$unasked_gate" >/dev/null
check "who has a rule and asks for no certificate is told so" wait_for log_has "$I" \
	'tlsgate.*warning: permit_tls_clientcerts is requested, but "tlsgate_tls_ask_ccert = no"'

# header_of PORT [OPTION...]: what the header of a message says of TLS; the message comes twice in a session. For a gate that is the
# second header: the first one is the back end's.
header_of() {
	header_port=$1
	shift
	rm -f "$I/mail/box"
	for line in 'MAIL FROM:<a@b.example>' 'RCPT TO:<x@example.test>' DATA 'Subject: x' '' .. hello .; do
		echo "$line"
	done >"$TMP/mail"
	{ echo 'EHLO c' && cat "$TMP/mail" "$TMP/mail" && echo QUIT; } | over_tls "$header_port" smtp -bind 127.0.0.2 "$@" >"$TMP/said"
	wait_for messages 2
	grep -E '^	(\(using|\(Client|\(No| (key-exchange|client-signature|server-signature))' "$I/mail/box"
}
messages() { # NUMBER
	[ "$(grep -c '^hello$' "$I/mail/box" 2>/dev/null)" = "$1" ]
}
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$C/odd.key" -out "$C/odd.crt" -days 30 \
	-subj '/CN=odd (one/O=x' -multivalue-rdn 2>/dev/null
for version in 1_2 1_3; do
	for name in listed odd ''; do
		set -- -tls$version
		[ -z "$name" ] || set -- "$@" -cert "$C/$name.crt" -key "$C/$name.key"
		same header '^	\(using TLSv1\.[23] with cipher ' "header, TLS $version, ${name:-no certificate}" header_of "$@"
		is "$(grep -c '^\.$' "$I/mail/box")" 2 "and the messages are whole"
	done
done
like "$(cat "$I/mail/box")" '^Received: from c \(unknown \[127\.0\.0\.2\]\)$' "the header names the client"
like "$(cat "$I/mail/box")" '^	by mx\.example\.test \(tlsgate\) with ESMTPS;$' "and the gate"
unlike "$(echo 'EHLO c' | over_tls "$gate_header" smtp)" CHUNKING "CHUNKING is not offered then"
# smtpd ends a message where more than one CR is before LF, and the gate has to do so, too: it is the one who says no to BDAT.
like "$(printf '%s\n' 'EHLO c' 'MAIL FROM:<a@b.example>' 'RCPT TO:<x@example.test>' DATA x "$(printf '.\r')" 'BDAT 0' . QUIT |
	over_tls "$gate_header" smtp -bind 127.0.0.2 | tr -d '\r')" '^502 5\.5\.1 Error: command not implemented$' \
	"no command passes unread behind an end of message with two CR"

# smuggle PORT END: how many messages are taken when one holds END, and then what would be another.
smuggle() {
	{
		printf '%s\r\n' 'EHLO c' 'MAIL FROM:<a@b.example>' 'RCPT TO:<x@example.test>' DATA hello
		# shellcheck disable=SC2059 -- the end is a format
		printf "$2"
		printf '%s\r\n' 'MAIL FROM:<b@b.example>' 'RCPT TO:<x@example.test>' DATA 'Subject: smuggled' . QUIT
	} | timeout 60 openssl s_client -connect "127.0.0.1:$1" -starttls smtp -quiet -bind 127.0.0.2 2>/dev/null |
		grep -c '^250 2\.0\.0 Ok: queued'
}
same header '^1$' "SMTP smuggling, LF dot LF" smuggle '\n.\n'
same header '^1$' "SMTP smuggling, LF dot CRLF" smuggle '\n.\r\n'
same header '^1$' "SMTP smuggling, CRLF dot LF" smuggle '.\n'
same header '^2$' "two messages" smuggle '.\r\n'

# --- certificates that are required ---

for name in listed stranger ''; do
	case $name in
	listed) wanted='^554 ' ;;
	stranger) wanted='^421 4\.7\.1 mx\.example\.test Error: Client certificate not trusted$' ;;
	*) wanted='^421 4\.7\.1 mx\.example\.test Error: No client certificate presented$' ;;
	esac
	# shellcheck disable=SC2086 -- none, or one word
	same required "$wanted" "required, ${name:-no certificate}" relay $name
done
check "who is sent away is logged" wait_for log_has "$I" \
	'tlsgate.*NOQUEUE: abort: TLS from \[127\.0\.0\.2\]:[0-9]+: No client certificate presented'

unlike "$(cat "$I/log/maillog")" 'throttling|panic|fatal|killed by signal|exit status' "no daemon died"
stop_instance "$I"
done_testing
