#!/bin/sh
# SPDX-License-Identifier: ISC
#
# "postfix tls check --fix" takes the steps it offers, and then there is nothing left to take; it asks, on a terminal; it
# changes nothing without one unless told --yes. --json and text say the same.
. "$(dirname "$0")/lib.sh"

need_postfix
make_certs "$TMP/certs"

helper() {
	env -i PATH=/usr/bin:/bin:/usr/sbin MAIL_CONFIG="$TMP/conf" config_directory="$TMP/conf" \
		command_directory=/usr/sbin daemon_directory="$BIN" queue_directory="$TMP" "$BIN/postfix-tls-script" "$@"
}

fresh() {
	rm -rf "$TMP/conf"
	mkdir -p "$TMP/conf" "$TMP/data"
	chown postfix "$TMP/data"
	cat >"$TMP/conf/main.cf" <<-CONF
	# the first line stays
	compatibility_level = 3.6
	data_directory = $TMP/data
	smtpd_use_tls = yes
	smtpd_tls_cert_file = $TMP/certs/rsa.crt
	smtpd_tls_key_file = $TMP/certs/rsa.key
	smtpd_tls_cipherlist = DEFAULT
	smtp_enforce_tls = yes
	smtp_tls_enforce_peername = no
	smtp_tls_policy_maps = hash:$TMP/conf/policy
	# and the last
	CONF
	printf 'smtp inet n - n - - smtpd\ntlsmgr unix - - n 1000? 1 tlsmgr\n' >"$TMP/conf/master.cf"
	echo "example.com encrypt" >"$TMP/conf/policy"
	chmod 644 "$TMP/certs/rsa.key"
	cp "$TMP/conf/main.cf" "$TMP/before"
}

fresh
helper check >"$TMP/text" 2>"$TMP/err"
is $? 2 "the key that all can read is an error"
helper check --json >"$TMP/json" 2>>"$TMP/err"
is "$(perl -MJSON::PP -e 'local $/; print map { "$_->{where}: $_->{severity}: $_->{what}: $_->{why} [$_->{id}]\n" . (length $_->{command} ? "    $_->{command}\n" : "") } @{decode_json(<STDIN>)}' <"$TMP/json")" \
	"$(sed '$d' "$TMP/text")" "JSON has what the text has"
like "$(tail -n 1 "$TMP/text")" '^2 errors, 4 warnings, 1 note$' "the last line counts"

helper check --fix >"$TMP/text" 2>>"$TMP/err" </dev/null
cmp -s "$TMP/before" "$TMP/conf/main.cf"
ok $? "without a terminal nothing is changed"
like "$(cat "$TMP/text")" '^with --yes: .*postconf .*-X smtpd_use_tls' "but it is said what would be done"

# script(1) gives it a terminal: no to the first question, and then the end of input.
cat >"$TMP/answer" <<SH
exec env -i PATH=/usr/bin:/bin:/usr/sbin MAIL_CONFIG="$TMP/conf" config_directory="$TMP/conf" \
	command_directory=/usr/sbin daemon_directory="$BIN" queue_directory="$TMP" "$BIN/postfix-tls-script" check --fix
SH
printf 'n\n\004' | script -qec "sh $TMP/answer" /dev/null >"$TMP/asked" 2>&1
like "$(cat "$TMP/asked")" 'Do that\? \[y/N\]' "on a terminal it asks"
cmp -s "$TMP/before" "$TMP/conf/main.cf"
ok $? "no is no"

helper check --fix --yes >"$TMP/text" 2>>"$TMP/err"
is $? 2 "the status is about what was found"
like "$(cat "$TMP/conf/main.cf")" '^smtpd_tls_security_level = may$' "the server's level took the place of the boolean"
like "$(cat "$TMP/conf/main.cf")" '^smtp_tls_security_level = encrypt$' "the client's level took the place of two"
unlike "$(cat "$TMP/conf/main.cf")" '_use_tls|enforce|cipherlist' "the old ones are gone"
is "$(sed -n '1p' "$TMP/conf/main.cf")" "# the first line stays" "comments stay"
is "$(stat -c %a "$TMP/certs/rsa.key")" 640 "others cannot read the key"
is "$(/usr/sbin/postmap -c "$TMP/conf" -q example.com "hash:$TMP/conf/policy" 2>&1)" encrypt "the table was made"
helper check --fix --yes >"$TMP/text" 2>>"$TMP/err"
is $? 0 "then nothing is left but notes"
unlike "$(cat "$TMP/text")" '^done:' "and there is nothing to do"

