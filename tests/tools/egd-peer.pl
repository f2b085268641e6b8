# SPDX-License-Identifier: ISC
#
# usage: perl egd-peer.pl SOCKET LOG MOOD
#
# An entropy gathering daemon in one of its moods. LOG gets "ready", then a line for each connection ("connect"), each
# request (its bytes in hex) and each connection's end ("gone"). The mood is read anew from the file MOOD at each request,
# so that a test can change it:
#
#   give     as many bytes as asked for            few     half as many, said so
#   zero     count 0                               more    a count above what was asked, and that many bytes
#   close    closes without a word                 half    closes in the middle of the bytes
#   silent   never answers                         stuck   a count, and no bytes
#   drip     one byte a second                     extra   an answer, and bytes that nobody asked for
#   leave    answers, then closes
use strict;
use warnings;
use IO::Select;
use IO::Socket::UNIX;

my ($path, $log, $mood_file) = @ARGV;
$SIG{PIPE} = 'IGNORE';
umask 0;
unlink $path;
my $listen = IO::Socket::UNIX->new(Local => $path, Listen => 20) or die "$path: $!";
open my $out, '>>', $log or die "$log: $!";
$out->autoflush;
print $out "ready\n";

sub mood { open my $f, '<', $mood_file or return 'give'; my $mood = <$f> // 'give'; chomp $mood; return $mood }

# What to send at once, how many bytes to drip, and whether to close then.
sub answer {
	my ($wanted) = @_;
	my $mood = mood();
	my $some = int(($wanted + 1) / 2);
	return (chr($wanted) . 'r' x $wanted, 0, 0) if $mood eq 'give';
	return (chr($some) . 'f' x $some, 0, 0) if $mood eq 'few';
	return ("\0", 0, 0) if $mood eq 'zero';
	return (chr($wanted + 1) . 'm' x ($wanted + 1), 0, 0) if $mood eq 'more';
	return ('', 0, 1) if $mood eq 'close';
	return (chr($wanted) . 'h' x $some, 0, 1) if $mood eq 'half';
	return ('', 0, 0) if $mood eq 'silent';
	return (chr $wanted, 0, 0) if $mood eq 'stuck';
	return (chr $wanted, $wanted, 0) if $mood eq 'drip';
	return (chr($wanted) . 'e' x ($wanted + 7), 0, 0) if $mood eq 'extra';
	return (chr($wanted) . 'l' x $wanted, 0, 1) if $mood eq 'leave';
	die "mood $mood";
}

my $select = IO::Select->new($listen);
my %drip;
while (1) {
	my @ready = $select->can_read(%drip ? 1 : undef);
	for my $number (keys %drip) {
		my ($client, $left) = @{ $drip{$number} };
		syswrite $client, 'd';
		if (--$drip{$number}[1] <= 0) { delete $drip{$number} }
	}
	for my $from (@ready) {
		if ($from == $listen) {
			my $client = $listen->accept or next;
			$select->add($client);
			print $out "connect\n";
			next;
		}
		my $end = sub { $select->remove($from); delete $drip{ fileno $from }; close $from; print $out "gone\n" };
		my $got = sysread $from, my $request, 100;
		if (!$got) { $end->(); next }
		print $out unpack('H*', $request), "\n";
		my ($bytes, $drops, $close) = answer(ord substr $request, 1, 1);
		syswrite $from, $bytes if length $bytes;
		$drip{ fileno $from } = [ $from, $drops ] if $drops;
		$end->() if $close;
	}
}
