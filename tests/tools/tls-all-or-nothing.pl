#!/usr/bin/perl
# SPDX-License-Identifier: ISC
#
# Commands of "postfix tls" that are killed, or find no room, at every step: what they leave is the old state or the new.
#
#   unshare -m perl tls-all-or-nothing.pl BIN WORK
#
# BIN holds postfix-tls-helper; WORK is an empty folder of root's. Needs strace. Prints TAP lines without a plan.
use strict;
use warnings;
use File::Path 'remove_tree';
use POSIX ();

my ($bin, $work) = @ARGV;
my $conf = "$work/conf";
my $base = "$work/base";
my @calls = qw(openat creat write pwrite64 rename renameat renameat2 link linkat unlink unlinkat fsync fdatasync fchmod chmod fchown ftruncate flock symlink close);
my $tests = 0;

sub slurp { my $f = shift; local $/; open(my $h, '<:raw', $f) or return undef; my $t = <$h>; $t // '' }
sub spew { my ($f, $t) = @_; open my $h, '>:raw', $f or die "$f: $!"; print $h $t; close $h or die "$f: $!" }
sub must { system(@_) == 0 or die "@_: status $?\n" }
sub names { my $d = shift; opendir(my $h, $d) or die "$d: $!"; return sort grep { !/^\.\.?$/ } readdir $h }

sub ok {
	my ($good, $name, @more) = @_;
	$tests++;
	print $good ? "ok - $name\n" : "not ok - $name\n";
	print map { "# $_\n" } @more if !$good;
	return $good;
}

# --- one command ---

my @environment = ('env', '-i', 'PATH=/usr/bin:/bin', "MAIL_CONFIG=$conf", 'MAIL_LOGTAG=postfix', "config_directory=$conf",
	'command_directory=/usr/sbin', "daemon_directory=$bin", "queue_directory=$work", "data_directory=$work");

sub start {
	my (@command) = @_;
	my $pid = fork();
	die "fork: $!\n" if !defined $pid;
	return $pid if $pid;
	open STDIN, '<', '/dev/null';
	open STDOUT, '>>', "$work/out";
	open STDERR, '>>', "$work/out";
	exec(@command) or POSIX::_exit(127);
}

sub run { my $pid = start(@environment, "$bin/postfix-tls-helper", @_); waitpid $pid, 0; return $? }

# True if it was killed before its $n-th $call, false when it had come to its end before.
sub killed_at {
	my ($call, $n, @arguments) = @_;
	my $pid = start('strace', '-f', '-o', "$work/trace", '-e', "trace=$call", '-e', "inject=$call:signal=KILL:when=$n",
		@environment, "$bin/postfix-tls-helper", @arguments);
	waitpid $pid, 0;
	return ($? & 127) == 9 || $? >> 8 == 137;
}

# --- what it left ---

sub reset_conf {
	remove_tree($conf);
	mkdir $conf, 0755 or die "$conf: $!";
	place();
}

# Copies the base into the folder, which may be a mount point.
sub place {
	for (names($base)) {
		spew("$conf/$_", slurp("$base/$_"));
		chmod((stat "$base/$_")[2] & 07777, "$conf/$_");
	}
}

sub public_key { my ($kind, $file) = @_; return $kind eq 'key' ? `openssl pkey -in '$file' -pubout 2>/dev/null` : `openssl x509 -in '$file' -noout -pubkey 2>/dev/null` }

# "old" or "new", or what is wrong.
sub state_of {
	my $text = slurp("$conf/main.cf");
	return 'no main.cf' if !defined $text;
	for (names($conf)) {
		my $file = "$conf/$_";
		return "$_ can be read by others" if (slurp($file) // '') =~ /PRIVATE KEY/ && (stat $file)[2] & 077;
	}
	my %named = $text =~ /^(smtpd_tls_(?:ec)?(?:key|cert)_file) = (.*)$/mg;
	for (values %named) { return "main.cf names $_, which is not there" if !-f $_ }
	return 'old' if $text eq slurp("$base/main.cf");
	return 'main.cf is neither the old one nor complete' if index($text, slurp("$base/main.cf")) != 0 || $text !~ /\n\z/;
	for my $ec ('', 'ec') {
		my ($key, $cert) = @named{"smtpd_tls_${ec}key_file", "smtpd_tls_${ec}cert_file"};
		next if !$key && !$cert;
		return "key without certificate in main.cf" if !$key || !$cert;
		my $public = public_key('key', $key);
		return "$key and $cert are no pair" if $public eq '' || $public ne public_key('cert', $cert);
	}
	return 'new';
}

# Pairs of new files; undef when there is half of one.
sub pairs {
	my (%keys, %certs);
	for (names($conf)) {
		$keys{$1} = 1 if /^(?:ec)?key-(\d+-\d+)\.pem$/;
		$certs{$1} = 1 if /^(?:ec)?cert-(\d+-\d+)\.pem$/;
	}
	return undef if join(' ', sort keys %keys) ne join(' ', sort keys %certs);
	return scalar keys %keys;
}

# Nothing but the base and whole pairs, as many as the state has.
sub is_clean {
	my ($pairs) = @_;
	my $found = pairs();
	my %base = map { $_ => 1 } names($base);
	my @odd = grep { !$base{$_} && !/^(?:ec)?(?:key|cert)-\d+-\d+\.pem$/ } names($conf);
	return 'half a pair is left' if !defined $found;
	return "left behind: @odd" if @odd;
	return "$found pairs" if $found != $pairs;
	return '';
}

# --- the cases: name, pairs that success adds, arguments; setup of the base ---

my @cases = (
	['enable-server', 1, 'enable-server', '-a', 'ecdsa'],
	['new-server-cert', 1, 'new-server-cert', '-a', 'ecdsa'],
	['deploy-server-cert', 0, 'deploy-server-cert', 'given.crt', 'given.key'],
);

sub make_base {
	my ($name) = @_;
	remove_tree($base);
	mkdir $base or die;
	spew("$base/master.cf", '');
	system("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout $base/given.key -out $base/given.crt -days 30 -subj /CN=mx.example.test 2>/dev/null") == 0 or die;
	chmod 0600, "$base/given.key";
	spew("$base/main.cf", "compatibility_level = 3.6\nmyhostname = mx.example.test\n" .
		($name eq 'new-server-cert' ? "smtpd_tls_eckey_file = $conf/given.key\nsmtpd_tls_eccert_file = $conf/given.crt\n" : ''));
}

# The new state of new-server-cert is a pair of files; main.cf stays.
sub settled {
	my ($name, $adds) = @_;
	my $state = state_of();
	return $state if $state ne 'old' || $name ne 'new-server-cert';
	return (pairs() // 0) == $adds ? 'new' : 'old';
}

sub kill_everywhere {
	my ($name, $adds, @arguments) = @_;
	my (%seen, @wrong);
	my $steps = 0;
	for my $call (@calls) {
		for (my $n = 1;; $n++) {
			my $step = "$call $n";
			reset_conf();
			spew("$work/out", '');
			my $killed = killed_at($call, $n, @arguments);
			my $state = state_of();
			push @wrong, "$step: $state" if $state !~ /^(old|new)$/;
			last if !$killed;
			$steps++;
			# Any next command takes away what this one left, and changes nothing else.
			run('deploy-server-cert', 'none.crt', 'none.key');
			my $after = settled($name, $adds);
			$seen{$after}++;
			push @wrong, "$step: was $state, became $after" if $name ne 'new-server-cert' && $after ne $state;
			my $dirt = is_clean($after eq 'new' ? $adds : 0);
			push @wrong, "$step, $after: $dirt" if $dirt;
			push @wrong, "$step: the command fails when it is run again" if $after eq 'old' && run(@arguments) != 0;
			last if @wrong > 5 || $n > 1000;
		}
	}
	ok(!@wrong && $seen{old}, "$name, killed at each of $steps steps, leaves the old state or the new", @wrong, slurp("$work/out"));
	ok($seen{new}, "$name: after some of them it is new");
}

# Whoever is asked to end, and can, leaves nothing for the next one to take away.
sub end_everywhere {
	my ($name, $adds, @arguments) = @_;
	my $calls = 'openat,write,fsync,link,unlink,rename';
	my (@wrong, %seen);
	my @strace = ('strace', '-o', "$work/trace", '-e', "trace=$calls");
	my @command = (@environment, "$bin/postfix-tls-helper", @arguments);
	reset_conf();
	spew("$work/out", '');
	waitpid start(@strace, @command), 0;
	my $steps = () = slurp("$work/trace") =~ /^\w+\(/mg;
	for my $n (1 .. $steps) {
		reset_conf();
		waitpid start(@strace, '-e', "inject=$calls:signal=TERM:when=$n", @command), 0;
		my $state = state_of();
		my $dirt = is_clean($state eq 'new' ? $adds : 0);
		push @wrong, "step $n: $state" if $state !~ /^(old|new)$/;
		push @wrong, "step $n, $state: $dirt" if $dirt;
		$seen{$state}++;
	}
	ok(!@wrong && $seen{old} && $seen{new}, "$name, told to end at each of $steps steps, leaves nothing half done", @wrong, slurp("$work/out"));
}

sub fill_everywhere {
	my ($name, $adds, $what, @arguments) = @_;
	my ($failed, @wrong) = (0);
	my $free = 0;
	for (;; $free++) {
		remove_tree($conf);
		mkdir $conf, 0755 or die;
		must('mount', '-t', 'tmpfs', '-o', $what eq 'blocks' ? 'size=1m,mode=755' : 'size=1m,nr_inodes=40,mode=755', 'none', $conf);
		place();
		fill($what, $free);
		spew("$work/out", '');
		my $status = run(@arguments);
		rmdir "$conf/ballast.d" if -d "$conf/ballast.d";
		remove_tree("$conf/ballast");
		my $state = settled($name, $adds);
		my $dirt = is_clean($state eq 'new' ? $adds : 0);
		push @wrong, "$free free: status $status, $state" if $state ne ($status == 0 ? 'new' : 'old');
		push @wrong, "$free free, $state: $dirt" if $dirt;
		must('umount', $conf);
		last if $status == 0 || @wrong > 5 || $free > 40;
		$failed++;
	}
	ok(!@wrong && $failed && $free <= 40, "$name, with 0 to $free $what free, succeeds or changes nothing", @wrong, slurp("$work/out"));
}

# Leaves $free pages, or names, in the file system of the configuration.
sub fill {
	my ($what, $free) = @_;
	mkdir "$conf/ballast" or die;
	if ($what eq 'blocks') {
		my ($blocks) = `stat -f -c %f $conf` =~ /(\d+)/;
		open my $h, '>:raw', "$conf/ballast/file" or die;
		for (1 .. $blocks - $free) { syswrite($h, "\0" x 4096) or last }
		close $h;
	} else {
		my $n = 0;
		my @made;
		while (open my $h, '>', "$conf/ballast/" . ++$n) { push @made, "$conf/ballast/$n" }
		unlink @made[0 .. $free - 1] if $free > 0 && $free <= @made;
	}
}

# --- two at once, no permission ---

sub at_once {
	make_base('enable-server');
	reset_conf();
	my @pids = map { start(@environment, "$bin/postfix-tls-helper", 'enable-server', '-a', 'ecdsa') } 1 .. 5;
	my $bad = 0;
	for (@pids) { waitpid $_, 0; $bad++ if $? }
	ok(!$bad && state_of() eq 'new' && is_clean(1) eq '', 'of five that enable the server at once one does, the others give advice', slurp("$work/out"));
	reset_conf();
	@pids = map { start(@environment, "$bin/postfix-tls-helper", 'new-server-key', '-a', 'ecdsa') } 1 .. 3;
	$bad = 0;
	for (@pids) { waitpid $_, 0; $bad++ if $? }
	ok(!$bad && state_of() eq 'old' && is_clean(3) eq '', 'three that make keys in one second get names of their own', slurp("$work/out"));
}

sub without_permission {
	my ($name, $adds, @arguments) = @_;
	make_base($name);
	reset_conf();
	must('mount', '--bind', $conf, $conf);
	must('mount', '-o', 'remount,ro,bind', $conf);
	my $status = run(@arguments);
	must('umount', $conf);
	ok($status == 256 && state_of() eq 'old' && is_clean(0) eq '', "$name in a read-only folder changes nothing", slurp("$work/out"));
	return if $name eq 'new-server-cert';
	reset_conf();
	must('mount', '--bind', "$conf/main.cf", "$conf/main.cf");
	$status = run(@arguments);
	must('umount', "$conf/main.cf");
	ok($status == 256 && state_of() eq 'old' && is_clean(0) eq '', "$name with a main.cf that cannot be replaced changes nothing", slurp("$work/out"));
}

must('mount', '--make-rprivate', '/');
for (@cases) {
	my ($name, $adds, @arguments) = @$_;
	make_base($name);
	kill_everywhere($name, $adds, @arguments);
	end_everywhere($name, $adds, @arguments) if $name eq 'enable-server';
	fill_everywhere($name, $adds, 'blocks', @arguments);
	fill_everywhere($name, $adds, 'names', @arguments);
	without_permission(@$_);
}
at_once();
