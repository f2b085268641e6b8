# SPDX-License-Identifier: ISC
#
# For tests that run our postconf and the installed one on the same files. The test is then in a directory of its
# own, where start/ holds the files that a case begins with.

build=${SEALPOST_BUILD:-build}
ours=$build/bin/postconf
real=/usr/sbin/postconf
here=$(cd "$(dirname "$0")/.." && pwd)
case $ours in /*) ;; *) ours=$PWD/$ours ;; esac

skip_all() {
	echo "1..0 # SKIP $1"
	exit 0
}

[ -x "$ours" ] || { echo "1..1"; echo "not ok 1 - $ours is not there"; exit 1; }
[ -x $real ] || skip_all "no postconf in /usr/sbin"
unset MAIL_CONFIG
version=$($real -dh mail_version 2>/dev/null)
case $version in 3.7.*) ;; *) skip_all "postconf in /usr/sbin is version $version, not 3.7" ;; esac
grep -aq 'Sealpost' "$real" 2>/dev/null && skip_all "postconf in /usr/sbin is ours"

work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
cd "$work" || exit 1
# The same first words in front of every message, and the same directory, whichever program it is.
mkdir bin-ours bin-real
ln -s "$ours" bin-ours/postconf
ln -s $real bin-real/postconf

n=0
result() { # STATUS NAME: shows the file "difference" when it went wrong
	n=$((n + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $n - $2"
	else
		echo "not ok $n - $2"
		sed 's/^/# /' difference
	fi
}

# run WHO DIRECTORY ARGUMENT...: standard output, messages, status into WHO.out, WHO.err
run() {
	who=$1 directory=$2
	shift 2
	rm -rf conf
	cp -pR "$directory" conf
	"./bin-$who/postconf" -c conf "$@" > "$who.out" 2> "$who.raw"
	echo "status $?" >> "$who.out"
	[ ! -e conf/main.cf.tmp ] || echo "conf/main.cf.tmp is there" >> "$who.out"
	# Postfix leaves that one behind when a request is wrong.
	[ "$who" = real ] || [ ! -e conf/master.cf.tmp ] || echo "conf/master.cf.tmp is there" >> "$who.out"
	sed "s,^\./bin-$who/postconf: ,," "$who.raw" | LC_ALL=C sort -u > "$who.err"
	cat conf/main.cf conf/master.cf > "$who.cf" 2> "$who.no" || :
	stat -c 'mode %a' conf/main.cf conf/master.cf >> "$who.out" 2> "$who.no"
}

# same NAME ARGUMENT...: with the files in start/
same() {
	name=$1
	shift
	touch -c -d '1 hour ago' start/main.cf start/master.cf
	run real start "$@"
	run ours start "$@"
	{ diff real.out ours.out && diff real.err ours.err && diff real.cf ours.cf; } > difference 2>&1
	result $? "$name"
}

mkdir start
: > start/main.cf
: > start/master.cf
