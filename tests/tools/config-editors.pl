#!/usr/bin/perl
# SPDX-License-Identifier: ISC
#
# postconf changes main.cf and master.cf as a whole or not at all: killed at every system call, without room, many at once
# and together with Postfix's; and no reader sees a part of what somebody else writes in place.
#
#   unshare -m perl config-editors.pl BIN WORK
#
# BIN holds our postconf; WORK is an empty folder of root's that others can pass. Prints TAP lines without a plan.
use strict;
use warnings;
use Fcntl 'SEEK_SET';
use File::Path 'remove_tree';
use POSIX ();
use Time::HiRes 'sleep';

my ($bin, $work) = @ARGV;
my $ours = "$bin/postconf";
my $real = '/usr/sbin/postconf';
my $conf = "$work/conf";
my @calls = qw(openat write rename fsync fchmod ftruncate flock unlink close);
my @edits = (
	['-e', 'main', '-e', 'relayhost = new', 'smtp_tls_loglevel = 2'],
	['-X', 'main', '-X', 'relayhost'],
	['-#', 'main', '-#', 'relayhost'],
	['-M', 'master', '-M', 'new/unix=new unix - - n - - newd'],
	['-MX', 'master', '-MX', 'smtp/inet'],
	['-F', 'master', '-F', 'smtp/inet/chroot=y'],
	['-P', 'master', '-P', 'smtp/inet/smtpd_tls_loglevel=2'],
);