fresh
helper check --yes >/dev/null 2>"$TMP/err"
is $? 3 "--yes without --fix makes no sense"
helper check more >/dev/null 2>"$TMP/err"
is $? 3 "an argument makes no sense"
like "$(cat "$TMP/err")" 'usage: postfix tls check' "and the usage is said"
rm "$TMP/conf/master.cf"
helper check >/dev/null 2>"$TMP/err"
is "$? $(wc -l <"$TMP/err")" "3 1" "without master.cf nothing can be checked" || diag "$(cat "$TMP/err")"
rm "$TMP/conf/main.cf"
helper check >/dev/null 2>"$TMP/err"
is "$? $(wc -l <"$TMP/err")" "3 1" "nor without main.cf" || diag "$(cat "$TMP/err")"

# What one setting replaces leaves with the other's coming: a main.cf that held both would be too large for this process.
fresh
sed -i '/enforce/d; /cipherlist/d; /policy/d' "$TMP/conf/main.cf"
chmod 600 "$TMP/certs/rsa.key"
size=$(wc -c <"$TMP/conf/main.cf")
head -c $((4096 - (size + 12) % 4096 - 2)) /dev/zero | tr '\0' '#' >>"$TMP/conf/main.cf"
echo >>"$TMP/conf/main.cf"
blocks=$((($(wc -c <"$TMP/conf/main.cf") + 511) / 512))
(ulimit -f $blocks && helper check --fix --yes) >"$TMP/text" 2>"$TMP/err"
like "$? $(cat "$TMP/text")" '^1 .*' "two settings are one edit" || diag "$(cat "$TMP/err")"
is "$(grep -c '^done: ' "$TMP/text") $(grep '_tls' "$TMP/conf/main.cf" | cut -d ' ' -f 1 | tr '\n' ' ')" \
	"1 smtpd_tls_cert_file smtpd_tls_key_file smtpd_tls_security_level " "and it is whole"

# A step that fails is the last; what was done is said, and what is left.
fresh
sed -i 's,^smtp_tls_policy_maps.*,&\, hash:'"$TMP/conf"'/second,' "$TMP/conf/main.cf"
cp "$TMP/conf/policy" "$TMP/conf/second"
mkdir "$TMP/conf/policy.db"
: >"$TMP/conf/second.db"
touch -d '1 hour ago' "$TMP/conf/policy.db" "$TMP/conf/second.db"
helper check --fix --yes >"$TMP/text" 2>"$TMP/err"
is $? 3 "a step that fails has a status of its own"
like "$(grep fatal "$TMP/err")" 'fatal: .*main\.cf:[0-9]* \[map-outdated\]: /usr/sbin/postmap hash:.*/policy failed with status 1$' "it is said which"
is "$(sed -n 's/^\(done\|left\): \([a-z]*\).*[ /]\([a-z_.]*\)$/\1 \2 \3/p' "$TMP/text" | sort)" "$(sort <<END
done chmod rsa.key
done postconf smtpd_use_tls
done postconf smtpd_tls_cipherlist
done postconf smtp_enforce_tls
done postconf smtp_tls_enforce_peername
left postmap policy
left postmap second
END
)" "and what is done, and left" || diag "$(cat "$TMP/text")"
unlike "$(cat "$TMP/conf/main.cf")" '_use_tls|enforce|cipherlist' "what was done stays"
rmdir "$TMP/conf/policy.db"
sh -c "$(sed -n 's/^left: //p' "$TMP/text")" && helper check --fix --yes >"$TMP/text" 2>"$TMP/err"
is "$? $(grep -c '^done' "$TMP/text")" "0 0" "the commands that were left do the rest" || diag "$(cat "$TMP/text" "$TMP/err")"

# Settings of services are in master.cf, which stays a link and keeps its mode; the others of it stay as they are.
fresh
mv "$TMP/conf/master.cf" "$TMP/kept-master"
cat >>"$TMP/kept-master" <<'CONF'
# a comment
587 inet n - n - - smtpd
  -o smtpd_enforce_tls=yes -o syslog_name=postfix/submission
  -o smtpd_tls_eecdh_grade=strong
