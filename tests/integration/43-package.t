#!/bin/sh
# SPDX-License-Identifier: ISC
#
# conf/package/postinst and postrm as dpkg runs them, and as they are left when something ends them early, on an instance
# without TLS and on one with settings as Debian has them. dpkg's data base is a private one; its packages are a "sealpost" of
# the scripts and what they copy, and a "postfix" of the one program that both have.
. "$(dirname "$0")/lib.sh"

need_postfix
command -v dpkg-deb >/dev/null || skip_all "needs dpkg"
CONF=$SEALPOST_TOP/conf/package
OURS=$TMP/ours
mkdir -p "$TMP/dpkg/info" "$TMP/dpkg/updates"
: >"$TMP/dpkg/status"
: >"$TMP/dpkg/available"
make_certs "$TMP/certs"

# An administrator's language, if the machine has it: what dpkg-divert says is not for scripts then.
bare="env -i LANG=C.UTF-8 LANGUAGE=de PATH=$PATH:/usr/sbin:/sbin DPKG_ADMINDIR=$TMP/dpkg DEBIAN_FRONTEND=noninteractive SEALPOST_DIRECTORY=$OURS"

# run SCRIPT ARGUMENT, dpkg ARGUMENT...: in the bare environment of a package manager.
run() {
	$bare MAIL_CONFIG="$I/etc" "$CONF/$1" "$2" </dev/null >"$TMP/out" 2>"$TMP/err" || { diag "$(cat "$TMP/err")"; return 1; }
}

divert() {
	$bare dpkg-divert "$@" >/dev/null
}

dpkg() {
	$bare MAIL_CONFIG="$I/etc" dpkg --admindir="$TMP/dpkg" --log="$TMP/dpkg/log" "$@" </dev/null >"$TMP/out" 2>"$TMP/err" ||
		{ diag "$(cat "$TMP/err")"; return 1; }
}

# deb NAME VERSION FOLDER: $TMP/NAME.deb with the content of FOLDER as it shall be in the root directory.
deb() {
	mkdir -p "$3/DEBIAN"
	printf '%s\n' "Package: $1" "Version: $2" "Architecture: all" "Maintainer: nobody <nobody@example.test>" \
		"Description: a part of $1" >"$3/DEBIAN/control"
	dpkg-deb --build --root-owner-group "$3" "$TMP/$1.deb" >"$TMP/out" 2>&1 || diag "$(cat "$TMP/out")"
}

# deb_ours VERSION: its script tells the version in a comment.
deb_ours() {
	rm -rf "$TMP/root"
	mkdir -p "$TMP/root$OURS" "$TMP/root/DEBIAN"
	cp "$BIN/postfix-tls-script" "$BIN/postfix-tls-helper" "$TMP/root$OURS"
	echo "# ours $1" >>"$TMP/root$OURS/postfix-tls-script"
	cp "$CONF/postinst" "$CONF/postrm" "$TMP/root/DEBIAN"
	deb sealpost "$1" "$TMP/root"
}

# deb_postfix VERSION
deb_postfix() {
	rm -rf "$TMP/root"
	mkdir -p "$TMP/root$I/daemon"
	{ cat $POSTFIX_SBIN/postfix-tls-script; echo "# postfix $1"; } >"$TMP/root$I/daemon/postfix-tls-script"
	chmod 755 "$TMP/root$I/daemon/postfix-tls-script"
	deb postfix "$1" "$TMP/root"
}

# make_package_instance NAME: with programs, not links, in its daemon_directory.
make_package_instance() {
	make_instance "$1" ""
	sed -i '/tls/d' "$I/etc/main.cf"
	rm -r "$I/daemon"
	cp -R $POSTFIX_SBIN "$I/daemon"
	script=$I/daemon/postfix-tls-script
}

listing() {
	(cd "$I" && ls -l etc daemon && cat etc/main.cf && md5sum daemon/postfix-tls-*)
}

diversions() {
	$bare LC_ALL=C dpkg-divert --list "$I/*"
}

# complaints: what "postfix check" says of the instance, which is not running.
complaints() {
	: >"$I/log/maillog"
	/usr/sbin/postfix -c "$I/etc" check 2>&1
	sed 's/.*\]: //' "$I/log/maillog"
}

# what [FILE]: the last line of a script, "ours N" or "postfix N" for those of packages.
what() {
	tail -n 1 "${1:-$script}" | sed 's/^# //'
}

make_package_instance fresh
deb_postfix 1
check "a postfix is installed" dpkg -i "$TMP/postfix.deb"
before=$(complaints)
deb_ours 1
check "the package is installed beside it" dpkg -i "$TMP/sealpost.deb"
is "$(what)" "ours 1" "our script is in place"
is "$(what "$script.postfix")" "postfix 1" "Postfix's own is kept"
is "$(complaints)" "$before" "postfix check has nothing more to say"
is "$(/usr/sbin/postconf -c "$I/etc" -h smtpd_tls_security_level smtp_tls_security_level | tr '\n' ' ')" "may may " "TLS is on"
check "with a key" [ -f "$(/usr/sbin/postconf -c "$I/etc" -h smtpd_tls_key_file)" ]
/usr/sbin/postfix -c "$I/etc" tls check --list >"$TMP/out" 2>&1
ok $? "postfix tls is ours" || diag "$(cat "$TMP/out")"
listing >"$TMP/first"
check "postinst succeeds a second time" run postinst configure
listing >"$TMP/second"
check "it changes nothing" cmp -s "$TMP/first" "$TMP/second"
start_instance "$I"
check "Postfix starts" wait_for port_open "$SMTPD_PORT"
stop_instance "$I"