sub slurp { my $f = shift; local $/; open(my $h, '<:raw', $f) or return undef; return scalar(<$h>) // '' }
sub spew { my ($f, $t) = @_; open my $h, '>:raw', $f or die "$f: $!"; print $h $t; close $h or die "$f: $!" }
sub must { system(@_) == 0 or die "@_: status $?\n" }

sub ok {
	my ($name, @wrong) = @_;
	print @wrong ? "not ok - $name\n" : "ok - $name\n";
	print map { "# $_\n" } @wrong > 20 ? (@wrong[0 .. 19], '...') : @wrong;
}

# Several pages, so that room can run out in the middle.
my %before = (
	main => "compatibility_level = 3.6\nrelayhost = old\n more of it\n" . join('', map { "# comment $_ that takes some room\n" } 1 .. 500),
	master => "smtp inet n - n - - smtpd\n # inside\n -o smtpd_tls_loglevel=1\n" . join('', map { "# comment $_ that takes some room\n" } 1 .. 500),
);

sub place { spew("$conf/$_.cf", $before{$_}), chmod 0640, "$conf/$_.cf" for qw(main master) }
sub reset_conf { remove_tree($conf); mkdir $conf, 0755 or die "$conf: $!"; place() }

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

sub run { waitpid start(@_), 0; return $? }
sub mode_of { return sprintf '%o', ((stat shift)[2] // 0) & 07777 }
sub left { return grep { !/^(?:main|master)\.cf$/ } map { s,.*/,,r } glob "$conf/*" }

# --- killed, or without room, at every step ---

sub after {
	my ($file, @arguments) = @_;
	reset_conf();
	run($ours, '-c', $conf, @arguments) == 0 or die "@arguments: status $?\n";
	return slurp("$conf/$file.cf");
}

sub state_of {
	my ($file, $after) = @_;
	my ($other) = grep { $_ ne $file } keys %before;
	my $text = slurp("$conf/$file.cf");
	return 'the other file was touched' if slurp("$conf/$other.cf") ne $before{$other};
	return 'there is no file' if !defined $text;
	return mode_of("$conf/$file.cf") eq '640' ? 'old' : 'old, with another mode' if $text eq $before{$file};
	return mode_of("$conf/$file.cf") eq '644' ? 'new' : 'new, with mode ' . mode_of("$conf/$file.cf") if $text eq $after;
	return 'a mixture';
}

sub kill_everywhere {
	my ($name, $file, @arguments) = @_;
	my $after = after($file, @arguments);
	my (@wrong, %seen, $steps);
	push @wrong, 'it does nothing' if $after eq $before{$file};
	push @wrong, 'left behind: ' . join(' ', left()) if left();
	for my $call (@calls) {
		for (my $n = 1; $n < 200; $n++) {
			reset_conf();
			my $status = run('strace', '-o', '/dev/null', '-e', "trace=$call", '-e', "inject=$call:signal=KILL:when=$n", $ours, '-c', $conf, @arguments);
			my $state = state_of($file, $after);
			push @wrong, "$call $n: $state" if $state !~ /^(?:old|new)$/;
			last if $status == 0;
			$seen{$state}++, $steps++;
			# Whatever it left, the next one goes through, and leaves nothing.
			if ($call =~ /write|rename|flock|fsync/ && $state eq 'old') {
				push @wrong, "$call $n: the next edit fails" if run($ours, '-c', $conf, @arguments) != 0 || state_of($file, $after) ne 'new';
				push @wrong, "$call $n: left behind: " . join(' ', left()) if left();
			}
		}
	}
	push @wrong, 'no step was before the change' if !$seen{old};
	push @wrong, 'no step was after the change' if !$seen{new};
	ok("$name, killed at each of $steps steps, leaves the old $file.cf or the new", @wrong);
}

sub fill_everywhere {
	my ($name, $file, @arguments) = @_;
	my $after = after($file, @arguments);
	my (@wrong, $failed);
	for my $free (0 .. 20) {
		remove_tree($conf);
		mkdir $conf, 0755 or die;
		must('mount', '-t', 'tmpfs', '-o', 'size=256k,mode=755', 'none', $conf);
		place();
		my ($blocks) = `stat -f -c %f $conf` =~ /(\d+)/;
		spew("$conf/ballast", "\0" x (4096 * ($blocks - $free))) if $blocks > $free;
		my $status = run($ours, '-c', $conf, @arguments);
		unlink "$conf/ballast";
		my $state = state_of($file, $after);
		push @wrong, "$free pages: status $status, $state" if $state ne ($status == 0 ? 'new' : 'old');
		push @wrong, "$free pages: left behind: " . join(' ', left()) if left();
		must('umount', $conf);
		last if $status == 0;
		$failed++;
	}
	push @wrong, 'it never failed' if !$failed;
	push @wrong, 'it never succeeded' if $failed && $failed > 20;
	ok("$name with 0 pages and more free succeeds or changes nothing", @wrong);
}

# The call itself fails, once each.
sub fail_everywhere {
	my ($name, $file, @arguments) = @_;
	my $after = after($file, @arguments);
	my @wrong;
	for my $fault ('write:error=ENOSPC', 'write:error=EIO', 'fsync:error=EIO', 'fchmod:error=EPERM', 'rename:error=EACCES') {
		reset_conf();
		my $status = run('strace', '-o', '/dev/null', '-P', "$conf/$file.cf.tmp", '-e', 'trace=' . ($fault =~ s/:.*//r), '-e', "inject=$fault:when=1",
			$ours, '-c', $conf, @arguments);
		push @wrong, "$fault: status $status, " . state_of($file, $after) . ', ' . join(' ', left())
			if $status == 0 || state_of($file, $after) ne 'old' || left();
	}
	ok("$name says so, and leaves the old $file.cf and nothing else, when a call fails", @wrong);
}

# --- many at once ---

sub edit_together {
	my ($count) = @_;
	my @wrong;
	reset_conf();
	spew("$work/out", '');
	my @pids = map { start($_ % 2 ? $ours : $real, '-c', $conf, '-e', "name$_ = value $_") } 1 .. $count;
	for my $n (1 .. $count) { waitpid $pids[$n - 1], 0; push @wrong, "editor $n: status $?" if $? }
	my $text = slurp("$conf/main.cf") // '';
	push @wrong, 'the text before is not kept' if index($text, $before{main}) != 0;
	for my $n (1 .. $count) { my $found = () = $text =~ /^name$n = value $n$/mg; push @wrong, "name$n is there $found times" if $found != 1 }
	push @wrong, 'left behind: ' . join(' ', left()) if left();
	push @wrong, 'mode ' . mode_of("$conf/main.cf") if mode_of("$conf/main.cf") ne '644';
	ok("of $count editors at once, every other one Postfix's, none loses a setting", @wrong, @wrong ? slurp("$work/out") : ());
}

# --- readers beside those who write in place ---

my @names = grep { /_tls_/ } split /\n/, `$ours -c $work/none -dH`;

sub text_of { my ($letter, $len) = @_; return "compatibility_level = 3.6\n" . join('', map { "$_ = " . $letter x $len . "\n" } @names) }

# What a reader made of the file: "A", "B", or what is wrong.
sub read_as {
	my (@command) = @_;
	my $out = `@command 2>&1`;
	my %values = map { $_ => 1 } $out =~ /^\S+_tls_\S+ = (.*)$/mg;
	my $count = () = $out =~ /^\S+_tls_\S+ = /mg;
	return substr((keys %values)[0], 0, 1) if keys %values == 1 && $count == @names;
	return "$count of " . @names . ' settings, ' . keys(%values) . ' values: ' . substr($out, 0, 200);
}

sub write_in_place {
	my ($letter, $pause) = @_;
	my $text = text_of($letter, $letter eq 'A' ? 2000 : 1500);
	open my $h, '+<:raw', "$conf/main.cf" or die "main.cf: $!";
	truncate $h, 0;
	for (my $at = 0; $at < length $text; $at += 50000) { syswrite $h, substr($text, $at, 50000); sleep $pause }
	close $h;
}

sub read_beside {
	my ($how, $write, $reads, @command) = @_;
	my (@wrong, %seen);
	reset_conf();
	spew("$conf/main.cf", text_of('A', 2000));
	my $pid = fork();
	die "fork: $!\n" if !defined $pid;
	if (!$pid) {
		for (my $i = 1;; $i++) { $write->($i % 2 ? 'B' : 'A'); sleep 0.02 }
	}
	for (1 .. $reads) {
		my $seen = read_as(@command);
		$seen{$seen}++;
		push @wrong, $seen if $seen !~ /^[AB]$/;
	}
	kill 'KILL', $pid;
	waitpid $pid, 0;
	push @wrong, 'only one text was seen' if keys %seen < 2;
	ok("$reads readers beside one who $how see one text or the other", @wrong);
}

sub read_as_another {
	reset_conf();
	spew("$conf/main.cf", text_of('A', 2000));
	chmod 0644, "$conf/main.cf", "$conf/master.cf";
	my $pid = fork();
	die "fork: $!\n" if !defined $pid;
	if (!$pid) { write_in_place('B', 0.05); POSIX::_exit(0) }
	sleep 0.01 while -s "$conf/main.cf" > 200000;
	my $seen = read_as(qw(setpriv --reuid=65534 --regid=65534 --clear-groups), $ours, '-c', $conf, '-n');
	waitpid $pid, 0;
	ok('a reader who may not know who writes waits until that has come to an end', $seen eq 'B' ? () : $seen);
}

must('mount', '--make-rprivate', '/');
for my $edit (@edits) {
	kill_everywhere(@$edit);
	fail_everywhere(@$edit);
}
fill_everywhere(@$_) for @edits[0, 1, 3];
edit_together(200) if -x $real;
read_beside('writes in place', sub { write_in_place($_[0], 0.002) }, 40, $ours, '-c', $conf, '-n');
read_beside('renames', sub { spew("$conf/new", text_of($_[0], 2000)); rename "$conf/new", "$conf/main.cf" }, 40, $ours, '-c', $conf, '-n');
read_as_another();
