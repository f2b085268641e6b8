#!/bin/sh
# SPDX-License-Identifier: ISC
#
# "postfix tls check" finds what is wrong in each of tests/vectors/check, in the line where it is, and nothing else; and
# nothing in those that are sound; and the commands it names mend what they are for. A case is a main.cf, to which base
# lines are added at its end unless it has them; a master.cf, or that below; `setup`, which makes what else it needs; and
# `expect`: SEVERITY KIND PLACE, one a line.
#
# CASES=PATTERN runs those only.
. "$(dirname "$0")/lib.sh"

need_postfix
command -v openssl faketime >/dev/null || skip_all "needs openssl and faketime"
. "$SEALPOST_TOP/tests/tools/check-certs.sh"

VECTORS=$SEALPOST_TOP/tests/vectors/check
CERTS=$TMP/certs
check_certs "$CERTS" || skip_all "cannot make certificates"

cat >"$TMP/base" <<CONF
compatibility_level = 3.6
myhostname = mx.example.test
queue_directory = @DIR@/spool
data_directory = @DIR@/data
mail_owner = postfix
smtpd_tls_security_level = may
smtpd_tls_chain_files = @CERTS@/good.pem
smtpd_tls_CAfile = @CERTS@/root.crt
smtp_tls_security_level = may
CONF
cat >"$TMP/master" <<'CONF'
smtp inet n - n - - smtpd
smtp unix - - n - - smtp
tlsproxy unix - - n - 0 tlsproxy
tlsmgr unix - - n 1000? 1 tlsmgr
CONF

# helper DIR ARGUMENT...
helper() {
	helper_dir=$1
	shift
	env -i PATH=/usr/bin:/bin:/usr/sbin MAIL_CONFIG="$helper_dir" config_directory="$helper_dir" \
		queue_directory="$helper_dir/spool" data_directory="$helper_dir/data" \
		command_directory=/usr/sbin daemon_directory="$BIN" "$BIN/postfix-tls-script" "$@"
}

# What commands that mend find in their path: postfix(1) of this build, and a web server's files.
mkdir "$TMP/path"
cat >"$TMP/path/postfix" <<SH
#!/bin/sh
[ "\$1" = -c ] || exit 1
conf=\$2
shift 3
exec env -i PATH=/usr/bin:/bin:/usr/sbin MAIL_CONFIG="\$conf" config_directory="\$conf" queue_directory="\$conf/spool" \\
	data_directory="\$conf/data" command_directory=/usr/sbin daemon_directory="$BIN" "$BIN/postfix-tls-script" "\$@"
SH
printf '#!/bin/sh\ncat "$CERTS/${2##*/}"\n' >"$TMP/path/curl"
chmod 755 "$TMP/path/postfix" "$TMP/path/curl"

# Programs wait while main.cf is young.
age() {
	touch -d '1 hour ago' "$DIR/main.cf"
}

prepare() { # NAME: sets DIR.
	DIR=$TMP/cases/$1
	mkdir -p "$DIR/data" "$DIR/spool"
	cp -Rp "$CERTS" "$DIR/made"
	cp -R "$VECTORS/$1"/* "$DIR/"
	[ -f "$DIR/master.cf" ] || cp "$TMP/master" "$DIR/master.cf"
	while read -r name rest; do
		grep -q "^$name *=" "$DIR/main.cf" || echo "$name $rest" >>"$DIR/main.cf"
	done <"$TMP/base"
	sed -i "s,@DIR@,$DIR,g; s,@CERTS@,$DIR/made,g" "$DIR/main.cf"
	chown postfix "$DIR/data"
	chmod 644 "$DIR/main.cf" "$DIR/master.cf"
	age
	[ ! -f "$DIR/setup" ] || (cd "$DIR" && CERTS=$DIR/made TOOLS=$SEALPOST_TOP/tests/tools MAIL_CONFIG=$DIR sh -e ./setup) \
		>"$DIR/setup.log" 2>&1 || check "$1 is set up" false || diag "$(cat "$DIR/setup.log")"
	# What the case has made of it stays, as long as it is not new.
	[ "$(find "$DIR/main.cf" -mmin -1)" = "" ] || age
}

# SEVERITY KIND PLACE from JSON; the directory is left out of the place.
places() {
	perl -MJSON::PP -e '
		local $/;
		for (@{decode_json(<STDIN>)}) {
			(my $where = $_->{where}) =~ s,.*/,,;
			print "$_->{severity} $_->{id} $where\n";
			length $_->{what} && length $_->{why} or die "$_->{id} without words";
		}'
}