deb_postfix 2
check "a newer postfix is installed" dpkg -i "$TMP/postfix.deb"
is "$(what) $(what "$script.postfix")" "ours 1 postfix 2" "our script stays, and the newer one is kept"
deb_ours 2
check "a newer package is installed" dpkg -i "$TMP/sealpost.deb"
is "$(what) $(what "$script.postfix")" "ours 2 postfix 2" "our script is the newer one, too"
is "$(complaints)" "$before" "postfix check still has nothing more to say"

listing >"$TMP/first"
check "postrm of an upgrade succeeds" run postrm upgrade
listing >"$TMP/second"
check "and changes nothing" cmp -s "$TMP/first" "$TMP/second"
check "the package is removed" dpkg --remove sealpost
is "$(what)" "postfix 2" "Postfix's own script is back"
is "$(cd "$I/daemon" && echo postfix-tls-*)" postfix-tls-script "and nothing of ours, under no name"
is "$(diversions)" "" "nothing is diverted"
is "$(/usr/sbin/postconf -c "$I/etc" -h smtpd_tls_security_level)" may "TLS stays on"
listing >"$TMP/first"
check "the package is purged" dpkg --purge sealpost
check "and postrm can run once more" run postrm purge
listing >"$TMP/second"
check "it changes nothing" cmp -s "$TMP/first" "$TMP/second"

# What ends early leaves Postfix's script, and the next run does the rest.
deb_ours 3
mkdir "$OURS"
cp "$TMP/root$OURS/postfix-tls-script" "$OURS"
ls -l "$I/daemon" >"$TMP/first"
check "postinst without one of the files fails" eval '! run postinst configure >/dev/null'
ls -l "$I/daemon" >"$TMP/second"
check "and changes nothing" cmp -s "$TMP/first" "$TMP/second"
is "$(diversions)" "" "nothing is diverted"
cp "$BIN/postfix-tls-helper" "$OURS"
divert --local --no-rename --divert "$script.local" --add "$script"
check "it does so where an administrator has diverted the script" eval '! run postinst configure >/dev/null'
ls -l "$I/daemon" >"$TMP/second"
check "and changes nothing" cmp -s "$TMP/first" "$TMP/second"
divert --local --no-rename --remove "$script"
for names in 1 2; do
	divert --package sealpost --no-rename --divert "$script.postfix" --add "$script"
	[ $names -eq 1 ] || ln "$script" "$script.postfix"
	check "postrm after a postinst that was killed with $names of two names made" run postrm remove
	ls -l "$I/daemon" >"$TMP/second"
	check "leaves Postfix's script" cmp -s "$TMP/first" "$TMP/second"
	divert --package sealpost --no-rename --divert "$script.postfix" --add "$script"
	[ $names -eq 1 ] || ln "$script" "$script.postfix"
	check "postinst after it" run postinst configure
	is "$(what) $(what "$script.postfix")" "ours 3 postfix 2" "puts ours in place"
	mv "$script.postfix" "$script"
	check "postrm after a postrm that was killed with the script back" run postrm remove
	ls -l "$I/daemon" >"$TMP/second"
	check "leaves Postfix's script" cmp -s "$TMP/first" "$TMP/second"
done

# What somebody did by hand.
mv "$script" "$script.postfix"
ln -s "$OURS/postfix-tls-script" "$OURS/postfix-tls-helper" "$I/daemon"
check "postinst where there are links by hand" run postinst configure
is "$(complaints)" "$before" "postfix check has nothing more to say"
check "postrm after it" run postrm remove
is "$(what)" "postfix 2" "Postfix's own script is back"
echo "# postfix 0" >"$script.postfix"
check "postinst where an old script was put aside by hand" run postinst configure
is "$(what "$script.postfix")" "postfix 2" "keeps the one in use"
check "postfix is removed" dpkg --remove postfix
check "postrm after it" run postrm remove
is "$(cd "$I/daemon" && echo postfix-tls-*)" "postfix-tls-*" "leaves nothing"

make_package_instance snakeoil
cat >>"$I/etc/main.cf" <<CONF_END
smtpd_tls_cert_file=$TMP/certs/rsa.crt
smtpd_tls_key_file=$TMP/certs/rsa.key
smtpd_tls_security_level=may
smtp_tls_security_level=may
CONF_END
cp "$I/etc/main.cf" "$TMP/main.cf"
check "postinst succeeds beside settings" run postinst configure
check "which it leaves alone" cmp -s "$I/etc/main.cf" "$TMP/main.cf"
is "$(ls "$I/etc" | tr '\n' ' ')" "main.cf master.cf " "and it makes no key"
check "postrm succeeds there, too" run postrm remove
done_testing
