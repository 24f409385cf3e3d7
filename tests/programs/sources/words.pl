use strict; use warnings; use Digest::SHA qw(sha256_hex sha512_hex); use Digest::MD5 qw(md5_hex); use List::Util qw(sum shuffle reduce);
open(my $f, '<:raw', '/suite/sources/input') or die; read($f, my $text, 200000);
print sha256_hex($text), ' ', sha512_hex($text), ' ', md5_hex($text), "\n";
my %count; $count{lc $1}++ while $text =~ /\b([a-z]{3,})\b/gi;
my @top = (sort { $count{$b} <=> $count{$a} || $a cmp $b } keys %count)[0 .. 20];
print join(' ', map { "$_=$count{$_}" } @top), "\n";
print join(',', ($text =~ /\b(\w)(?=\w*\1)(?!\w*(\w)\w*\2)/g)[0 .. 30]) =~ tr/,//, "\n";
srand(42); my @v = map { int(rand(1e9)) } 1 .. 3000; @v = sort { $a <=> $b } @v; print sha256_hex(join ',', @v), "\n";
my $s = 0; $s += sin($_) * exp(cos($_)) / sqrt($_) - log($_) + atan2($_, 7) for 1 .. 50000; printf "%.17g\n", $s;
printf "%s %s %d %x %e %g\n", 1e16 + 1, 0.1 + 0.2, -7 % 3, ~0, 1 / 3, 1e-320;
sub fib { my $n = shift; $n < 2 ? $n : fib($n - 1) + fib($n - 2) } print fib(19), "\n";
{ use bigint; my $x = 1; $x *= $_ for 1 .. 120; print "$x\n"; print 3 ** 200 % (2 ** 89 - 1), "\n"; }
for my $n (0 .. 3) { my $r = eval { die { code => $n } if $n; 'fine' } // "code $@->{code}"; print "$r\n"; }
my @kids; pipe(my $r, my $w); for my $n (1 .. 4) { my $pid = fork // die; if (!$pid) { syswrite $w, sprintf("%06d\n", $n * $n); exit $n } push @kids, $pid } close $w;
print join ' ', sort map { chomp; $_ } <$r>; waitpid $_, 0 and print ' ', $? >> 8 for @kids; print "\n";
my $alarms = 0; local $SIG{ALRM} = sub { $alarms++; alarm 1 if $alarms < 2 }; alarm 1; 1 while $alarms < 2; print "$alarms alarms\n";
print join(' ', unpack('(A2)*', pack('dfqsNnw/a', 1.5, 0.1, -2, -3, 4, 5, 'six') =~ s/(.)/sprintf '%02x', ord $1/gesr)), "\n";
