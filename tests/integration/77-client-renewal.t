#!/bin/sh
# SPDX-License-Identifier: ISC
#
# The client role's files are replaced without reload: certificate and key, CAfile, CApath; by rename, by symbolic link
# and in place; good ones, and such that cannot be used, while smtp delivers messages. In a jail, with files that only
# root may read. What the peer sees of the client is in the log of a real smtpd, and whom the client trusts is what
# posttls-finger says. Both callers read the files, too, when they start, and then need good ones: one smtp serves all
# along. RENEWALS is how many good ones come under load (4), a bad one behind each.
. "$(dirname "$0")/lib.sh"
need_postfix
RENEWALS=${RENEWALS:-4}

# --- certificates: CN tells them apart; those that must not be shown have "bad" in it ---

mkdir -p "$TMP/made" "$TMP/certs"
make_pair() { # NAME [DAYS]
	openssl ecparam -genkey -name prime256v1 -noout -out "$TMP/made/$1.key"
	openssl req -new -key "$TMP/made/$1.key" -subj "/CN=$1.client.test" -out "$TMP/made/csr"
	openssl x509 -req -in "$TMP/made/csr" -signkey "$TMP/made/$1.key" -days "${2:-30}" -out "$TMP/made/$1.crt" 2>/dev/null
}

make_pair first
make_pair bad
make_pair bad-expired -1
head -c 200 "$TMP/made/bad.crt" >"$TMP/made/bad-part.crt"

# Two authorities, and the server's certificate by the second.
for name in ca1 ca2; do
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$TMP/made/$name.key" \
		-out "$TMP/made/$name.crt" -days 30 -subj "/CN=$name" 2>/dev/null
done
openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$TMP/certs/ecdsa.key" -out "$TMP/made/csr" \
	-subj /CN=relay.example.test 2>/dev/null
openssl x509 -req -in "$TMP/made/csr" -CA "$TMP/made/ca2.crt" -CAkey "$TMP/made/ca2.key" -CAcreateserial -days 30 \
	-out "$TMP/certs/ecdsa.crt" 2>/dev/null

# --- ways to put a file into its place ---

LIVE=$TMP/live
mkdir -p "$LIVE" "$LIVE/path"
chmod 700 "$LIVE"
n_links=0

by_rename() { # FROM TO
	cp "$1" "$2.new"
	chmod 600 "$2.new"
	mv -f "$2.new" "$2"
}

by_link() {
	n_links=$((n_links + 1))
	cp "$1" "$LIVE/$n_links.pem"
	chmod 600 "$LIVE/$n_links.pem"
	ln -sfn "$n_links.pem" "$2.link"
	mv -fT "$2.link" "$2"
}

in_place() {
	cat "$1" >"$2"
}

put() { # WAY NAME
	"$1" "$TMP/made/$2.key" "$LIVE/key.pem"
	"$1" "$TMP/made/$2.crt" "$LIVE/cert.pem"
}

# --- the instance ---

start() { # NAME MAIN-CF-LINE...
	make_instance "$1" "tlsmgr tlsproxy"
	RELAY_PORT=$(free_ports 1)
	sed -i 's/^tlsproxy .*/tlsproxy unix - - y - 0 tlsproxy/; s/^smtp .*/smtp unix - - n - 1 smtp/' "$I/etc/master.cf"
	sed -i '/^smtp_tls_session_cache_database/d; /^smtp_tls_security_level/d; /^smtpd_tls_chain_files/d; /^smtpd_tls_session_cache_database/d' "$I/etc/main.cf"
	shift
	{
		cat <<-CONF
		relayhost = [127.0.0.1]:$RELAY_PORT
		smtp_tls_connection_reuse = yes
		smtp_connection_cache_on_demand = no
		smtp_connection_cache_destinations =
		smtp_tls_security_level = secure
		smtp_tls_secure_cert_match = relay.example.test
		smtpd_tls_cert_file = $TMP/certs/ecdsa.crt
		smtpd_tls_key_file = $TMP/certs/ecdsa.key
		max_use = 100000
		smtp_tls_cert_file = $LIVE/cert.pem
		smtp_tls_key_file = $LIVE/key.pem
		smtp_tls_CAfile = $LIVE/ca.pem
		CONF
		printf '%s\n' "$@"
	} >>"$I/etc/main.cf"
	cat >>"$I/etc/master.cf" <<-CONF
	127.0.0.1:$RELAY_PORT inet n - n - - smtpd
	    -o myhostname=relay.example.test -o syslog_name=postfix/relay -o smtpd_tls_ask_ccert=yes
	    -o smtpd_tls_loglevel=routine,peercert -o smtpd_tls_session_cache_timeout=0
	    -o smtpd_recipient_restrictions=check_recipient_access,static:discard
	CONF
	start_instance "$I"
	ok $? "$NAME: starts"
}

