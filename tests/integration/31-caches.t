#!/bin/sh
# SPDX-License-Identifier: ISC
#
# Real smtpd, smtp, and postscreen with tlsproxy keep their sessions with our tlsmgr, in every type of database, in the
# jail and outside: sessions are resumed by id (TLS 1.2 without tickets) and by ticket, by other processes than those they
# began with, after postfix reload, and after stop and start. The same checks run with Postfix's own tlsmgr, which forgets
# at each reload: that is the one difference. VARIANTS in the environment chooses others, such as ours-hash-y.
. "$(dirname "$0")/lib.sh"
need_postfix
perl -MNet::SMTP -e 1 2>/dev/null || skip_all "perl modules are missing"
make_certs "$TMP/certs"

# Whose tlsmgr, type of database, in the jail, and what becomes of a session at reload and at restart.
VARIANTS=${VARIANTS:-"ours-btree-n ours-btree-y ours-lmdb-n ours-lmdb-y stock-btree-n"}
expected_after() { # VARIANT
	case $1 in
	ours-*) echo Reused ;;
	stock-*) echo New ;;
	esac
}

# Services that know sessions by id and those that issue tickets; each smtpd serves one client.
write_services() { # CHROOT
	set -- "$1" $(free_ports 4)
	ID_PORT=$2 SCREEN_ID_PORT=$3 NEXT_ID_PORT=$4 NEXT_TICKET_PORT=$5
	next="-o myhostname=next.example.test -o syslog_name=postfix/next -o smtpd_recipient_restrictions=check_recipient_access,static:discard"
	by_id="-o tls_ssl_options=no_ticket -o smtpd_tls_mandatory_protocols=TLSv1.2 -o smtpd_tls_protocols=TLSv1.2"
	sed -i "s/^\(127.*smtpd\)\$/\1 -o max_use=1/" "$I/etc/master.cf"
	cat >>"$I/etc/master.cf" <<-CONF
		127.0.0.1:$ID_PORT inet n - n - - smtpd -o max_use=1 $by_id
		127.0.0.1:$SCREEN_ID_PORT inet n - n - 1 postscreen -o tlsproxy_service_name=tlsproxy-id
		tlsproxy-id unix - - n - 0 tlsproxy $by_id
		127.0.0.1:$NEXT_ID_PORT inet n - n - - smtpd -o max_use=1 $next $by_id
		127.0.0.1:$NEXT_TICKET_PORT inet n - n - - smtpd -o max_use=1 $next
	CONF
	# The fifth column of those that the jail is about.
	awk -v jail="$1" '$NF ~ /^(smtpd|smtp|postscreen|tlsproxy|tlsmgr)$/ || $8 ~ /^(smtpd|postscreen|tlsproxy)$/ { $5 = jail } { print }' \
		"$I/etc/master.cf" >"$I/etc/master.new"
	mv "$I/etc/master.new" "$I/etc/master.cf"
}

make_variant() { # NAME OURS TYPE CHROOT
	make_instance "$1" "$2"
	sed -i "s/btree:/$3:/; s/^\(smtpd\?_tls_loglevel\|tlsproxy_tls_loglevel\) = 1/\1 = 2/" "$I/etc/main.cf"
	write_services "$4"
	cat >>"$I/etc/main.cf" <<-CONF
		relay_domains = id.test, ticket.test
		transport_maps = inline:{ { id.test = smtp:[127.0.0.1]:$NEXT_ID_PORT }, { ticket.test = smtp:[127.0.0.1]:$NEXT_TICKET_PORT } }
	CONF
}

# session PORT VERSION OPTION FILE: New or Reused.
session() {
	printf 'EHLO client.test\r\nQUIT\r\n' | openssl s_client -starttls smtp -connect "127.0.0.1:$1" \
		"-tls1_${2#1.}" -ign_eof "$3" "$4" 2>/dev/null | sed -n 's/^\(New\|Reused\), .*/\1/p'
}

# All at a time: smtpd by id, by ticket of TLS 1.2 and of 1.3; the same through postscreen and tlsproxy.
each_session() { # OPTION
	set -- "$1" "id $ID_PORT 1.2" "ticket2 $SMTPD_PORT 1.2" "ticket3 $SMTPD_PORT 1.3" \
		"screen-id $SCREEN_ID_PORT 1.2" "screen-ticket2 $SCREEN_PORT 1.2" "screen-ticket3 $SCREEN_PORT 1.3"
	each_option=$1
	shift
	each_pids=
	for kind in "$@"; do
		# shellcheck disable=SC2086 -- three words
		set -- $kind
		session "$2" "$3" "$each_option" "$TMP/session.$1" >"$TMP/result.$1" &
		each_pids="$each_pids $!"
	done
	wait $each_pids
	echo $(cd "$TMP" && cat result.id result.ticket2 result.ticket3 result.screen-id result.screen-ticket2 result.screen-ticket3)
}

