#!/bin/sh
# Compares bgp with the peers that are installed: a table of ratios, medians of interleaved runs.
#
#   test-scripts/bench.sh [BINARY]      without one, what test-scripts/release.sh builds
#   BENCH_ROUNDS=21 BENCH_MIB=1024      how many runs of each, how large the log
#
# Installs nothing. On Debian the peers are: apt-get install nq task-spooler tmux dtach runit openssl.
# Everything is made in a directory below $TMPDIR and removed at the end. Memory of a supervisor can be
# looked at by root alone.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
binary=${1:-$("$here/release.sh")}
[ -x "$binary" ] || { echo "bench.sh: no binary at '$binary'" >&2; exit 2; }
command -v perl >/dev/null || { echo 'bench.sh: perl is needed to measure' >&2; exit 2; }
work=$(mktemp -d)

cat >"$work/bench.pl" <<'PERL'
use strict;
use warnings;
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC);
use POSIX ();

my ($bgp, $work) = @ARGV;
my $rounds = $ENV{BENCH_ROUNDS} // 21;
my $mib = $ENV{BENCH_MIB} // 1024;
my (@missing, @processes);
$ENV{BGP_DIR} = "$work/state";
$ENV{BG_PASSWORD} = 'bench bench';
$ENV{NQDIR} = "$work/nq";
$ENV{TS_SOCKET} = "$work/tsp.sock";
$ENV{TMUX_TMPDIR} = $work;
$ENV{TMPDIR} = $work;
$ENV{LC_ALL} = 'C';
delete $ENV{BGP_KEY_CACHE};
delete $ENV{TMUX};

sub has { my ($name) = @_; return grep { -x "$_/$name" } split /:/, $ENV{PATH} }

# Runs a command with nothing on its streams; milliseconds from the fork to its end.
sub ms {
    my @command = @_;
    my $begun = clock_gettime(CLOCK_MONOTONIC);
    my $pid = fork() // die "fork: $!";
    if ($pid == 0) {
        open STDIN, '<', '/dev/null';
        open STDOUT, '>', '/dev/null';
        open STDERR, '>>', "$work/stderr";
        exec { $command[0] } @command or POSIX::_exit(127);
    }
    waitpid $pid, 0;
    die "failed with $?: @command\n" . `tail -n 5 $work/stderr` if $? != 0;
    return 1000 * (clock_gettime(CLOCK_MONOTONIC) - $begun);
}

sub median { my @sorted = sort { $a <=> $b } @_; return $sorted[@sorted / 2] }

# Interleaved runs of { name => sub or [command] }; medians by name.
sub interleaved {
    my ($times, %what) = @_;
    my %all;
    for my $round (0 .. $times) {
        for my $name (sort keys %what) {
            my $took = ref $what{$name} eq 'CODE' ? $what{$name}->() : ms(@{ $what{$name} });
            push @{ $all{$name} }, $took if $round > 0; # the first warms up
        }
    }
    return map { $_ => median(@{ $all{$_} }) } keys %all;
}

sub row { printf "%-44s %12s %12s %8s  %s\n", @_ }

