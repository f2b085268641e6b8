#!/bin/sh
# SPDX-License-Identifier: ISC
#
# What the configuration library promises, beside Postfix's own programs: types and limits of the TLS parameters, defaults,
# edits that are all or nothing, readers that see no half of a file, a time that grows with the file and no faster, whom a
# program with foreign rights believes, and made-up files of every sort.
#
# Tables are in the unit tests (test_map, test_map_braces), cases written by hand in 10-postconf and 11-postconf-services.
# tests/tools/config-types.pl, config-editors.pl and config-corpus.pl have the longer parts.
. "$(dirname "$0")/lib.sh"

need_postfix
case $(/usr/sbin/postconf -dh mail_version 2>/dev/null) in
3.7.*) ;;
*) skip_all "postconf in /usr/sbin is not of Postfix 3.7" ;;
esac
unshare -m true 2>/dev/null || skip_all "no private mount namespace to be had"
strace -o /dev/null -e trace=unlink -e inject=unlink:signal=KILL:when=1 true 2>/dev/null ||
	skip_all "needs strace, and leave to trace"
BIN=$(cd "$BIN" && pwd)
OURS=$BIN/postconf
vectors=$SEALPOST_TOP/tests/vectors

# take_tap NAME COMMAND...: its lines, as tests of this one
take_tap() {
	take_name=$1
	shift
	"$@" >"$TMP/tap" 2>"$TMP/err"
	check "$take_name comes to an end" [ $? -eq 0 ] || diag "$(cat "$TMP/err")"
	while IFS= read -r line; do
		case $line in
		"ok - "*) ok 0 "${line#ok - }" ;;
		"not ok - "*) ok 1 "${line#not ok - }" ;;
		*) diag "$line" ;;
		esac
	done <"$TMP/tap"
}

# What is written is flushed, often; a disk that others use makes that slow.
work=$TMP/work
mkdir -m 755 "$work" "$work/types" "$work/editors" "$work/corpus" "$work/conf"
in_memory() {
	folder=$work/$1
	shift
	unshare -m sh -c 'mount --make-rprivate / && mount -t tmpfs -o mode=755 none "$0" && "$@"' "$folder" "$@"
}
run_types() {
	shift
	make_certs "$work/types"
	mv "$work/types/ecdsa.key" "$work/types/key.pem" && mv "$work/types/ecdsa.crt" "$work/types/cert.pem"
	perl "$SEALPOST_TOP/tests/tools/config-types.pl" "$BIN" $POSTFIX_SBIN "$vectors/tls-params.tsv" "$work/types"
}

take_tap "the part about types" run_types types
take_tap "the part about editors" in_memory editors perl "$SEALPOST_TOP/tests/tools/config-editors.pl" "$BIN" "$work/editors"
take_tap "the part about made-up files" in_memory corpus perl "$SEALPOST_TOP/tests/tools/config-corpus.pl" "$BIN" "$work/corpus" 80

# --- defaults ---

# Spelled in the table as printf(1) spells it; postconf prints runs of blanks as one.
printf 'compatibility_level = 3.6\n' >"$work/conf/main.cf"
: >"$work/conf/master.cf"
touch -d '1 hour ago' "$work/conf/main.cf" "$work/conf/master.cf"
tail -n +2 "$vectors/tls-params.tsv" | awk -F '\t' '$3 != "(absent)" { if ($3 == "(empty)" || $3 == "-") $3 = ""
	print $1 " =" ($3 == "" ? "" : " " $3) }' | LC_ALL=C sort >"$TMP/table"
for who in "$OURS" /usr/sbin/postconf; do
	"$who" -c "$work/conf" -d >"$TMP/all" 2>/dev/null
	cut -d ' ' -f 1 "$TMP/table" >"$TMP/names"
	awk 'NR == FNR { wanted[$1] = 1; next } $1 in wanted' "$TMP/names" "$TMP/all" | LC_ALL=C sort >"$TMP/defaults"
	diff "$TMP/table" "$TMP/defaults" >"$TMP/difference"
	ok $? "$(wc -l <"$TMP/table") defaults of TLS parameters are in the table and in $who -d" || diag "$(cat "$TMP/difference")"
done

# --- large files ---

# large MEGABYTES: that much, half of it one value over many lines
large() {
	perl -e 'my $half = $ARGV[0] * 524288; my $line = ("x" x 63) . "\n";
		print "relayhost = y\n", (" $line") x ($half / 65);
		my $n = 0; for (my $at = 0; $at < $half; $at += 80) { printf "name%08d = %s\n", $n++, "z" x 63 }' "$1"
}
# cpu FILE: what it takes, in hundredths of a second; the least of three
cpu() {
	cp "$1" "$work/conf/main.cf"
	touch -d '1 hour ago' "$work/conf/main.cf"
	perl -e 'my $least; for (1 .. 3) { my $before = (times)[2] + (times)[3]; system(@ARGV) == 0 or die; my $took = (times)[2] + (times)[3] - $before;
		$least = $took if !defined $least || $took < $least } printf "%d\n", 100 * $least + 0.5' sh -c '"$0" -c "$1" -h relayhost >"$2" 2>/dev/null' "$OURS" "$work/conf" "$TMP/value"
}
large 1 >"$TMP/small"
large 10 >"$TMP/large"
small_cpu=$(cpu "$TMP/small") large_cpu=$(cpu "$TMP/large")
[ "$(wc -c <"$TMP/value")" -gt 5000000 ]
ok $? "a value of 5 MB in a main.cf of 10 MB is read whole"
# Ten times the bytes; a hundredth of a second is what the clock tells apart.
[ "$large_cpu" -le $((30 * (small_cpu + 1))) ]
ok $? "it takes no more than thirty times what 1 MB takes" || diag "1 MB: $small_cpu, 10 MB: $large_cpu hundredths of a second"

