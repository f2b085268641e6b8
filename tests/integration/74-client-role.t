#!/bin/sh
# SPDX-License-Identifier: ISC
#
# The client role with real callers: posttls-finger and smtp hand their connection to tlsproxy, which is Postfix's in
# one run and ours in the other. What they say of the same destinations must be the same, word by word; a connection is
# reused for the next message; a role that is off, or in a jail, does what it should.
. "$(dirname "$0")/lib.sh"
need_postfix
make_certs "$TMP/certs"
# tlsproxy reads what requests name as an ordinary user.
cat "$TMP/certs/ecdsa.key" "$TMP/certs/ecdsa.crt" >"$TMP/certs/client.pem"
chmod 644 "$TMP/certs/client.pem"

# finger NAME OPTION...: asks for a session through tlsproxy. What it says goes to $TMP/VARIANT.NAME, without what
# changes from run to run.
finger() {
	finger_name=$1
	shift
	{
		MAIL_CONFIG=$I/etc posttls-finger -X -c -o smtp_dns_support_level=disabled "$@" 2>&1
		echo "status $?"
	} | sed "s/:$RELAY_PORT/:PORT/g; s,$I,INSTANCE,g; s,$TMP,TMP,g" >"$TMP/$VARIANT.$finger_name"
}

# Lines of tlsproxy since mark_log, in the order in which they came, without what changes from run to run. Those of the
# sessions before may still be on their way.
mark_log() {
	wait_for log_count_is "$I" 'tlsproxy\[[0-9]*\]: DISCONNECT' "$(log_count "$I" 'tlsproxy\[[0-9]*\]: CONNECT')"
	marked=$(wc -l <"$I/log/maillog")
}

since_mark() {
	tail -n +$((marked + 1)) "$I/log/maillog" | grep 'tlsproxy\[' |
		sed "s/^.*tlsproxy\[[0-9]*\]: //; s/:$RELAY_PORT/:PORT/g; s,$I,INSTANCE,g; s,$TMP,TMP,g; s/127.0.0.1:[0-9]*/127.0.0.1:PORT/g"
}

session_ended() {
	since_mark | grep -q '^DISCONNECT'
}

digest_of() { # OPENSSL-COMMAND...
	openssl "$@" | openssl dgst -sha256 | sed 's/.*= //; s/../&:/g; s/:$//'
}

fingers() {
	to="[127.0.0.1]:$RELAY_PORT"
	cert=$(digest_of x509 -in "$TMP/certs/ecdsa.crt" -outform DER)
	key=$(openssl x509 -in "$TMP/certs/ecdsa.crt" -noout -pubkey | openssl pkey -pubin -outform DER |
		openssl dgst -sha256 | sed 's/.*= //; s/../&:/g; s/:$//')
	finger may -l may "$to"
	finger encrypt -l encrypt "$to"
	finger secure -l secure -F "$TMP/certs/ecdsa.crt" "$to" mx.example.test
	finger parent -l secure -F "$TMP/certs/ecdsa.crt" "$to" .example.test
	finger wrong-name -l secure -F "$TMP/certs/ecdsa.crt" "$to" other.example.test
	finger no-authority -l secure "$to" mx.example.test
	finger verify -l verify -F "$TMP/certs/ecdsa.crt" "$to" mx.example.test
	finger cert-digest -l fingerprint -d sha256 "$to" "$cert"
	finger key-digest -l fingerprint -d sha256 "$to" "$key"
	finger wrong-digest -l fingerprint -d sha256 "$to" 00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF
	finger anchor -l secure -A "$TMP/certs/ecdsa.crt" "$to" mx.example.test
	finger sni -l may -s mx.example.test "$to"
	finger old -l may -p '!TLSv1.3' "$to"
	finger high -l encrypt -g high "$to"
	finger no-protocol -l may -p '>=TLSv9' "$to"
	finger no-grade -l may -g best "$to"
	finger client-cert -l may -k "$TMP/certs/client.pem" -K "$TMP/certs/client.pem" "$to"
	finger no-ca -l secure -F "$TMP/certs/none" "$to" mx.example.test
}
FINGERS="may encrypt secure parent wrong-name no-authority verify cert-digest key-digest wrong-digest anchor sni old high
	no-protocol no-grade client-cert no-ca"

