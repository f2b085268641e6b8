#!/usr/bin/perl
# SPDX-License-Identifier: ISC
#
# Values at the edges of what each TLS parameter may be, given to the daemons that read it: Postfix's and ours say the
# same, which is what the table of parameters says.
#
#   perl config-types.pl BIN POSTFIX-SBIN TABLE WORK
#
# WORK is an empty folder of root's, with key.pem and cert.pem. Daemons are started as master(8) does, with the descriptors
# of a service, and meet the end of the master's pipe once they have read their parameters. Prints TAP lines without a plan.
use strict;
use warnings;
use IO::Socket::UNIX;
use POSIX ();
use Socket;
use Time::HiRes 'sleep';

my ($ours, $postfix, $table, $work) = @ARGV;
my $most = 24; # at once; Postfix waits a second before it ends with an error
my %limit = (tlsmgr => '-l', tlsproxy => '-z', postscreen => '-l');
my $serial = 0;

sub spew { my ($f, $t) = @_; open my $h, '>', $f or die "$f: $!"; print $h $t; close $h or die "$f: $!" }

sub ok {
	my ($name, @wrong) = @_;
	print @wrong ? "not ok - $name\n" : "ok - $name\n";
	print map { "# $_\n" } @wrong > 20 ? (@wrong[0 .. 19], '...') : @wrong;
}

# --- one daemon ---

mkdir "$work/$_" or die "$work/$_: $!" for qw(etc spool spool/public spool/private spool/pid data);
chown scalar(getpwnam 'postfix'), -1, "$work/data";
spew("$work/etc/main.cf", <<"END");
compatibility_level = 3.6
queue_directory = $work/spool
data_directory = $work/data
maillog_file = $work/log
maillog_file_prefixes = $work
myhostname = mx.example.test
mydestination =
local_recipient_maps =
alias_maps =
inet_protocols = ipv4
disable_dns_lookups = yes
smtpd_peername_lookup = no
postscreen_cache_map =
smtp_tls_security_level = may
lmtp_tls_security_level = may
smtpd_tls_security_level = may
smtpd_tls_chain_files = $work/key.pem, $work/cert.pem
END
spew("$work/etc/master.cf", '');
utime 1, 1, "$work/etc/main.cf", "$work/etc/master.cf";

# One process with its own socket for the log; {fatal} is the reason why it ended, or ''.
sub start {
	my ($path, %run) = @_;
	my ($program) = $path =~ m,([^/]+)$,;
	my $name = 's' . ++$serial;
	my $log = IO::Socket::UNIX->new(Type => SOCK_DGRAM, Local => "$work/spool/public/$name") or die "socket: $!";
	my $listen = IO::Socket::UNIX->new(Listen => 5, Local => "$work/spool/private/$name") or die "socket: $!";
	pipe(my $flow_read, my $flow_write) or die;
	socketpair(my $status, my $master, AF_UNIX, SOCK_STREAM, 0) or die;
	my $pid = fork();
	die "fork: $!" if !defined $pid;
	if (!$pid) {
		my @from = map { fileno $_ } $flow_read, $flow_write, $status, $listen;
		POSIX::dup2($from[$_], 200 + $_) for 0 .. 3;
		POSIX::dup2(200 + $_, 3 + $_) for 0 .. 3;
		POSIX::close($_) for 7 .. 210;
		open STDIN, '<', '/dev/null';
		open STDOUT, '>', '/dev/null';
		open STDERR, '>', '/dev/null';
		chdir "$work/spool";
		%ENV = (MAIL_CONFIG => "$work/etc", POSTLOG_SERVICE => "$work/spool/public/$name", POSTLOG_HOSTNAME => 'h',
			MAIL_LOGTAG => 'postfix', GENERATION => '1', PATH => '/usr/bin:/bin');
		exec $path, '-n', $name, $limit{$program} // (), '-t', 'unix', '-u', map { ('-o', $_) } "postlog_service_name=$name", @{$run{settings}} or
			POSIX::_exit(127);
	}
	return { %run, program => $program, pid => $pid, log => $log, name => $name };
}

sub finish {
	my ($run) = @_;
	my $text;
	waitpid $run->{pid}, 0;
	$run->{log}->blocking(0);
	$run->{fatal} = $? & 127 ? "ended by signal " . ($? & 127) : $? >> 8 ? "ended with status " . ($? >> 8) : '';
	while (defined recv($run->{log}, $text, 65536, 0)) { $run->{fatal} = $1 if $text =~ /: fatal: (.*)/s }
	unlink "$work/spool/public/$run->{name}", "$work/spool/private/$run->{name}", "$work/spool/pid/unix.$run->{name}";
	close $run->{log};
}

# Calls `then` with each run when it has ended.
sub run_all {
	my ($then, @runs) = @_;
	my @going;
	while (@runs || @going) {
		push @going, start(@{shift @runs}) while @runs && @going < $most;
		my $run = shift @going;
		finish($run);
		$then->($run);
	}
}

