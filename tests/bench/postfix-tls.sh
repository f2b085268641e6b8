#!/bin/sh
# SPDX-License-Identifier: ISC
#
# How long commands of "postfix tls" take from start to end under Debian's postfix(1), with our script in its
# daemon_directory and with its own, turn by turn: the median. "nothing" is the same with a script that does nothing: what
# postfix(1) needs for itself. Then the same with a main.cf that was edited a moment ago, for which Debian's postfix(1) waits
# by itself; so the whole under our postfix(1), which does not, and the scripts alone are timed there, too. Run by
# tests/bench/run. In the environment:
#
#   ROUNDS    turns, 20      HOT_ROUNDS    turns with a young main.cf, 5

. "$SEALPOST_TOP/tests/integration/lib.sh"

need_postfix
unshare -m true 2>/dev/null || skip_all "no private mount namespace to be had"
make_certs "$TMP/certs"
for variant in ours stock nothing; do
	case $variant in
	ours) make_instance ours "postfix-tls-script postfix-tls-helper" ;;
	*) make_instance $variant "" ;;
	esac
	# As installed: nothing of TLS yet.
	sed -i '/tls/d' "$I/etc/main.cf"
	cp "$TMP/certs"/rsa.* "$I/etc"
	for folder in public private pid maildrop; do
		mkdir -p "$I/spool/$folder"
	done
done
rm "$TMP/nothing/daemon/postfix-tls-script"
printf '#!/bin/sh\nexit 0\n' >"$TMP/nothing/daemon/postfix-tls-script"
chmod 755 "$TMP/nothing/daemon/postfix-tls-script"

unshare -m perl -e '
	use strict;
	use warnings;
	use Time::HiRes "time";
	my ($top, $our_postfix, $rounds, $hot_rounds) = @ARGV;

	# The default instance, where the stock script looks for openssl_path; this machine may have none.
	system("mount --make-rprivate / && cp -a /etc/postfix $top/default") == 0 or die;
	open my $h, ">", "$top/default/main.cf" or die;
	print $h "compatibility_level = 3.6\n";
	close $h;
	utime 1, 1, "$top/default/main.cf";
	system("mount --bind $top/default /etc/postfix") == 0 or die;

	sub slurp { my $f = shift; local $/; open(my $h, "<", $f) or die "$f: $!"; return <$h> }
	my %main = map { $_ => slurp("$top/$_/etc/main.cf") } qw(ours stock nothing);

	# As it was, with a main.cf of this age.
	sub reset_to {
		my ($variant, $age, @more) = @_;
		my $etc = "$top/$variant/etc";
		unlink glob("$etc/*key-*.pem $etc/*cert-*.pem");
		open my $h, ">", "$etc/main.cf" or die;
		print $h $main{$variant}, map { "$_\n" } @more;
		close $h;
		utime time - $age, time - $age, "$etc/main.cf";
	}

	sub timed {
		my ($status, @command) = @_;
		my $start = time;
		my $pid = fork();
		die if !defined $pid;
		if (!$pid) {
			open STDIN, "<", "/dev/null";
			open STDOUT, ">", "$top/out";
			open STDERR, ">", "$top/err";
			exec @command;
		}
		waitpid $pid, 0;
		my $taken = (time - $start) * 1000;
		die "@command: status $?\n" . slurp("$top/err") . slurp("$top/out") if defined $status && $? >> 8 != $status;
		return $taken;
	}

	sub median { my @s = sort { $a <=> $b } @_; return @s % 2 ? $s[@s / 2] : ($s[@s / 2 - 1] + $s[@s / 2]) / 2 }

	# What postfix(1) gives to its scripts.
	sub script {
		my ($variant, @arguments) = @_;
		my $i = "$top/$variant";
		return ("env", "-i", "PATH=/bin:/usr/bin:/sbin:/usr/sbin", "LANG=C", "MAIL_CONFIG=$i/etc", "MAIL_LOGTAG=postfix",
			"config_directory=$i/etc", "command_directory=/usr/sbin", "daemon_directory=$i/daemon", "data_directory=$i/data",
			"queue_directory=$i/spool", "meta_directory=/etc/postfix", "shlib_directory=/usr/lib/postfix", "mail_owner=postfix",
			"setgid_group=postdrop", "POSTLOG_SERVICE=$i/spool/public/postlog", "POSTLOG_HOSTNAME=mx.example.test",
			"$i/daemon/postfix-tls-script", @arguments);
	}

	my @commands = (
		["all-default-server", []],
		["output-server-tlsa rsa.key", []],
		["deploy-server-cert rsa.crt rsa.key", []],
		["enable-server -a ecdsa", []],
	);
	printf "%-44s %9s %9s %9s %7s\n", "milliseconds, median of $rounds", "ours", "stock", "nothing", "ratio";
	my $row = sub {
		my ($name, $n, $age, $run, @variants) = @_;
		my %taken;
		for (1 .. $n) {
			for my $variant (@variants) {
				reset_to($variant, $age);
				push @{$taken{$variant}}, $run->($variant);
			}
		}
		my %m = map { $_ => median(@{$taken{$_}}) } @variants;
		printf "%-44s %9.1f %9.1f %9s %7.3f\n", $name, $m{ours}, $m{stock},
			defined $m{nothing} ? sprintf("%.1f", $m{nothing}) : "", $m{ours} / $m{stock};
	};
	for (@commands) {
		my @arguments = split / /, $_->[0];
		$row->($_->[0], $rounds, 3600, sub { timed(0, "/usr/sbin/postfix", "-c", "$top/$_[0]/etc", "tls", @arguments) },
			qw(ours stock nothing));
	}
	for (@commands) {
		my @arguments = split / /, $_->[0];
		$row->("main.cf just edited: $arguments[0]", $hot_rounds, 0,
			sub { timed(0, "/usr/sbin/postfix", "-c", "$top/$_[0]/etc", "tls", @arguments) }, qw(ours stock nothing));
		$row->("    ours under our postfix(1)", $hot_rounds, 0,
			sub { timed(0, $_[0] eq "ours" ? $our_postfix : "/usr/sbin/postfix", "-c", "$top/$_[0]/etc", "tls", @arguments) },
			qw(ours stock));
		$row->("    the script alone", $hot_rounds, 0, sub { timed(0, script($_[0], @arguments)) }, qw(ours stock));
	}
' "$TMP" "$BIN/postfix" "${ROUNDS:-20}" "${HOT_ROUNDS:-5}" || exit 1
