#!/usr/bin/perl
# SPDX-License-Identifier: ISC
#
# Made-up main.cf and master.cf files: Postfix's postconf and ours accept and refuse the same, print the same, warn of the
# same, and leave the same behind when they edit.
#
#   perl config-corpus.pl BIN WORK COUNT [SEED]
#
# COUNT files of each kind; the same seed makes the same files. Prints TAP lines without a plan.
use strict;
use warnings;

my ($bin, $work, $count, $seed) = @ARGV;
my $workers = 24;
srand($seed //= 7);
$| = 1;

sub slurp { my $f = shift; local $/; open(my $h, '<:raw', $f) or return ''; return scalar(<$h>) // '' }
sub spew { my ($f, $t) = @_; open my $h, '>:raw', $f or die "$f: $!"; print $h $t; close $h or die "$f: $!" }
sub one { return $_[rand @_] }
sub some { my ($least, $most, $make) = @_; return join '', map { $make->() } 1 .. $least + int rand($most - $least + 1) }
sub shown { return $_[0] =~ s/\\/\\\\/gr =~ s/\n/\\n/gr =~ s/([^ -~])/sprintf '\\x%02x', ord $1/ger }

# A folder for each worker, and the same first word in front of every message.
sub make_folder {
	my ($folder) = @_;
	mkdir $_ or die "$_: $!" for $folder, map { "$folder/$_" } qw(ours real conf);
	symlink "$bin/postconf", "$folder/ours/postconf" or die;
	symlink '/usr/sbin/postconf', "$folder/real/postconf" or die;
}

# Status, output, messages as a set, and the files then.
sub run {
	my ($who, $files, @arguments) = @_;
	for (keys %$files) { spew("conf/$_", $files->{$_}); utime 1, 1, "conf/$_" }
	my $pid = fork();
	die "fork: $!" if !defined $pid;
	if (!$pid) {
		open STDOUT, '>', 'out';
		open STDERR, '>', 'err';
		exec("$who/postconf", '-c', 'conf', @arguments) or exit 127;
	}
	waitpid $pid, 0;
	my %messages = map { s,^\w+/postconf: ,,r => 1 } split /\n/, slurp('err');
	my $result = join "\n", "status $?", slurp('out'), (sort keys %messages), map { slurp("conf/$_") } sort keys %$files;
	unlink glob 'conf/*';
	return $result;
}

# Of what is refused only the reason counts: which of several mistakes is met first is another matter. So it is with the
# warnings about a value that is wrong and not used.
sub essence {
	my ($result) = @_;
	# Postfix's looks for tables in every value.
	$result =~ s/^warning: main\.cf: (?:missing|syntax error after) .*\n//gm;
	return $result =~ s/^warning: .*\n//gmr if $result =~ /^status 0\n/ && $result =~ /^warning: .*(?:expected at|input at|error at|macro name|macro ref|macro call|operator suf|unbalanced)/m;
	return $result if $result =~ /^status 0\n/;
	# Postfix's editors show newlines, as blanks, and count lines from the comment in front.
	return join "\n", map { s/\s+/ /gr =~ s/ "$/"/r =~ s/line \d+/line N/r } grep { /^(?:status|fatal)/ } split /\n/, $result;
}

# What is wrong with one case, as lines, and whether it was refused.
sub judge {
	my ($files, $arguments) = @_;
	my ($real, $ours) = map { run($_, $files, @$arguments) } qw(real ours);
	my $refused = $real !~ /^status 0\n/;
	# Postfix's postconf crashes over some of them.
	return ($refused) if $real =~ /^status (?:6|11|13[49])\n/ || essence($real) eq essence($ours);
	return ($refused, "postconf @$arguments:", map({ "$_: " . shown($files->{$_}) } sort keys %$files), 'Postfix: ' . shown($real), 'ours:    ' . shown($ours));
}

# Postfix waits a second before it ends with an error, so there are many workers.
sub compare {
	my ($what, $make, @ways) = @_;
	my $refused = 0;
	my (@cases, @pipes, @wrong);
	push @cases, [$make->(), one(@ways)] for 1 .. $count;
	for my $worker (0 .. $workers - 1) {
		open $pipes[$worker], '-|' and next;
		chdir "$work/$worker" or die;
		for (my $i = $worker; $i < @cases; $i += $workers) {
			my ($was_refused, @lines) = judge(@{$cases[$i]});
			print $was_refused ? "refused\n" : '', map { "# $_\n" } @lines;
		}
		exit 0;
	}
	for my $pipe (@pipes) {
		while (<$pipe>) { /^refused$/ ? $refused++ : push @wrong, $_ }
		close $pipe or push @wrong, "# a worker ended with status $?\n";
	}
	printf "%s - %d %s mean the same to both (%d refused; seed %d)\n", @wrong ? 'not ok' : 'ok', $count, $what, $refused, $seed;
	print @wrong[0 .. ($#wrong < 39 ? $#wrong : 39)];
}

# --- values ---

my @known = qw(relayhost smtp_tls_loglevel smtpd_tls_cert_file smtp_tls_CApath);
my @own = qw(aa bb c1);

sub blank { return one('', '', '', ' ', '  ', "\t") }
sub word { return one('x', 'yes', '10', '010', '9', 'a b', '/etc/x', '-1', "\xc3\xa9", '3.6', '', '#y', 'a=b', ',') }

sub operand {
	my ($depth) = @_;
	return one(sub { blank() . '{' . text($depth - 1) . '}' . blank() }, sub { text($depth - 1) })->();
}

sub relation {
	my ($depth) = @_;
	return '{' . text($depth - 1) . '}' . blank() . one(qw(== != < <= > >= <level >=level ==level = <> =! level), '') . blank() . '{' .
		one('3.6', '3.10', '2', '1.5000', text($depth - 1)) . '}';
}

sub expression {
	my ($depth) = @_;
	my $name = one(@known[0, 1], @own, @own, 'nosuch', '', 'b-d');
	my $head = rand() < 0.25 ? relation($depth) : $name . blank();
	my $tail = one('', '', '?' . operand($depth), ':' . operand($depth), '?{' . text($depth - 1) . '}' . blank() . ':' . operand($depth),
		'?{x}:{y}' . one('z', ' ', ''), '?{x}y', '?');
	return blank() . $head . $tail;
}

sub text {
	my ($depth) = @_;
	return word() if $depth <= 0;
	return some(0, 3, sub {
		one(sub { word() }, sub { word() }, sub { '$' . one(@own, @known[0, 1], 'nosuch') }, sub { '${' . expression($depth) . '}' },
			sub { '${' . expression($depth) . '}' }, sub { '$(' . expression($depth) . ')' }, sub { one('$$', '$', '${', '}', '$()', '${}', '$ ', '{', '(') })->();
	});
}

# A cycle is for the table of cases; here each name refers to later ones only by chance.
sub expansion {
	return { 'master.cf' => '', 'main.cf' => join '', "compatibility_level = 3.6\n", map { "$_ = " . text(rand() < 0.5 ? 1 : 2) =~ s/\n//gr . "\n" } @own, $known[0] };
}

# --- lines ---

sub line {
	return one(sub { one(@known, @own) . blank() . '=' . blank() . some(0, 4, \&word) }, sub { '#' . word() }, sub { one('', ' ', "\t ", "\f") },
		sub { one(' ', "\t", "\f", "\x0b", "\r") . word() . one('', '# no comment', ' = z') }, sub { word() . one('', '=') . word() },
		sub { one(@known, @own) . one("\r", "\f", '') . '=' . word() . one("\r", ' ', "\t", '') }, sub { ' #' . word() },
		sub { one('= x', 'a', '=', 'relayhost', ' relayhost = x', "relayhost\n = y") })->();
}

sub lines {
	# Good ones most of the time, or little would be accepted.
	my $text = join "\n", map { rand() < 0.8 ? one(@known, @own) . ' = ' . word() : line() } 1 .. 1 + int rand 5;
	return { 'master.cf' => '', 'main.cf' => $text . one("\n", "\n", '') };
}

# What is appended behind a last line without newline is joined to it by 3.7.
sub complete_lines {
	my $files = lines();
	$files->{'main.cf'} =~ s/\n*\z/\n/;
	return $files;
}

# --- services ---

sub field { return one(qw(- - - y n y n 0 10 1? x), '') }
# Braces around other arguments are where the two mean to differ; and to an entry with a lone "-" Postfix's editor adds
# what is behind it in memory.
sub argument { return one('-v', '-o a=b', '-o aa=$bb', '-o{a=b}', '-o {a = b c}', '-o a = b', 'x', '-vo a=b', '--', '-ox=y', "\n  -o q=r", "\n# z\n -v", 'a}') }

sub service {
	return join one(' ', "\t", '   '), one('smtp', 'x', '127.0.0.1:25', 'a/b', '#s'), one('inet', 'unix', 'unix', 'fifo', 'pass', 'nosuch', 'unix-dgram'),
		(map { rand() < 0.85 ? '-' : field() } 1 .. 5), one('smtpd', 'c', 'tlsmgr'), map { argument() } 1 .. int rand 3;
}

sub services {
	return { 'main.cf' => "compatibility_level = 3.6\nbb = 1\n", 'master.cf' => join '', map { one('', '', '', "# c\n", "\n", ' ') . service() . "\n" } 1 .. 1 + int rand 3 };
}

make_folder("$work/$_") for 0 .. $workers - 1;
delete $ENV{MAIL_CONFIG};
compare('expressions', \&expansion, ['-nx'], ['-x', 'relayhost', 'aa'], ['-xh', 'relayhost']);
compare('main.cf files', \&lines, ['-n'], ['-nx'], ['-nf']);
compare('edits of main.cf', \&complete_lines, ['-e', 'relayhost = new'], ['-e', 'aa='], ['-X', 'relayhost', 'bb'], ['-#', 'smtp_tls_loglevel', 'aa'], ['-e', 'zz=1']);
compare('master.cf files', \&services, ['-M'], ['-Mf'], ['-P'], ['-Mx']);
compare('edits of master.cf', \&services, ['-MX', 'smtp/inet'], ['-M#', 'x/unix'], ['-P', '*/unix/aa=c'], ['-PX', '*/*/a'], ['-F', '*/unix/chroot=y'], ['-M', 'x/unix=x unix - - - - - new']);