26 inet n - n - - smtpd -o smtpd_tls_security_level=verify
# the last
CONF
chmod 640 "$TMP/kept-master"
ln -s ../kept-master "$TMP/conf/master.cf"
helper check --fix --yes >"$TMP/text" 2>"$TMP/err"
is "$(stat -c '%F %a' "$TMP/conf/master.cf" "$TMP/kept-master" | tr '\n' ' ')" "symbolic link 777 regular file 640 " \
	"master.cf is where it was"
is "$(/usr/sbin/postconf -c "$TMP/conf" -P 2>/dev/null)" "587/inet/smtpd_tls_security_level = encrypt
587/inet/syslog_name = postfix/submission
26/inet/smtpd_tls_security_level = encrypt" "settings of services have changed" || diag "$(cat "$TMP/text" "$TMP/err")"
is "$(grep '^#' "$TMP/conf/master.cf")" "# a comment
# the last" "comments stay"
helper check --fix --yes >"$TMP/text" 2>>"$TMP/err"
unlike "$(cat "$TMP/text")" '^done:' "and then there is nothing to do" || diag "$(cat "$TMP/text")"
rm "$TMP/kept-master"

# What it says of main.cf it does not say twice.
fresh
echo "smtpd_tls_cipherlist = HIGH" >>"$TMP/conf/main.cf"
helper check >"$TMP/text" 2>"$TMP/err"
like "$(cat "$TMP/text")" '\[shadowed-line\]' "a line that another overrides is found"
is "$(cat "$TMP/err")" "" "and standard error is empty"

# Another instance.
mkdir "$TMP/other conf"
cp "$TMP/conf/"* "$TMP/other conf"
env -i PATH=/usr/bin:/bin:/usr/sbin MAIL_CONFIG="$TMP/other conf" config_directory="$TMP/other conf" \
	command_directory=/usr/sbin daemon_directory="$BIN" queue_directory="$TMP" "$BIN/postfix-tls-script" check >"$TMP/text"
like "$(cat "$TMP/text")" "postconf -c '$TMP/other conf' -X smtpd_use_tls" "commands are for the instance that was looked at"

# An ordinary user sees what everybody may see, and is told what is missing.
fresh
chmod 600 "$TMP/certs/rsa.key"
sed -i /policy/d "$TMP/conf/main.cf"
setpriv --reuid=65534 --regid=65534 --clear-groups env -i PATH=/usr/bin:/bin:/usr/sbin MAIL_CONFIG="$TMP/conf" \
	config_directory="$TMP/conf" command_directory=/usr/sbin daemon_directory="$BIN" queue_directory="$TMP" \
	"$BIN/postfix-tls-script" check >"$TMP/text" 2>"$TMP/err"
is $? 3 "what could not be looked at has a status of its own" || diag "$(cat "$TMP/text" "$TMP/err")"
is "$(grep -c '\[not-examined\]' "$TMP/text")" 1 "and one line" || diag "$(cat "$TMP/text")"
unlike "$(cat "$TMP/text")" 'file-unusable' "which is no fault of the file"

# A stand-alone system of conf/, that an ordinary user runs: it sends no mail, and all in it is his.
mkdir -p "$TMP/alone/data"
cp "$SEALPOST_TOP/conf/main.cf" "$SEALPOST_TOP/conf/master.cf" "$TMP/alone"
cat >>"$TMP/alone/main.cf" <<CONF
data_directory = $TMP/alone/data
queue_directory = $TMP/alone
mail_owner = postfix
CONF
check_alone() { # COMMAND...
	"$@" env -i PATH=/usr/bin:/bin:/usr/sbin MAIL_CONFIG="$TMP/alone" config_directory="$TMP/alone" \
		command_directory=/usr/sbin daemon_directory="$BIN" queue_directory="$TMP/alone" \
		"$BIN/postfix-tls-script" check 2>&1
}
chown -R 65534 "$TMP/alone"
is "$(check_alone setpriv --reuid=65534 --regid=65534 --clear-groups | tail -n 1)" "0 errors, 0 warnings, 0 notes" \
	"nothing is wrong with an ordinary user's system" ||
	diag "$(check_alone setpriv --reuid=65534 --regid=65534 --clear-groups)"
like "$(check_alone)" "\[data-directory-owner\]" "which root would not say of it"
done_testing