# --- a FIFO ---

mkdir "$work/fifo"
mkfifo "$work/fifo/main.cf"
: >"$work/fifo/master.cf"
for arguments in "-n" "-e relayhost=x" "-X relayhost"; do
	# shellcheck disable=SC2086
	said=$(timeout 60 "$OURS" -c "$work/fifo" $arguments 2>&1 </dev/null)
	is "$? ${said#*: }" "1 fatal: open $work/fifo/main.cf: this is a FIFO, not a file" "main.cf is a FIFO: postconf $arguments"
done
is "$(ls "$work/fifo")" "main.cf
master.cf" "and nothing is left behind"
rm "$work/fifo/main.cf" "$work/fifo/master.cf"
cp "$work/conf/master.cf" "$work/fifo/main.cf"
mkfifo "$work/fifo/master.cf"
said=$(timeout 60 "$OURS" -c "$work/fifo" -M 2>&1 </dev/null)
like "$said" "fatal: open .*/fifo/master.cf: this is a FIFO" "master.cf is a FIFO: postconf -M"
said=$(MAIL_CONFIG=$work/fifo timeout 60 "$BIN/master" -d 2>&1 </dev/null)
unlike "$?" "^124$" "and master does not wait for it" || diag "$said"

# --- foreign directories ---

# What is built in is covered by a folder of the test, which nobody else sees. Postfix's postconf does not listen to -c when
# it is set-group-id, so the part is postqueue's there: a queue that cannot be reported means that main.cf was read.
mkdir -m 755 "$work/trust" "$work/trust/etc" "$work/trust/other" "$work/trust/bin"
cp "$work/conf/master.cf" "$work/trust/etc/master.cf"
cp "$work/conf/master.cf" "$work/trust/other/master.cf"
printf 'mail_owner = postfix\n' >"$work/trust/other/main.cf"
cp "$OURS" "$work/trust/bin/ours" && cp /usr/sbin/postqueue "$work/trust/bin/real"
chgrp postdrop "$work/trust/bin/"* && chmod 2755 "$work/trust/bin/"*
other=$work/trust/other

# trusts BUILT-IN-MAIN.CF DIRECTORY: "ours real", each yes, no or what was said instead
trusts() {
	printf '%b' "$1" >"$work/trust/etc/main.cf"
	touch -d '1 hour ago' "$work/trust/etc/main.cf" "$other/main.cf"
	unshare -m sh -c 'mount --make-rprivate / && mount --bind "$0/etc" /etc/postfix || exit
		for who in "ours -c $1 mail_owner" "real -c $1 -p"; do
			setpriv --reuid=65534 --regid=65534 --clear-groups "$0/bin/"$who 2>&1
		done' "$work/trust" "$2" | sed -e 's/^mail_owner = postfix$/yes/; s/.*Queue report unavailable.*/yes/; s/^[^ ]*: //' \
		-e "s,^error: unauthorized configuration directory name: $2\$,no," \
		-e "s,^fatal: specify \"alternate_config_directories = $2\" or \"multi_instance_directories = $2\" in /etc/postfix/main.cf\$,no," |
		tr '\n' ' '
}
is "$(trusts 'a = b\n' "$other")" "no no no no " "a directory that nobody names is refused, in the right words"
is "$(trusts "alternate_config_directories = $other\n" "$other")" "yes yes " "alternate_config_directories names it"
is "$(trusts "multi_instance_directories = /x,$other\n" "$other")" "yes yes " "multi_instance_directories names it"
is "$(trusts "alternate_config_directories = /x\nmulti_instance_directories = /x\n\t$other /y\n" "$other")" "yes yes " "in a second line"
is "$(trusts "alternate_config_directories = $other\nalternate_config_directories = /x\n" "$other")" "yes yes " "in a setting that another one overrides"
is "$(trusts "nonsense\nalternate_config_directories = $other\n" "$other")" "yes yes " "behind a line that is wrong"
is "$(trusts "d = $other\nalternate_config_directories = \$d\n" "$other")" "no no no no " "a name is not expanded"
is "$(trusts "alternate_config_directories = $other/\n" "$other")" "no no no no " "a slash at its end makes it another one"
is "$(trusts "alternate_config_directories = {$other}\n" "$other")" "no no no no " "and so do braces"
cp "$work/trust/bin/ours" "$work/trust/bin/plain" && chmod 755 "$work/trust/bin/plain"
said=$(setpriv --reuid=65534 --regid=65534 --clear-groups "$work/trust/bin/plain" -c "$other" -h mail_owner 2>&1)
is "$said" postfix "who runs with no more rights than its caller reads any directory"

done_testing