finger() { # OPTION...
	MAIL_CONFIG=$I/etc posttls-finger -X -c -o smtp_dns_support_level=disabled -o tlsproxy_service_name=tlsproxy \
		-l secure -L routine -k "$LIVE/cert.pem" -K "$LIVE/key.pem" -F "$LIVE/ca.pem" "$@" "[127.0.0.1]:$RELAY_PORT" \
		relay.example.test 2>&1
}

# What the peer saw in all sessions so far: a line each.
seen() {
	sed -n 's/.*relay\/smtpd\[[0-9]*\]: [^ ]*: subject_CN=\([^.,]*\)[.,].*/\1/p' "$I/log/maillog"
}

shows() { # NAME: to the peer of a new session
	sent=$((sent + 1))
	submit "one$sent@relay.test"
	wait_for log_has "$I" "to=<one$sent@relay.test>.*status=sent"
	[ "$(seen | tail -n 1)" = "$1" ]
}

trusts() { # WORD: what a new session says of the peer
	finger >"$TMP/trusts"
	grep -q "^posttls-finger: $1 TLS connection established" "$TMP/trusts"
}

renewed() { # COUNT
	log_count_is "$I" 'tlsproxy_certificate_reload: client role: new certificate in service' "$1"
}

refused() { # EXTENDED-REGEX
	log_has "$I" "warning: tlsproxy_certificate_reload: client role: changed files are not used, .*$1"
}

load() {
	while [ -e "$TMP/loading" ]; do
		submit load@relay.test
	done
}

delivered() {
	log_count "$I" 'smtp\[.*to=<load@relay.test>.*status=sent'
}

delivers() { # COUNT
	[ "$(delivered)" -ge "$1" ]
}

submit() { # RECIPIENT
	perl -MNet::SMTP -e '
		my $s = Net::SMTP->new("127.0.0.1", Port => $ARGV[0], Hello => "client.test") or die;
		$s->mail("sender\@client.test") && $s->to($ARGV[1]) && $s->data("Subject: x\n\nhello\n") or die $s->message;
		$s->quit' "$SMTPD_PORT" "$1"
}

# --- under load ---

NAME=load sent=0
put by_rename first
by_rename "$TMP/made/ca2.crt" "$LIVE/ca.pem"
start load
check "$NAME: what was there at the start is shown" shows first
check "$NAME: through tlsproxy" wait_for log_has "$I" 'tlsproxy\[[0-9]*\]: CONNECT to \[127.0.0.1\]'
unlike "$(cat "$I/log/maillog")" 'unexpected settings' "$NAME: which expects what is asked for"
setpriv --reuid=postfix --regid=postfix --clear-groups cat "$LIVE/key.pem" >/dev/null 2>&1
is $? 1 "$NAME: mail_owner cannot read the key"

