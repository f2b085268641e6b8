#!/bin/sh
# SPDX-License-Identifier: ISC
#
# "postfix tls" under the installed postfix(1), with our script and helper in place of its own, must give
# what the vectors record, but for the differences that are listed with their reasons. The installed
# command, replayed by the same runner, must give all of it (a few cases; all with SEALPOST_STOCK=all).
# Everything happens in a mount namespace of its own.
. "$(dirname "$0")/lib.sh"

need_postfix
unshare -m -u true 2>/dev/null || skip_all "no private mount namespace to be had"
command -v openssl >/dev/null || skip_all "needs openssl(1) to look at certificates"
[ "$(/usr/sbin/postconf -dh mail_version)" = 3.7.11 ] || skip_all "the vectors are of Postfix 3.7.11"

VECTORS=$SEALPOST_TOP/tests/vectors/postfix-tls

replay() { # NAME BIN [CASE...]
	name=$1 bin=$2
	shift 2
	mkdir "$TMP/$name"
	chmod 755 "$TMP/$name"
	unshare -m -u perl "$SEALPOST_TOP/tests/tools/postfix-tls-replay.pl" "$VECTORS" "$TMP/$name" "$bin" \
		"$VECTORS/intended-differences" "$@" >"$TMP/$name.tap" 2>&1
	ok $? "$name: $(tail -n 1 "$TMP/$name.tap" | sed 's/^# //')" || diag "$(grep -v '^ok' "$TMP/$name.tap")"
}

replay ours "$(cd "$BIN" && pwd)"
if [ "$SEALPOST_STOCK" = all ]; then
	replay installed -
else
	replay installed - enable-client-fresh enable-server-fresh enable-server-disk-4k new-server-cert-rsa \
		deploy-commented csr-default-rsa tlsa-missing-second general-default-instance
fi
# postconf of 3.7 joins what it appends to an unfinished last line; ours must not let it.
mkdir "$TMP/conf"
printf "myhostname = mx.example.test\nmailbox_size_limit = 0" >"$TMP/conf/main.cf"
: >"$TMP/conf/master.cf"
env -i PATH=/usr/bin:/bin MAIL_LOGTAG=postfix MAIL_CONFIG="$TMP/conf" config_directory="$TMP/conf" command_directory=/usr/sbin \
	daemon_directory="$BIN" queue_directory="$TMP" "$BIN/postfix-tls-script" enable-client 2>"$TMP/err"
ok $? "enable-client on a main.cf without final newline" || diag "$(cat "$TMP/err")"
like "$(cat "$TMP/conf/main.cf")" "^mailbox_size_limit = 0$" "the last line stays what it was"
like "$(cat "$TMP/conf/main.cf")" "^smtp_tls_security_level = may$" "the settings have lines of their own"

# --- the default instance, one of several, with an openssl(1) of its own ---

mkdir "$TMP/default"
printf '#!/bin/sh\necho "$@" >>%s\nexec openssl "$@"\n' "$TMP/default/called" >"$TMP/default/my openssl"
chmod 755 "$TMP/default/my openssl"
printf "myhostname = mx.example.test\nmulti_instance_directories = $TMP/conf\nopenssl_path = $TMP/default/my openssl\n" \
	>"$TMP/default/main.cf"
: >"$TMP/default/master.cf"
unshare -m sh -c 'mount --bind "$1" /etc/postfix && env -i PATH=/usr/bin:/bin MAIL_LOGTAG=postfix config_directory=/etc/postfix \
	command_directory=/usr/sbin daemon_directory="$2" queue_directory="$1" "$2/postfix-tls-script" new-server-key' \
	sh "$TMP/default" "$BIN" 2>"$TMP/err"
ok $? "new-server-key" || diag "$(cat "$TMP/err")"
is "$(cat "$TMP/default/called")" version "openssl_path is tried, blanks and all"
is "$(grep -c '# postfix -c /etc/postfix tls' "$TMP/err")" 3 "what is proposed is for this instance alone"
done_testing