# Settings that are not those of tlsproxy are told, with files, and once.
drift_checks() {
	mark_log
	finger drift -l may -L routine,certmatch -F "$TMP/certs/rsa.crt" "[127.0.0.1]:$RELAY_PORT"
	check "$VARIANT: a session with other settings" wait_for session_ended
	since_mark | grep -v 'Anonymous\|Untrusted\|subject_CN' >"$TMP/$VARIANT.log.drift"
	like "$(cat "$TMP/$VARIANT.log.drift")" "^warning: .server. 'log_param=smtp_tls_loglevel' != .client. 'log_param=-L option'; " \
		"$VARIANT: the difference is told"
	mark_log
	finger drift -l may -L routine,certmatch -F "$TMP/certs/rsa.crt" "[127.0.0.1]:$RELAY_PORT"
	wait_for session_ended
	unlike "$(since_mark)" 'unexpected settings' "$VARIANT: and not again"
	mark_log
	finger no-files -l may -L routine "[127.0.0.1]:$RELAY_PORT"
	wait_for session_ended
	unlike "$(since_mark)" 'unexpected settings' "$VARIANT: nor without files"
	mark_log
	MAIL_CONFIG=$I/etc posttls-finger -X -c -o smtp_dns_support_level=disabled -o tls_preempt_cipherlist=yes -l may \
		"[127.0.0.1]:$RELAY_PORT" >/dev/null 2>&1
	wait_for session_ended
	since_mark | grep -v 'Anonymous\|Untrusted' >"$TMP/$VARIANT.log.params"
	like "$(cat "$TMP/$VARIANT.log.params")" \
		"^warning: .server. 'tls_preempt_cipherlist=0' != .client. 'tls_preempt_cipherlist=1'$" \
		"$VARIANT: global settings that differ are told"
}

submit() { # RECIPIENT
	perl -MNet::SMTP -e '
		my $s = Net::SMTP->new("127.0.0.1", Port => $ARGV[0], Hello => "client.test") or die;
		$s->mail("sender\@client.test") && $s->to($ARGV[1]) && $s->data("Subject: x\n\nhello\n") or die $s->message;
		$s->quit' "$SMTPD_PORT" "$1"
}

reuse_checks() {
	for n in 1 2 3; do
		submit "reuse$n@relay.test"
		check "$VARIANT: message $n is delivered" wait_for log_has "$I" "to=<reuse$n@relay.test>.*status=sent"
	done
	check "$VARIANT: over one TLS connection" wait_for log_has "$I" 'TLS connection reused to 127.0.0.1'
	logged 1 "$I" 'relay/smtpd\[[0-9]*\]: connect from' "$VARIANT: the server saw one connection"
	logged 1 "$I" 'tlsproxy\[[0-9]*\]: CONNECT to \[127.0.0.1\]' "$VARIANT: and so did tlsproxy"
	grep '/smtp\[.*TLS connection \(established\|reused\)' "$I/log/maillog" | sed "s/^.*smtp\[[0-9]*\]: //; s/:$RELAY_PORT/:PORT/" \
		>"$TMP/$VARIANT.log.smtp"
	check "$VARIANT: the connection is closed in the end" wait_for log_has "$I" 'tlsproxy\[[0-9]*\]: DISCONNECT \[127.0.0.1\]'
}