sub compare {
    my ($what, $unit, $mine, $peer, $theirs, $wanted) = @_;
    row("$what: $peer", sprintf("%.3g $unit", $mine), sprintf("%.3g $unit", $theirs),
        sprintf('%.2f', $mine / $theirs), $wanted // '');
}

sub first_line { my ($path) = @_; open(my $file, '<', $path) or return ''; my $line = <$file> // ''; chomp $line; return $line }
sub grep_file { my ($path, $re) = @_; open(my $file, '<', $path) or return ''; while (my $row = <$file>) { return $1 if $row =~ $re } return '' }

my $head = "machine: " . join(' ', (POSIX::uname())[0, 2, 4]) . ', '
    . (grep_file('/proc/cpuinfo', qr/^model name\s*:\s*(.*)/) || 'unknown processor') . ', '
    . `getconf _NPROCESSORS_ONLN` ;
chomp $head;
print "$head processors, ", int((grep_file('/proc/meminfo', qr/^MemTotal:\s*(\d+)/) || 0) / 1048576), " GiB, ",
    (split ' ', (split /\n/, `df -PT $work`)[1])[1], " below $work\n";
print "binary:  $bgp, ", -s $bgp, " bytes, ", `$bgp --version`;
print "medians of $rounds interleaved runs, after one to warm up\n\n";
row('what', 'bgp', 'peer', 'ratio', 'wanted');
row('-' x 44, '-' x 12, '-' x 12, '-' x 8, '-' x 8);

# A start, with the key cached.
ms($bgp, qw(start --name warm true));
ms($bgp, qw(wait warm));
my %start = (bgp => [$bgp, 'start', 'true']);
my $session = 0;
if (has('nq')) { mkdir "$work/nq"; $start{nq} = [qw(nq true)] } else { push @missing, 'nq' }
if (has('tsp')) { $start{tsp} = [qw(tsp -n true)]; ms(qw(tsp -n true)) } else { push @missing, 'tsp (task-spooler)' }
if (has('dtach')) { $start{dtach} = sub { return ms('dtach', '-n', "$work/dtach" . $session++, 'true') } }
else { push @missing, 'dtach' }
if (has('tmux')) {
    ms(qw(tmux -f /dev/null new-session -d -s hold sleep 1000));
    $start{tmux} = [qw(tmux new-session -d true)];
} else { push @missing, 'tmux' }
my $starts = 0;
my $bgp_start = $start{bgp};
$start{bgp} = sub { system("$bgp clear >/dev/null 2>&1") if $starts++ % 10 == 9; return ms(@$bgp_start) };
my %took = interleaved($rounds, %start);
for my $peer (grep { $_ ne 'bgp' } sort keys %took) {
    compare('start, key cached', 'ms', $took{bgp}, $peer, $took{$peer}, $peer eq 'nq' ? '< 2' : '');
}

# A list of 100 ended processes.
system("for i in 1 2 3 4 5 6 7 8 9 10; do $bgp clear >/dev/null; done");
ms($bgp, 'start', 'true') for 1 .. 100;
my @numbers = `$bgp list` =~ /^([0-9a-f]{8})\s/mg;
ms($bgp, 'wait', @numbers);
ms($bgp, 'list');
%took = interleaved($rounds, bgp => [$bgp, 'list'], cat => [qw(cat /dev/null)]);
compare('list of 100 ended', 'ms', $took{bgp}, 'cat /dev/null', $took{cat}, '< 2');
system("$bgp clear >/dev/null 2>&1");

# Private memory of an idle supervisor, over ten of them.
sub private_kib {
    my ($pid) = @_;
    open(my $file, '<', "/proc/$pid/smaps_rollup") or return;
    my $sum = 0;
    while (my $row = <$file>) { $sum += $1 if $row =~ /^Private_(?:Clean|Dirty):\s+(\d+)/ }
    return $sum;
}
sub parent { my ($pid) = @_; my ($rest) = first_line("/proc/$pid/stat") =~ /.*\)\s+\S+\s+(\d+)/; return $rest }
my @mine;
for my $n (1 .. 10) {
    my ($pid) = `$bgp start --name idle$n sleep 1000` =~ /pid (\d+)/;
    push @mine, parent($pid);
}
select undef, undef, undef, 1.5; # until it has nothing left to give back
my @memory = grep { defined } map { private_kib($_) } @mine;
if (!@memory) {
    row('private memory, idle: only root can look', '', '', '', '< 64 KiB');
} else {
    my $mine = median(@memory);
    if (has('runsv')) {
        my @theirs;
        for my $n (1 .. 10) {
            my $dir = "$work/sv$n";
            mkdir $dir;
            open(my $run, '>', "$dir/run") or die;
            print $run "#!/bin/sh\nexec sleep 1000\n";
            close $run;
            chmod 0755, "$dir/run";
            my $pid = fork() // die;
            if ($pid == 0) { open STDOUT, '>', '/dev/null'; exec 'runsv', $dir or POSIX::_exit(127) }
            push @theirs, $pid;
            push @processes, $pid;
        }
        select undef, undef, undef, 1.5;
        compare('private memory, idle', 'KiB', $mine, 'runsv', median(map { private_kib($_) } @theirs), '< 64 KiB');
        kill TERM => @theirs;
    } else {
        row('private memory, idle', "$mine KiB", '', '', '< 64 KiB');
    }
}
push @missing, 'runit (runsv)' if !has('runsv');
system("$bgp stop --all --force >/dev/null; $bgp clear >/dev/null");

# A log of $mib MiB, and its last 20 lines.
my $line = 'the quick brown fox jumps over the lazy dog, again and again, until the log is as long as it must be';
my $producer = "yes '$line' | head -c ${mib}M";
my $keep = grep(/--max-log/, `$bgp start --help`) ? '--max-log=1TiB' : '';
my $few = $rounds > 5 ? 5 : $rounds;
my %write = (
    bgp => sub {
        system("$bgp clear >/dev/null 2>&1");
        return ms('sh', '-c', "$bgp start --name big $keep sh -c \"$producer\" && $bgp wait big");
    },
    'plain file' => ['sh', '-c', "$producer > $work/plain"],
);
if (has('openssl')) {
    $ENV{P} = 'bench bench';
    $write{'openssl enc'} = ['sh', '-c', "$producer | openssl enc -aes-256-cbc -pbkdf2 -pass env:P -out $work/sealed"];
} else { push @missing, 'openssl' }
%took = interleaved($few, %write);
my %rate = map { $_ => $mib / $took{$_} * 1000 } keys %took;
for my $peer (grep { $_ ne 'bgp' } sort keys %rate) {
    compare("log of $mib MiB", 'MiB/s', $rate{bgp}, $peer, $rate{$peer}, $peer =~ /openssl/ ? '>= 1' : '');
}
%took = interleaved($rounds, bgp => [$bgp, qw(output -n 20 big)], tail => ['tail', '-n', '20', "$work/plain"]);
compare("last 20 lines of $mib MiB", 'ms', $took{bgp}, 'tail, plain', $took{tail}, '');
system("$bgp clear >/dev/null 2>&1");

print "\nnot installed: ", join(', ', @missing), "\n" if @missing;
print "a ratio below 1 is in bgp's favour, but for MiB/s, where one above 1 is\n";

END {
    my $code = $?;
    kill TERM => @processes if @processes;
    if (defined $bgp) {
        system("$bgp stop --all --force >/dev/null 2>&1; $bgp lock >/dev/null 2>&1");
        system('tmux kill-server >/dev/null 2>&1') if has('tmux');
        system('tsp -K >/dev/null 2>&1') if has('tsp');
    }
    $? = $code;
}
PERL
code=0
perl "$work/bench.pl" "$binary" "$work" || code=$?
rm -rf "$work"
exit "$code"
