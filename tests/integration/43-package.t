#!/bin/sh
# SPDX-License-Identifier: ISC
#
# conf/package/postinst and postrm as a package runs them, twice each, on an instance without TLS and on one with settings as
# Debian has them. dpkg's data base is a private one.
. "$(dirname "$0")/lib.sh"

need_postfix
command -v dpkg-divert >/dev/null || skip_all "needs dpkg"
CONF=$SEALPOST_TOP/conf/package
mkdir -p "$TMP/dpkg/info" "$TMP/dpkg/updates"
: >"$TMP/dpkg/status"
make_certs "$TMP/certs"

# run SCRIPT ARGUMENT: in the bare environment of a package manager.
run() {
	env -i DPKG_ADMINDIR="$TMP/dpkg" DEBIAN_FRONTEND=noninteractive MAIL_CONFIG="$I/etc" SEALPOST_DIRECTORY="$(cd "$BIN" && pwd)" \
		"$CONF/$1" "$2" </dev/null >"$TMP/out" 2>"$TMP/err"
}

listing() {
	(cd "$I" && ls -l etc daemon && cat etc/main.cf)
}

make_instance fresh ""
sed -i '/tls/d' "$I/etc/main.cf"
check "postinst succeeds" run postinst configure || diag "$(cat "$TMP/err")"
check "our script is in place" [ "$(readlink "$I/daemon/postfix-tls-script")" = "$(cd "$BIN" && pwd)/postfix-tls-script" ]
check "Postfix's own is kept" [ -e "$I/daemon/postfix-tls-script.postfix" ]
is "$(/usr/sbin/postconf -c "$I/etc" -h smtpd_tls_security_level smtp_tls_security_level | tr '\n' ' ')" "may may " "TLS is on"
check "with a key" [ -f "$(/usr/sbin/postconf -c "$I/etc" -h smtpd_tls_key_file)" ]
listing >"$TMP/first"
check "a second time" run postinst configure || diag "$(cat "$TMP/err")"
listing >"$TMP/second"
check "it changes nothing" cmp -s "$TMP/first" "$TMP/second"
start_instance "$I"
check "Postfix starts" wait_for port_open "$SMTPD_PORT"
check "postrm of an upgrade succeeds" run postrm upgrade
listing >"$TMP/second"
check "and changes nothing" cmp -s "$TMP/first" "$TMP/second"
check "postrm succeeds" run postrm remove || diag "$(cat "$TMP/err")"
is "$(readlink "$I/daemon/postfix-tls-script")" "$POSTFIX_SBIN/postfix-tls-script" "Postfix's own script is back"
check "and nothing of ours" [ ! -e "$I/daemon/postfix-tls-helper" ]
check "under one name" [ ! -e "$I/daemon/postfix-tls-script.postfix" ]
is "$(/usr/sbin/postconf -c "$I/etc" -h smtpd_tls_security_level)" may "TLS stays on"
listing >"$TMP/first"
check "a second time, for purge" run postrm purge || diag "$(cat "$TMP/err")"
listing >"$TMP/second"
check "it changes nothing" cmp -s "$TMP/first" "$TMP/second"

make_instance snakeoil ""
sed -i '/tls/d' "$I/etc/main.cf"
cat >>"$I/etc/main.cf" <<CONF_END
smtpd_tls_cert_file=$TMP/certs/rsa.crt
smtpd_tls_key_file=$TMP/certs/rsa.key
smtpd_tls_security_level=may
smtp_tls_security_level=may
CONF_END
cp "$I/etc/main.cf" "$TMP/main.cf"
check "postinst succeeds beside settings" run postinst configure || diag "$(cat "$TMP/err")"
check "which it leaves alone" cmp -s "$I/etc/main.cf" "$TMP/main.cf"
is "$(ls "$I/etc" | tr '\n' ' ')" "main.cf master.cf " "and it makes no key"
check "postrm succeeds there, too" run postrm remove
done_testing