status_for() { # EXPECT
	if grep -q '^error ' "$1"; then
		echo 2
	elif grep -q '^unknown ' "$1"; then
		echo 3
	elif grep -q '^warning ' "$1"; then
		echo 1
	else
		echo 0
	fi
}

check_case() { # NAME
	prepare "$1"
	helper "$DIR" check --json >"$DIR/json" 2>"$DIR/err"
	got_status=$?
	got=$(places <"$DIR/json" | sort)
	wanted=$(sort "$DIR/expect")
	is "exit $got_status
$got" "exit $(status_for "$DIR/expect")
$wanted" "$1" || { diag "$(helper "$DIR" check 2>&1)"; diag "$(cat "$DIR/err")"; }
}

# What a command is said to mend is no longer found once it was carried out; and it touches nothing but the case's own.
mend_case() { # NAME
	perl "$SEALPOST_TOP/tests/tools/check-commands.pl" "$DIR" <"$DIR/json" >"$DIR/commands"
	[ -s "$DIR/commands" ] || return 0
	while IFS="$(printf '\t')" read -r kind command; do
		case $kind in
		outside*) echo "$kind: $command" && continue ;;
		esac
		age
		# Without a terminal, pass phrases come from standard input.
		(cd "$DIR" && echo secret | CERTS=$DIR/made PATH=$TMP/path:$PATH:/usr/sbin setsid -w sh -c "$command") \
			>>"$DIR/mend.log" 2>&1 || echo "$kind: failed: $command"
	done <"$DIR/commands" >"$DIR/left"
	age
	helper "$DIR" check --json 2>>"$DIR/err" | places | cut -d ' ' -f 2 >"$DIR/after"
	cut -f 1 "$DIR/commands" | sort -u | while read -r kind; do
		! grep -qx "$kind" "$DIR/after" || echo "$kind: still there"
	done >>"$DIR/left"
	is "$(cat "$DIR/left")" "" "$1 is mended" || diag "$(cat "$DIR/commands" "$DIR/mend.log")"
}

# What commands call is there: programs of Postfix and the system, and subcommands of "postfix tls".
is_there() { # PROGRAM...
	case $* in
	"postfix tls "*) helper "$DIR" help "$3" >/dev/null 2>&1 ;;
	*) (PATH=$PATH:/usr/sbin && command -v "$1" >/dev/null) ;;
	esac
}

mkdir "$TMP/cases"
for case in "$VECTORS"/${CASES:-*}; do
	[ -f "$case/expect" ] || continue
	check_case "${case##*/}"
	mend_case "${case##*/}"
done
for json in "$TMP"/cases/*/json; do
	perl "$SEALPOST_TOP/tests/tools/command-programs.pl" <"$json"
done | sort -u >"$TMP/programs"
is "$(while read -r program; do
	# shellcheck disable=SC2086 -- words
	is_there $program || echo "$program"
done <"$TMP/programs")" "" "what commands call is there: $(tr '\n' ',' <"$TMP/programs")"
[ -z "$CASES" ] || done_testing

faults=$(cat "$VECTORS"/*/expect | cut -d ' ' -f 2 | sort -u)
[ "$(find "$VECTORS" -path '*/[!s]*/expect' -size +0 | wc -l)" -ge 60 ]
ok $? "there are sixty cases with a fault"
[ "$(find "$VECTORS" -path '*/sound-*/expect' | wc -l)" -ge 10 ]
ok $? "there are ten sound cases"

helper "$TMP/cases/sound-base" check --list >"$TMP/kinds"
manual=$(sed -n 's/^\.IP "\?\([a-z0-9-]*\) (.*/\1/p' "$SEALPOST_TOP/man/man5/postfix-tls-check.5" 2>/dev/null)
is "$manual" "$(cut -f 1 "$TMP/kinds")" "the manual has every kind"
unseen=$(cut -f 1 "$TMP/kinds" | grep -Ev '^tlsa-|^not-examined$' | while read -r kind; do
	printf '%s\n' "$faults" | grep -qx "$kind" || echo "$kind"
done)
is "$unseen" "" "every kind has a case"
done_testing
