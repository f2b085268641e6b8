#!/usr/bin/perl
# SPDX-License-Identifier: ISC
#
# Replays the vectors of "postfix tls": runs each recorded command under the installed postfix(1) and compares
# status, output, log, edited main.cf, new files and certificates with the record.
#
#   unshare -m -u perl postfix-tls-replay.pl VECTORS WORK BIN INTENDED [NAME...]
#
# BIN holds postfix-tls-script and postfix-tls-helper; "-" is the installed command itself, which proves the runner.
# INTENDED lists the cases in which ours is meant to differ: "NAME SECTION,SECTION reason". Sections that are
# not listed must be equal all the same, and a listed case in which nothing differs is an error.
# Mounts stay in the private namespace this must be started in. Prints one TAP line a case.
use strict;
use warnings;
use Cwd 'abs_path';
use IO::Socket::UNIX;
use JSON::PP;
use POSIX ();
use Socket;

my ($vectors, $work, $bin, $intended_file, @only) = @ARGV;
$vectors = abs_path($vectors);
my $ours = $bin ne '-';
my $fixtures = "$vectors/fixtures";
my $sbin = '/usr/lib/postfix/sbin';
my $default = '/etc/postfix';
# Text that relays what another program said, in words that depend on its version.
my $loose = qr/\@TID\@|genrsa:|ecparam:|\breq:|Could not read|Enter pass phrase|unable to generate key|Error setting RSA|^Error |: \d+: (cd: can.t cd|cannot create)/;
my @devices = ([null => 1, 3], [zero => 1, 5], [full => 1, 7], [random => 1, 8], [urandom => 1, 9], [tty => 5, 0]);