: >"$TMP/loading"
load &
load_pid=$!
PIDS="$PIDS $load_pid"
n=0 longest=0 all=first
while [ $n -lt "$RENEWALS" ]; do
	set -- by_rename by_link in_place
	shift $((n % 3))
	way=$1
	n=$((n + 1))
	all="$all good$n"
	make_pair "good$n"
	put $way "good$n"
	begin=$(now_ms)
	check "$NAME: $way: a new certificate comes into service" wait_for renewed $n
	took=$(($(now_ms) - begin))
	[ $took -le $longest ] || longest=$took
	check "$NAME: $way: and is shown" wait_for shows "good$n"
	case $((n % 4)) in
	1) by_rename "$TMP/made/bad.crt" "$LIVE/cert.pem" && words="key values mismatch" ;;
	2) put by_link bad-expired && words="has expired on" ;;
	3) in_place "$TMP/made/bad-part.crt" "$LIVE/cert.pem" && words="cert.pem is not complete" ;;
	0) rm "$LIVE/key.pem" && words="key.pem: No such file" ;;
	esac
	wait_for log_count_is "$I" "client role: changed files are not used" $n
	like "$(grep 'client role: changed files are not used' "$I/log/maillog" | tail -n 1)" "$words" "$NAME: the log says: $words"
	wait_for delivers $(($(delivered) + 5))
	check "$NAME: the old one is shown" shows "good$n"
	is "$(log_count "$I" "client role: changed files are not used")" $n "$NAME: it is told once"
done
rm "$TMP/loading"
wait $load_pid
check "$NAME: all is delivered" wait_for delivers "$(log_count "$I" 'postfix/smtp\[.*to=<load@relay.test>')"
diag "in service after $longest ms at most; $(seen | wc -l) sessions meanwhile"
is "$(log_count "$I" 'status=deferred')" 0 "$NAME: no session failed"
is "$(seen | grep -c bad)" 0 "$NAME: no bad one was ever shown"
is "$(seen | uniq | tr '\n' ' ')" "$all " "$NAME: every good one was, one after the other"
stop_instance "$I"

# --- authorities; tlsproxy is made to expect what posttls-finger says ---

NAME=authorities
put by_rename first
start authorities 'tlsproxy_client_loglevel = routine' 'tlsproxy_client_loglevel_parameter = -L option'
check "$NAME: those of the start are trusted" trusts Verified
by_rename "$TMP/made/ca1.crt" "$LIVE/ca.pem"
check "$NAME: one that is none any more is not" wait_for trusts Untrusted
: >"$LIVE/ca.pem"
check "$NAME: a file without any is not used" wait_for refused "ca.pem"
cat "$TMP/made/ca1.crt" "$TMP/made/ca2.crt" >"$LIVE/ca.pem"
check "$NAME: a new one is trusted" wait_for trusts Verified
unlike "$(cat "$I/log/maillog")" 'unexpected settings' "$NAME: tlsproxy expects what is asked for"
is "$(seen | sort -u)" first "$NAME: with the same certificate all along"
stop_instance "$I"

# --- a directory of authorities, and a start without anything to use: a key in a file too large for tlsproxy ---

NAME=path
hashed() { # NAME
	ln -sf "$1.pem" "$LIVE/path/$(openssl x509 -in "$TMP/made/$1.crt" -noout -hash).0"
	cp "$TMP/made/$1.crt" "$LIVE/path/$1.pem"
}
hashed ca1
{
	yes '# a comment' | head -n 100000
	cat "$TMP/made/first.key"
} >"$LIVE/key.pem"
by_rename "$TMP/made/ca1.crt" "$LIVE/ca.pem"
start path 'tlsproxy_client_loglevel = routine' 'tlsproxy_client_loglevel_parameter = -L option' \
	"smtp_tls_CApath = $LIVE/path"
finger -P "$LIVE/path" >"$TMP/path.out"
check "$NAME: a key that cannot be used" wait_for log_has "$I" 'warning: TLS client initialization failed'
by_rename "$TMP/made/first.key" "$LIVE/key.pem"
check "$NAME: a good one comes into service" wait_for renewed 1
hashed ca2
check "$NAME: a name in the directory of authorities is a change" wait_for renewed 2
finger -P "$LIVE/path" >"$TMP/path.out"
is "$(seen)" first "$NAME: the certificate is shown"
done_testing