# --- the table ---

my @rows;
open my $in, '<', $table or die "$table: $!";
chomp(my @names = split /\t/, <$in>);
while (<$in>) {
	chomp;
	my %row;
	@row{@names} = split /\t/;
	push @rows, \%row if $row{'default_3.7.11'} ne '(absent)';
}

# Value and reason to refuse it, '' for none, around the edges of a row.
sub edges {
	my ($row) = @_;
	my ($name, $type, $min, $max) = @$row{qw(name type min max)};
	$_ = $_ eq '-' ? 0 : $_ for $min, $max;
	if ($type =~ /bool/) {
		return (['yes', ''], ['NO', ''], map { [$_, "bad boolean configuration: $name = $_"] } '', 'maybe');
	} elsif ($type =~ /int/) {
		return ([$min, ''], [$max || 2147483647, ''],
			[$min - 1, $min ? "invalid $name parameter value " . ($min - 1) . " < $min" : ''],
			$max ? [$max + 1, "invalid $name parameter value " . ($max + 1) . " > $max"]
			     : [2147483648, "bad numerical configuration: $name = 2147483648"]);
	} elsif ($type eq 'time') {
		my $below = $min - 1;
		return (["${min}s", ''], [$max || 2147483647, ''],
			$below < 0 ? ["${below}s", "parameter $name: bad time value or unit: ${below}s"]
				   : ["${below}s", "invalid $name: $below (min $min)"],
			$max ? [$max + 1, "invalid $name: " . ($max + 1) . " (max $max)"]
			     : [2147483648, "parameter $name: bad time value or unit: 2147483648"]);
	}
	return $min ? (['', "bad string length 0 < $min: $name = "], ['x' x $min, '']) : ();
}

# --- the daemons ---

sub is_about_type { return $_[0] =~ /^(?:bad (?:string length|boolean|numerical)|invalid \S+(?: parameter value|:)|parameter \S+: bad time)/ }

# The reason counts only if it is about a type: what a value means is another matter.
sub try_edges {
	my ($who, $directory, @wanted) = @_;
	my (@runs, @wrong, %seen);
	for my $row (@rows) {
		my %reads = map { $_ => 1 } split / /, $row->{programs};
		for my $program (grep { $reads{$_} } @wanted) {
			push @runs, ["$directory/$program", settings => ["$row->{name}=$$_[0]"], expected => $$_[1], row => $row]
				for edges($row);
		}
	}
	run_all(sub {
		my ($run) = @_;
		my $fatal = is_about_type($run->{fatal}) ? $run->{fatal} : '';
		push @wrong, "$run->{program} $run->{settings}[0]: '$run->{fatal}', wanted '$run->{expected}'" if $fatal ne $run->{expected};
		$seen{$fatal ne ''}++;
	}, @runs);
	push @wrong, "only " . @runs . " values" if @runs < 40 || !$seen{1} || !$seen{''};
	ok("$who: " . @runs . " values at the edges of TLS parameters (@wanted) are taken, or refused in the right words", @wrong);
}

try_edges("Postfix's daemons", $postfix, qw(tlsmgr tlsproxy));
try_edges("Postfix's daemons", $postfix, qw(smtpd smtp lmtp postscreen));
try_edges('ours', $ours, qw(tlsmgr tlsproxy));

# --- how numbers and times are written ---

my @numbers = ('5', '+5', '-5', ' 5', '5 ', '05', '0x5', '5.0', '5e1', '', '+', '-', '--5', '5-', '5s', '2147483647', '2147483648', '-2147483648',
	'99999999999999999999', "5\t6", 'five', '5,000', "\xc2\xa05");
my @times = ('5', '5s', '5m', '5h', '5d', '5w', '5S', '5M', '5y', '5 s', '5s ', 's', 'm', '', '+5s', '-5s', '0', '0s', '1m30', '1ms', '5.5h', '0x5',
	'05m', '3549w', '3550w', '24854d', '24855d', '596522h', '596523h', '35791393m', '35791394m', '2147483647s', '2147483648s', '1d1', ' 5', '5,5');
my (%said, @wrong, @runs);
for my $directory ($postfix, $ours) {
	push @runs, ["$directory/tlsmgr", settings => ["tls_random_bytes=$_"], who => $directory] for @numbers;
	push @runs, ["$directory/tlsmgr", settings => ["tls_random_reseed_period=$_"], who => $directory] for @times;
}
run_all(sub { my ($run) = @_; $said{$run->{settings}[0]}{$run->{who}} = $run->{fatal} }, @runs);
for (sort keys %said) {
	push @wrong, "$_: Postfix says '$said{$_}{$postfix}', ours '$said{$_}{$ours}'" if $said{$_}{$postfix} ne $said{$_}{$ours};
}
push @wrong, 'none was refused' if !grep { $_->{$ours} } values %said;
push @wrong, 'none was taken' if !grep { !$_->{$ours} } values %said;
ok(keys(%said) . ' ways to write numbers and times mean the same to both', @wrong);