sub slurp { my $f = shift; local $/; open(my $h, "<:raw", $f) or return undef; my $t = <$h>; $t // '' }
sub spew { my ($f, $t) = @_; open my $h, '>:raw', $f or die "$f: $!"; print $h $t; close $h or die "$f: $!" }
sub must { system(@_) == 0 or die "@_: status $?\n" }
sub piped { my ($input, @command) = @_; spew("$work/in", $input); open my $h, '-|', 'sh', '-c', 'exec "$@" <"$0" 2>/dev/null', "$work/in", @command or die; local $/; my $o = <$h>; close $h; $o // '' }

my $base = slurp("$vectors/base-main.cf");
my $base_master = slurp("$vectors/base-master.cf");

# --- the private machine ---

sub make_device { my ($name, $major, $minor) = @{$_[0]}; must('mknod', '-m', '666', "/dev/$name", 'c', $major, $minor) }

sub start_machine {
	mkdir "$work/$_" or die for qw(dev stock sbin cases);
	if ($ours) {
		must('mount', '--bind', $sbin, "$work/stock");
		symlink "$work/stock/$_", "$work/sbin/$_" for grep { !/^\./ && $_ ne 'postfix-tls-script' } do { opendir(my $d, $sbin); readdir $d };
		symlink "$bin/$_", "$work/sbin/$_" for qw(postfix-tls-script postfix-tls-helper);
		must('mount', '--bind', "$work/sbin", $sbin);
	}
	must('mount', '-t', 'tmpfs', '-o', 'mode=755', 'none', "$work/dev");
	must('mount', '--bind', "$work/dev", '/dev');
	make_device($_) for @devices;
	symlink "/proc/self/fd/$_->[1]", "/dev/$_->[0]" for [stdin => 0], [stdout => 1], [stderr => 2];
	symlink '/proc/self/fd', '/dev/fd';
	my $log = IO::Socket::UNIX->new(Type => SOCK_DGRAM, Local => '/dev/log') or die "log: $!";
	chmod 0666, '/dev/log';
	my $pid = fork();
	die "fork: $!\n" if !defined $pid;
	return $pid if $pid;
	open my $out, '>:raw', "$work/log" or die;
	$out->autoflush(1);
	while (defined recv($log, my $record, 65536, 0)) {
		$record =~ s/[\n\0]+$//;
		print $out "$record\n";
	}
	POSIX::_exit(0);
}

# Everything sent before this returns is in the file.
my $marks = 0;
sub take_log {
	my $mark = 'end of case ' . ++$marks;
	my $s = IO::Socket::UNIX->new(Type => SOCK_DGRAM, Peer => '/dev/log') or die;
	$s->send($mark);
	my $text;
	until (($text = slurp("$work/log") // '') =~ /^\Q$mark\E$/m) { select undef, undef, undef, 0.01 }
	$text =~ s/^\Q$mark\E\n.*//ms;
	$text =~ s/^.*end of case \d+\n//s;
	return $text;
}

# --- vectors ---

sub parse {
	my ($name) = @_;
	my (%head, %section, $current);
	for (split /\n/, slurp("$vectors/$name.vec"), -1) {
		if (/^%%(.*)/) { $current = $1; $section{$current} = [] }
		elsif (defined $current) { push @{$section{$current}}, $_ }
		elsif (/^(.*?): (.*)/) { $head{$1} = $2 }
	}
	for (values %section) { $_ = join "\n", @$_; s/\n+\z// }
	return (\%head, \%section);
}

sub conf {
	my ($text) = @_;
	my $open = $text =~ s/\\ \(no newline at end of file\)\z//;
	$text = $text eq '@BASE@' ? $base =~ s/\n\z//r : $text =~ s/\A\@BASE\@\n/$base/r;
	return $open ? $text : "$text\n";
}

# --- one case ---

sub run_case {
	my ($name, $head, $section) = @_;
	my $dir = "$work/cases/$name";
	my $etc = "$dir/etc";
	my $is_default = $head->{instance} eq 'default';
	my $config = $is_default ? $default : $etc;
	my @mounts;
	my $mount = sub { must('mount', @_); push @mounts, $_[-1] };
	my $substitute = sub { my $t = shift; $t =~ s/\@CONFIG\@/$config/g; $t =~ s/\@W\@/$dir/g; $t =~ s/\@FIXTURES\@/$fixtures/g; $t };
	my $maps = sub { my $to = shift; system('cp', '-r', $_, $to) for grep { -e } "$default/dynamicmaps.cf", "$default/dynamicmaps.cf.d" };

	mkdir $_ or die for $dir, $etc;
	spew("$etc/main.cf", $substitute->($section->{'main.cf'} eq '(absent)' ? '' : conf($section->{'main.cf'})));
	spew("$etc/master.cf", exists $section->{'master.cf'} ? "$section->{'master.cf'}\n" : $base_master);
	$maps->($etc);
	for (split ' ', $head->{fixtures} // '') {
		must('cp', "$fixtures/$_", "$etc/$_");
		chmod /\.crt$/ ? 0644 : 0600, "$etc/$_";
	}
	if (!$is_default) {
		mkdir "$dir/default";
		spew("$dir/default/main.cf", $substitute->(conf($section->{'default-main.cf'} // '@BASE@')));
		spew("$dir/default/master.cf", $base_master);
		$maps->("$dir/default");
	}
	must('sh', '-ec', 'cd "$0"; eval "$1"', $etc, $substitute->($section->{setup})) if $section->{setup};
	utime time - 3600, time - 3600, grep { -e } "$etc/main.cf", "$dir/default/main.cf" unless $head->{hot};
	my %before = map { $_ => 1 } names($etc);
	my $main_before = slurp("$etc/main.cf");

	if ($head->{tmpfs}) {
		mkdir "$dir/t";
		$mount->('-t', 'tmpfs', '-o', "size=$head->{tmpfs},mode=755", 'none', "$dir/t");
		must('cp', '-a', "$etc/.", "$dir/t");
		if (defined $head->{fill}) {
			my ($size, $free) = split ' ', piped('', 'stat', '-f', '-c', '%S %a', "$dir/t");
			spew("$dir/t/.filler", "\0" x ($size * $free - $head->{fill}));
		}
		$mount->('--bind', "$dir/t", $etc);
	}
	$mount->('--bind', $is_default ? $etc : "$dir/default", $default);
	if ($head->{ro}) {
		$mount->('--bind', $config, $config);
		must('mount', '-o', 'remount,bind,ro', $config);
	}
	my @missing = $head->{nodev} ? @{decode_json($head->{nodev})} : ();
	unlink "/dev/$_" for @missing;
	must('hostname', $head->{uname} // 'mx.example.test');

	my %r = (config => $config, dir => $dir);
	$r{status} = command($dir, $substitute->($section->{command}),
		{ map { my $e = decode_json($head->{env} // '{}'); map { $_ => $substitute->($e->{$_}) } keys %$e } 1 }, $head->{user});
	$r{log} = take_log();
	$r{$_} = slurp("$dir/$_") for qw(out err);
	$r{before} = \%before;
	$r{main_before} = $main_before;
	for (names($config)) {
		my @st = lstat "$config/$_";
		$r{files}{$_} = [sprintf('%s %d:%d', mode_text($st[2]), @st[4, 5]), -f _ && $st[7] < 200000 ? slurp("$config/$_") : ''];
	}
	must('umount', $_) for reverse @mounts;
	make_device($_) for grep { my $d = $_; grep { $_ eq $d->[0] } @missing } @devices;
	must('rm', '-rf', $dir);
	return \%r;
}

sub names { my $d = shift; opendir(my $h, $d) or return; sort grep { !/^\.\.?$/ } readdir $h }

sub mode_text {
	my ($mode) = @_;
	my $t = POSIX::S_ISDIR($mode) ? 'd' : (($mode & 0170000) == 0120000) ? 'l' : '-';
	$t .= join '', map { $mode & (0400 >> $_) ? substr('rwxrwxrwx', $_, 1) : '-' } 0 .. 8;
	return $t;
}

sub command {
	my ($dir, $text, $more, $user) = @_;
	my $pid = fork();
	die "fork: $!\n" if !defined $pid;
	if (!$pid) {
		POSIX::setsid();
		chdir '/';
		open STDIN, '<', '/dev/null';
		open STDOUT, '>', "$dir/out";
		open STDERR, '>', "$dir/err";
		%ENV = (PATH => '/usr/sbin:/usr/bin:/sbin:/bin', LANG => 'C', LC_ALL => 'C', HOME => '/root', TERM => 'dumb', %$more);
		if ($user) {
			my ($uid, $gid) = (getpwnam $user)[2, 3];
			$) = "$gid $gid";
			POSIX::setgid($gid);
			POSIX::setuid($uid);
		}
		{ exec "/bin/sh", "-c", $text }
		POSIX::_exit(127);
	}
	waitpid $pid, 0;
	return $? >> 8;
}

# --- what was observed, in the words of the vectors ---

sub norm {
	my ($t, $r) = @_;
	$t =~ s/\Q$r->{config}\E/\@CONFIG\@/g;
	$t =~ s/\Q$r->{dir}\E/\@W\@/g;
	$t =~ s/\Q$fixtures\E/\@FIXTURES\@/g;
	$t =~ s/\b(key|cert|eckey|eccert)-20\d{6}-\d{6}\.pem/$1-\@STAMP\@.pem/g;
	$t =~ s/\b[0-9A-F]{16}:error:/\@TID\@:error:/g;
	$t =~ s/\Q$default\E/\@DEFAULT_CONFIG\@/g if $r->{config} ne $default;
	return $t;
}

sub log_text {
	my ($t, $r) = @_;
	my %facility = (2 => 'mail', 16 => 'local0');
	my @severity = qw(emerg alert crit err warning notice info debug);
	my @lines;
	for (split /\n/, $t) {
		push @lines, /^<(\d+)>\w\w\w +\d+ [\d:]+ (.*?)(?:\[\d+\])?: (.*)$/
			? ($facility{$1 >> 3} // $1 >> 3) . ".$severity[$1 & 7] $2: $3" : $_;
	}
	return norm(join("\n", @lines), $r);
}

sub pem_text {
	my ($t) = @_;
	return 'empty' if $t eq '';
	my @labels = $t =~ /-----BEGIN ([A-Z0-9 ]+)-----/g;
	return 'no PEM (' . length($t) . ' bytes)' if !@labels;
	my $text = 'PEM[' . join(',', @labels) . ']';
	if (grep { /PRIVATE KEY/ } @labels) {
		my $key = piped($t, qw(openssl pkey -noout -text));
		my ($bits) = $key =~ /Private-Key: \((\d+) bit/;
		my ($oid) = $key =~ /ASN1 OID: (\S+)/;
		$text .= ($key =~ /modulus/ ? ' RSA' : $oid ? ' EC' : ' ?') . ' ' . ($bits // '?') . ($oid ? " $oid" : '');
	}
	return $text;
}

sub certificate_text {
	my ($pem) = @_;
	my $t = piped($pem, qw(openssl x509 -noout -text -nameopt RFC2253));
	my ($serial) = piped($pem, qw(openssl x509 -noout -serial)) =~ /=([0-9A-F]+)/;
	my %month = do { my $i = 0; map { $_ => $i++ } qw(Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec) };
	my ($from, $to) = map { my ($m, $d, $h, $mi, $s, $y) = $t =~ /$_: (\w{3}) +(\d+) (\d+):(\d+):(\d+) (\d{4})/; POSIX::mktime($s, $mi, $h, $d, $month{$m}, $y - 1900) } 'Not Before', 'Not After ';
	my @lines = length($serial) > 16 && length($serial) <= 40 ? 'serial: random, positive, at most 20 octets' : "serial: $serial";
	for (qw(Version Issuer Subject)) { push @lines, "$_: " . ($t =~ /^ +$_: (.*)$/m ? $1 : '') }
	push @lines, 'validity-days: ' . int(($to - $from) / 86400 + 0.5), 'signature: ' . ($t =~ /Signature Algorithm: (.*)/ ? $1 : '');
	if ($t =~ /X509v3 extensions:\n(.*?)(?=\n    Signature)/s) {
		my $e = $1 =~ s/(Subject Key Identifier: *\n *)[0-9A-F:]+/$1\@SKI-SHA1\@/r;
		push @lines, 'extensions:', map { s/\s+$//r =~ s/^.{8}//r } split /\n/, $e;
	}
	return join "\n", @lines;
}

sub request_text {
	my $t = piped(shift, qw(openssl req -noout -text -nameopt RFC2253));
	$t =~ s{( +Subject Public Key Info:\n.*?)(?=\n +Attributes|\n +Requested)}{join "\n", grep { !/^ +([0-9a-f]{2}:)+|^ {20,}[0-9a-f]{2}$/ } split /\n/, $1}se;
	$t =~ s/(Subject Key Identifier: *\n *)[0-9A-F:]+/$1\@SKI-SHA1\@/;
	$t =~ s/\n +Signature Value:.*//s;
	return $t =~ s/\s+\z//r;
}

# Changed stretches with their place; lines appended at the end are sorted, their order means nothing.
sub difference {
	my ($before, $after) = @_;
	my @a = split /(?<=\n)/, $before // '';
	my @b = split /(?<=\n)/, $after // '';
	my @common = map { [(0) x (@b + 1)] } 0 .. @a;
	for my $i (reverse 0 .. $#a) {
		for my $j (reverse 0 .. $#b) {
			$common[$i][$j] = $a[$i] eq $b[$j] ? $common[$i + 1][$j + 1] + 1
				: $common[$i + 1][$j] > $common[$i][$j + 1] ? $common[$i + 1][$j] : $common[$i][$j + 1];
		}
	}
	my ($i, $j, @out) = (0, 0);
	my $show = sub { my ($p, $l) = @_; $p . ($l =~ /\n/ ? $l =~ s/\n//r : "$l\\ (no newline)") };
	while ($i < @a || $j < @b) {
		if ($i < @a && $j < @b && $a[$i] eq $b[$j]) { $i++; $j++; next }
		my ($i0, $j0) = ($i, $j);
		until (($i >= @a && $j >= @b) || ($i < @a && $j < @b && $a[$i] eq $b[$j])) {
			if ($j >= @b || ($i < @a && $common[$i + 1][$j] >= $common[$i][$j + 1])) { $i++ } else { $j++ }
		}
		my ($gone, $new) = ($i - $i0, $j - $j0);
		my $where = $gone ? sprintf('line %d-%d', $i0 + 1, $i) : $i0 == @a ? 'end' : 'before line ' . ($i0 + 1);
		push @out, sprintf '@@ %s %s @@', $gone && $new ? 'change' : $gone ? 'delete' : 'insert', $where;
		my @add = map { $show->('+', $_) } @b[$j0 .. $j - 1];
		@add = (@add[0 .. $gone - 1], sort @add[$gone .. $#add]) if $i == @a && $new > $gone;
		push @out, (map { $show->('-', $_) } @a[$i0 .. $i - 1]), @add;
	}
	return join "\n", @out;
}

sub observed {
	my ($r) = @_;
	my %s = (status => $r->{status}, stderr => norm($r->{err}, $r), log => log_text($r->{log}, $r));
	my $out = norm($r->{out}, $r);
	if ($out =~ s/(-----BEGIN CERTIFICATE REQUEST-----.*?-----END CERTIFICATE REQUEST-----\n)/\@PEM-CERTIFICATE-REQUEST\@\n/s) {
		$s{csr} = request_text($1);
	}
	$s{stdout} = $out;
	my $main = $r->{files}{'main.cf'} ? $r->{files}{'main.cf'}[1] : undef;
	$s{'main.cf-diff'} = norm(difference($r->{main_before}, $main), $r);
	my @files;
	for (sort keys %{$r->{files}}) {
		my ($what, $text) = @{$r->{files}{$_}};
		next if $_ eq '.filler' || ($r->{before}{$_} && $_ ne 'main.cf');
		if ($_ eq 'main.cf') { push @files, "$what main.cf" if $text ne ($r->{main_before} // ''); next }
		push @files, "$what " . norm($_, $r) . '  ' . pem_text($text);
		$s{'cert ' . norm($_, $r)} = certificate_text($text) if $text =~ /-----BEGIN CERTIFICATE-----/;
	}
	push @files, map { "(removed) $_" } grep { !$r->{files}{$_} } sort keys %{$r->{before}};
	$s{files} = join "\n", @files;
	s/\n+\z// for values %s;
	return \%s;
}

# --- comparison ---

# Ours writes its messages to standard error whether that is a terminal or not, and each complaint of postconf once.
sub comparable {
	my ($section, $text) = @_;
	return $text =~ s/\nstatus-tty.*//r if $section eq 'status';
	return $text if $section !~ /^(stderr|log)/;
	# The commands that ours proposes name the instance they are for.
	$text =~ s/(:   # postfix) -c \S+ /$1 /g;
	my %seen;
	return join "\n", grep { $section eq 'log' || /postfix-tls-script/ || !$seen{$_}++ } grep { !/$loose/ } split /\n/, $text;
}

sub differences {
	my ($expected, $got, $head) = @_;
	my %ignored = map { $_ => 1 } split ' ', $head->{nondeterministic} // '';
	my %wanted = map { $_ => $expected->{$_} } grep { !/^(main\.cf|default-main\.cf|master\.cf|setup|command|stderr-tty|log-tty|stdout-tty)$/ } keys %$expected;
	$wanted{stderr} = $expected->{'stderr-tty'} if $ours && defined $expected->{'stderr-tty'} && ($expected->{stderr} // '') !~ /^\@UNSPECIFIED/;
	# Programs around ours still speak to terminals only.
	$wanted{stderr} = join "\n", grep { !m{^postfix(/postfix-script)?: } } split /\n/, $wanted{stderr} if $ours && defined $wanted{stderr};
	my @out;
	for (sort keys %{{ %wanted, %$got }}) {
		next if $ignored{$_} || ($wanted{$_} // '') =~ /^\@UNSPECIFIED\@/;
		my $w = comparable($_, $wanted{$_} // '');
		my $g = comparable($_, $got->{$_} // '');
		push @out, [$_, $w, $g] if $w ne $g;
	}
	return @out;
}

my %intended;
if ($ours) {
	for (grep { !/^\s*(#|$)/ } split /\n/, slurp($intended_file)) {
		my ($name, $sections, $reason) = split ' ', $_, 3;
		$intended{$name} = { map { $_ => 1 } split /,/, $sections };
	}
}

must('mount', '--make-rprivate', '/');
my $logger = start_machine();
my ($n, $same, $meant, $bad) = (0, 0, 0, 0);
@only = map { s/\.vec$//r } grep { /\.vec$/ } names($vectors) if !@only;
for my $name (@only) {
	my ($head, $section) = parse($name);
	my $got = eval { observed(run_case($name, $head, $section)) };
	die "$name: $@" if !$got;
	my @differ = differences($section, $got, $head);
	my @wrong = grep { !$intended{$name}{(split ' ', $_->[0])[0]} } @differ;
	push @wrong, ['intended difference', 'some', 'none'] if $intended{$name} && !@differ;
	$n++;
	@wrong ? $bad++ : @differ ? $meant++ : $same++;
	printf "%s %d - %s%s\n", @wrong ? 'not ok' : 'ok', $n, $name, @wrong || !@differ ? '' : ': differs as intended';
	for (@wrong) { my ($what, $w, $g) = @$_; print "# $what: wanted\n", map({ "#   $_\n" } split /\n/, $w), "# got\n", map { "#   $_\n" } split /\n/, $g }
}
kill 'TERM', $logger;
waitpid $logger, 0;
print "1..$n\n# $n cases: $same agree, $meant differ as intended, $bad wrong\n";
exit($bad > 0);