start_variant() { # NAME OURS CHROOT [MAIN-CF-LINE]
	make_instance "$1" "$2"
	RELAY_PORT=$(free_ports 1)
	sed -i "s/^tlsproxy .*/tlsproxy unix - - $3 - 0 tlsproxy/" "$I/etc/master.cf"
	# A resumed session is verified when it was new, under whatever name that was.
	sed -i '/^smtp_tls_session_cache_database/d; s/^smtp_tls_security_level = .*/smtp_tls_security_level = may/' "$I/etc/main.cf"
	cat >>"$I/etc/main.cf" <<-CONF
	relayhost = [127.0.0.1]:$RELAY_PORT
	smtp_tls_connection_reuse = yes
	smtp_connection_cache_destinations = static:all
	smtp_connection_cache_time_limit = 10s
	$4
	CONF
	cat >>"$I/etc/master.cf" <<-CONF
	127.0.0.1:$RELAY_PORT inet n - n - - smtpd
	    -o myhostname=relay.example.test -o syslog_name=postfix/relay -o smtpd_tls_ask_ccert=yes
	    -o smtpd_tls_loglevel=routine,peercert
	    -o smtpd_recipient_restrictions=check_recipient_access,static:discard
	CONF
	start_instance "$I"
	ok $? "$1: starts"
}

run_variant() { # NAME OURS
	VARIANT=$1
	start_variant "$1" "$2" n || return
	reuse_checks
	fingers
	like "$(cat "$TMP/$VARIANT.secure")" 'Verified TLS connection established to 127.0.0.1' "$VARIANT: posttls-finger verifies"
	like "$(cat "$TMP/$VARIANT.secure")" '^status 0$' "$VARIANT: and says so by its exit status"
	like "$(cat "$TMP/$VARIANT.cert-digest")" 'Verified TLS connection' "$VARIANT: by a fingerprint, too"
	check "$VARIANT: a client certificate is presented" wait_for log_has "$I" 'relay/smtpd.*subject_CN=mx.example.test'
	drift_checks
	stop_instance "$I"
}

run_variant stock ""
run_variant ours "tlsmgr tlsproxy"
for name in $FINGERS drift no-files log.drift log.params log.smtp; do
	is "$(cat "$TMP/ours.$name")" "$(cat "$TMP/stock.$name")" "$name: the same as Postfix's"
done

# In a jail: nothing is read there that was not read before.
VARIANT=jail
start_variant jail "tlsmgr tlsproxy" y
reuse_checks
finger may -l may "[127.0.0.1]:$RELAY_PORT"
like "$(cat "$TMP/jail.may")" 'Untrusted TLS connection established' "jail: a request without files"
unlike "$(cat "$I/log/maillog")" 'tlsproxy.*(warning|fatal|panic)' "jail: nothing to complain about"
stop_instance "$I"

# Off: an answer, and a process that lives on.
VARIANT=off
start_variant off "tlsmgr tlsproxy" n "tlsproxy_client_security_level = none"
finger may -l may "[127.0.0.1]:$RELAY_PORT"
like "$(cat "$TMP/off.may")" 'role "client" is not available' "off: the caller hears so"
check "off: the log says so" wait_for log_has "$I" 'tlsproxy.*warning: TLS client role is disabled by configuration'
first=$(pids_of "$I" tlsproxy)
finger may -l may "[127.0.0.1]:$RELAY_PORT"
is "$(pids_of "$I" tlsproxy)" "$first" "off: the same process answers again"
stop_instance "$I"

# The name of the level before 3.7: in this version the parameter that replaced it becomes empty.
VARIANT=obsolete
start_variant obsolete "tlsmgr tlsproxy" n "tlsproxy_client_level = encrypt"
finger may -l may "[127.0.0.1]:$RELAY_PORT"
like "$(cat "$TMP/obsolete.may")" 'role "client" is not available' "obsolete: the old name empties the new one, as in 3.7.11"
stop_instance "$I"

VARIANT=bad
start_variant bad "tlsmgr tlsproxy" n "tlsproxy_client_security_level = mya"
finger may -l may "[127.0.0.1]:$RELAY_PORT" &
PIDS="$PIDS $!"
check "a level that does not exist is fatal" wait_for log_has "$I" 'tlsproxy\[[0-9]*\]: fatal: Invalid TLS level "mya"'
stop_instance "$I"
done_testing