six() {
	echo "$1 $1 $1 $1 $1 $1"
}

MESSAGES=0
# deliver DOMAIN: sends a message on; New or Reused is what smtp says of its TLS session.
deliver() {
	MESSAGES=$((MESSAGES + 1))
	deliver_reused=$(log_count "$I" '/smtp\[[0-9]*\]: .*: Reusing old session')
	perl -MNet::SMTP -e '
		my $s = Net::SMTP->new("127.0.0.1", Port => $ARGV[0], Hello => "client.test") or die;
		$s->mail("sender\@client.test") && $s->to($ARGV[1]) && $s->data("Subject: x\n\nhello\n") or die $s->message;
		$s->quit' "$SMTPD_PORT" "m$MESSAGES@$1"
	wait_for log_has "$I" "to=<m$MESSAGES@$1>.*status=" || echo timeout
	log_has "$I" "to=<m$MESSAGES@$1>.*status=sent" || { echo failed; return; }
	[ "$(log_count "$I" '/smtp\[[0-9]*\]: .*: Reusing old session')" -gt "$deliver_reused" ] && echo Reused || echo New
}

each_delivery() {
	deliver_id=$(deliver id.test)
	MESSAGES=$((MESSAGES + 1))
	deliver_ticket=$(deliver ticket.test)
	MESSAGES=$((MESSAGES + 1))
	DELIVERIES="$deliver_id $deliver_ticket"
}

# Reloaded, and the daemons of before are gone: none of them remembers a key.
reload_all() {
	reload_old="$(pids_of "$I" tlsmgr) $(pids_of "$I" tlsproxy) $(pids_of "$I" smtp)"
	reload_instance "$I"
	for pid in $reload_old; do
		wait_for gone "$pid"
	done
}

# As an administrator does it, and the daemons have ended by themselves.
stop_all() {
	stop_old="$(pids_of "$I" tlsmgr)"
	/usr/sbin/postfix -c "$I/etc" stop >/dev/null 2>&1
	wait_for gone "$stop_old"
}

complaints() {
	grep -E '(tlsmgr|tlsproxy|smtpd|smtp|postscreen|master)\[[0-9]*\]: (warning|error|fatal|panic):' "$I/log/maillog"
}

run_variant() { # NAME
	type=${1#*-}
	jail=${type#*-}
	type=${type%-*}
	after=$(expected_after "$1")
	make_variant "$1" "$([ "${1%%-*}" = stock ] || echo tlsmgr)" "$type" "$jail"
	start_instance "$I"
	ok $? "$1: starts" || return
	is "$(each_session -sess_out)" "$(six New)" "$1: sessions of smtpd, and of postscreen with tlsproxy"
	is "$(each_session -sess_in)" "$(six Reused)" "$1: resumed"
	is "$(readlink "/proc/$(pids_of "$I" tlsmgr)/root")" "$([ "$jail" = y ] && echo "$I/spool" || echo /)" "$1: where tlsmgr's root is"
	for service in smtpd tlsproxy; do
		check "$1: $service finds a session by id" wait_for log_has "$I" "$service\[.*reloaded session [0-9A-F]+&.* from smtpd cache"
		check "$1: $service resumes by ticket" wait_for log_has "$I" "$service\[.*Reusing old session \(RFC 5077 session ticket\)"
	done
	each_delivery
	is "$DELIVERIES" "New New" "$1: sessions of smtp"
	each_delivery
	is "$DELIVERIES" "Reused Reused" "$1: resumed"
	check "$1: smtp finds it in its cache" wait_for log_has "$I" "/smtp\[.*reloaded session .* from smtp cache"
	for cache in smtpd_scache smtp_scache; do
		is "$(stat -c '%a %U' "$I/data/$cache".*)" "600 postfix" "$1: $cache is mail_owner's alone"
	done

	reload_all
	is "$(each_session -sess_in)" "$(six $after)" "$1: smtpd, and postscreen with tlsproxy, after reload"
	each_delivery
	is "$DELIVERIES" "$after $after" "$1: smtp after reload"
	is "$(each_session -sess_out)" "$(six New)" "$1: new sessions after reload"
	is "$(each_session -sess_in)" "$(six Reused)" "$1: resumed"

	stop_all
	start_instance "$I"
	is "$(each_session -sess_in)" "$(six $after)" "$1: smtpd, and postscreen with tlsproxy, after stop and start"
	each_delivery
	is "$DELIVERIES" "$after $after" "$1: smtp after stop and start"
	is "$(complaints)" "" "$1: no daemon complained"
	stop_instance "$I"
	[ $TAP_BAD -gt 0 ] || rm -rf "$I"
}

for variant in $VARIANTS; do
	run_variant "$variant"
done
done_testing
