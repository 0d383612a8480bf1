#!/bin/sh
# Compares bgp with the peers that are installed: a table of ratios, medians of interleaved runs.
#
#   test-scripts/bench.sh [BINARY [PART...]]   without one, what test-scripts/release.sh builds
#   BENCH_ROUNDS=21 BENCH_MIB=1024             how many runs of each, how large the log
#
# The parts: start list live stop many curve memory idle log trickle read follow key. Installs nothing. On
# Debian the peers are: apt-get install nq task-spooler tmux dtach runit s6 openssl age; from crates.io: pueue,
# agent-procs; from npm: pm2.
# Everything is made in a directory below $TMPDIR and removed at the end. Memory of a supervisor can be
# looked at by root alone.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
binary=${1:-$("$here/release.sh")}
[ -x "$binary" ] || { echo "bench.sh: no binary at '$binary'" >&2; exit 2; }
command -v perl >/dev/null || { echo 'bench.sh: perl is needed to measure' >&2; exit 2; }
[ $# = 0 ] || shift
work=$(mktemp -d)

cat >"$work/bench.pl" <<'PERL'
use strict;
use warnings;
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC);
use POSIX ();

my ($bgp, $work, @wanted) = @ARGV;
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

sub part { my ($name) = @_; return !@wanted || grep { $_ eq $name } @wanted }
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

# The same, but what one command and all it waited for used of the processor, in ms.
sub cpu_ms {
    my @before = (times)[2, 3];
    ms(@_);
    my @after = (times)[2, 3];
    return 1000 * ($after[0] + $after[1] - $before[0] - $before[1]);
}

# Begins with an empty state directory.
my $fresh = 0;
sub fresh {
    system("$bgp stop --all --force >/dev/null 2>&1; $bgp lock >/dev/null 2>&1") if -d $ENV{BGP_DIR};
    system('rm', '-rf', $ENV{BGP_DIR});
    $ENV{BGP_DIR} = "$work/state" . $fresh++;
    ms($bgp, qw(start --name warm true));
    ms($bgp, qw(wait warm));
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

# A start, with the key cached. In a directory that nothing was removed from: ext4 without a journal looks at
# each inode that was freed in the last minute before it makes a new one.
if (part('start')) {
    fresh();
    my %start = (bgp => [$bgp, 'start', 'true']);
    my $session = 0; # numbers what a peer wants a new name for
    if (has('nq')) { mkdir "$work/nq"; $start{nq} = [qw(nq true)] } else { push @missing, 'nq' }
    if (has('tsp')) { $start{tsp} = [qw(tsp -n true)]; ms(qw(tsp -n true)) } else { push @missing, 'tsp (task-spooler)' }
    if (has('pueue')) {
        $ENV{PUEUE_CONFIG_PATH} = "$work/pueue.yml";
        system("printf 'shared:\n  pueue_directory: $work/pueue\n  runtime_directory: $work/pueue\n' > $work/pueue.yml; pueued -d >/dev/null 2>&1");
        $start{pueue} = [qw(pueue add true)];
    } else { push @missing, 'pueue' }
    if (has('agent-procs')) {
        $ENV{XDG_STATE_HOME} = "$work/agent-procs";
        $start{'agent-procs'} = sub { return ms('agent-procs', 'run', '--name', 'b' . $session++, 'true') };
        $start{'agent-procs'}->(); # starts its daemon
    } else { push @missing, 'agent-procs' }
    if (has('pm2')) {
        $ENV{PM2_HOME} = "$work/pm2";
        $start{pm2} = sub { return ms('pm2', 'start', '/bin/sleep', '--name', 'b' . $session++, '--interpreter', 'none', '--', '1000') };
        $start{pm2}->(); # starts its daemon
    } else { push @missing, 'pm2' }
    if (has('dtach')) { $start{dtach} = sub { return ms('dtach', '-n', "$work/dtach" . $session++, 'true') } }
    else { push @missing, 'dtach' }
    if (has('tmux')) {
        ms(qw(tmux -f /dev/null new-session -d -s hold sleep 1000));
        $start{tmux} = [qw(tmux new-session -d true)];
    } else { push @missing, 'tmux' }
    my %took = interleaved($rounds, %start);
    my %wanted = (nq => '< 2', pueue => '<= 0.5');
    for my $peer (grep { $_ ne 'bgp' } sort keys %took) {
        compare('start, key cached', 'ms', $took{bgp}, $peer, $took{$peer}, $wanted{$peer});
    }
    system('pueue shutdown >/dev/null 2>&1') if has('pueue');
    system('agent-procs down >/dev/null 2>&1') if has('agent-procs');
    system('pm2 kill >/dev/null 2>&1') if has('pm2');
}

# Lists: of what has ended, and of what runs.
sub ended { ms($bgp, 'start', 'true') for 1 .. $_[0]; my @ids = `$bgp list` =~ /^([0-9a-f]{8})\s/mg; ms($bgp, 'wait', @ids); ms($bgp, 'list') }
if (part('list')) {
    fresh();
    ended(99);
    my %took = interleaved($rounds, bgp => [$bgp, 'list'], cat => [qw(cat /dev/null)]);
    compare('list of 100 ended', 'ms', $took{bgp}, 'cat /dev/null', $took{cat}, '< 2');
}
if (part('many') || part('live')) {
    fresh();
    my $begun = clock_gettime(CLOCK_MONOTONIC);
    system("i=0; while [ \$i -lt 1000 ]; do $bgp start sleep 1000 >/dev/null || exit 1; i=\$((i+1)); done") == 0 or die 'start';
    row('1,000 starts, one after the other', sprintf('%.3g s', clock_gettime(CLOCK_MONOTONIC) - $begun), '', '', '< 5');
    my %took = interleaved($rounds, bgp => [$bgp, 'list'], cat => [qw(cat /dev/null)]);
    compare('list of 1,000 live', 'ms', $took{bgp}, 'cat /dev/null', $took{cat}, '< 15 ms');
    if (grep(/^ *watch /, `$bgp help`)) {
        my $used = cpu_ms('sh', '-c', "$bgp watch --timeout 20s; [ \$? = 124 ]");
        row('a watch of 1,000 quiet ones, of a core', sprintf('%.2g %%', $used / 200), '', '', '< 1 %');
    }
    $begun = clock_gettime(CLOCK_MONOTONIC);
    ms($bgp, qw(stop --all));
    row('1,000 stopped in one call', sprintf('%.3g s', clock_gettime(CLOCK_MONOTONIC) - $begun), '', '', '');
}
if (part('curve')) {
    for my $count (10, 100, 1000, 10_000) {
        fresh();
        ended($count - 1) if $count <= 1000 || $ENV{BENCH_LARGE};
        next if $count > 1000 && !$ENV{BENCH_LARGE};
        my %took = interleaved($rounds, list => [$bgp, 'list'], start => [$bgp, qw(start true)]);
        row("with $count ended: list, start", sprintf('%.3g ms', $took{list}), sprintf('%.3g ms', $took{start}), '', '');
    }
}

# A stop, and what the process itself takes to end.
if (part('stop')) {
    fresh();
    my %took = interleaved($rounds,
        bgp => sub { ms($bgp, qw(start --name obeys sleep 1000)); return ms($bgp, qw(stop obeys)) },
        kill => ['sh', '-c', 'sleep 1000 & kill $!; wait $!; exit 0']);
    compare('stop of one that obeys', 'ms', $took{bgp}, 'sh: start, kill, wait', $took{kill}, '+ 5 ms');
}

# Private memory of an idle supervisor, over ten of them.
sub private_kib {
    my ($pid) = @_;
    open(my $file, '<', "/proc/$pid/smaps_rollup") or return;
    my $sum = 0;
    while (my $row = <$file>) { $sum += $1 if $row =~ /^Private_(?:Clean|Dirty):\s+(\d+)/ }
    return $sum;
}
sub parent { my ($pid) = @_; my ($rest) = first_line("/proc/$pid/stat") =~ /.*\)\s+\S+\s+(\d+)/; return $rest }

# One that runs SCRIPT in DIR under SUPERVISOR.
sub supervised {
    my ($dir, $script, $supervisor) = @_;
    mkdir $dir;
    open(my $run, '>', "$dir/run") or die;
    print $run "#!/bin/sh\n$script\n";
    close $run;
    chmod 0755, "$dir/run";
    my $pid = fork() // die;
    if ($pid == 0) { open STDOUT, '>', '/dev/null'; exec $supervisor, $dir or POSIX::_exit(127) }
    push @processes, $pid;
    return $pid;
}
if (part('memory')) {
    fresh();
    my @mine;
    for my $n (1 .. 10) {
        my ($pid) = `$bgp start --name idle$n sleep 1000` =~ /pid (\d+)/;
        push @mine, parent($pid);
    }
    select undef, undef, undef, 1.5; # until it has nothing left to give back
    my @memory = grep { defined } map { private_kib($_) } @mine;
    if (!@memory) {
        row('private memory, idle: only root can look', '', '', '', '< 64 KiB');
    } elsif (has('runsv')) {
        my @theirs = map { supervised("$work/sv$_", 'exec sleep 1000', 'runsv') } 1 .. 10;
        select undef, undef, undef, 1.5;
        compare('private memory, idle', 'KiB', median(@memory), 'runsv', median(map { private_kib($_) } @theirs), '<= 0.4');
        kill TERM => @theirs;
        if (has('s6-supervise')) {
            my @s6 = map { supervised("$work/s6$_", 'exec sleep 1000', 's6-supervise') } 1 .. 10;
            select undef, undef, undef, 1.5;
            compare('private memory, idle', 'KiB', median(@memory), 's6-supervise', median(map { private_kib($_) } @s6), '');
            kill TERM => @s6;
        } else { push @missing, 's6' }
    } else {
        row('private memory, idle', median(@memory) . ' KiB', '', '', '< 64 KiB');
    }
}
push @missing, 'runit (runsv, svlogd)' if !has('runsv');

# How often an idle supervisor is woken in a minute.
if (part('idle')) {
    fresh();
    my ($pid) = `$bgp start --name idle sleep 1000` =~ /pid (\d+)/;
    my $woken = sub { return grep_file('/proc/' . parent($pid) . '/status', qr/^voluntary_ctxt_switches:\s*(\d+)/) };
    select undef, undef, undef, 1.5;
    my $before = $woken->();
    select undef, undef, undef, 60;
    row('an idle supervisor is woken, in 60 s', $woken->() - $before . ' times', '', '', '0');
}

# What a process used of the processor so far, in ms.
sub used_ms {
    my @fields = split ' ', (first_line("/proc/$_[0]/stat") =~ s/.*\) //r);
    return ($fields[11] + $fields[12]) * 1000 / POSIX::sysconf(POSIX::_SC_CLK_TCK());
}

# One line every 140 microseconds: what the logger uses for each.
if (part('trickle')) {
    my $lines = 50_000;
    my $producer = "perl -e '\$|=1; for (1..$lines) { print \"a line of about a hundred bytes, such as programs write when they tell what they do, \$_\\n\"; select undef,undef,undef,0.00014 } sleep 1000'";
    open(my $script, '>', "$work/trickle.sh") or die;
    print $script "exec $producer\n";
    close $script;
    fresh();
    my ($pid) = `$bgp start --name trickle sh $work/trickle.sh` =~ /pid (\d+)/;
    my $wait = sub { my ($done) = @_; for (1 .. 600) { return if $done->(); select undef, undef, undef, 0.1 } die 'the trickle did not end' };
    $wait->(sub { `$bgp output -n 1 trickle` =~ / $lines$/m });
    my $mine = used_ms(parent($pid)) * 1000 / $lines;
    my $theirs;
    if (has('svlogd')) {
        my $dir = "$work/svlog";
        mkdir $dir;
        my $child = fork() // die;
        if ($child == 0) { exec 'sh', '-c', "sh $work/trickle.sh | svlogd -tt $dir" or POSIX::_exit(127) }
        $wait->(sub { -s "$dir/current" && `tail -n 1 $dir/current` =~ / $lines$/ });
        my ($logger) = grep { first_line("/proc/$_/stat") =~ /\(svlogd\)/ && parent($_) == $child } map { m{(\d+)} } glob '/proc/[0-9]*';
        $theirs = used_ms($logger) * 1000 / $lines if $logger;
        kill TERM => $child, map { m{(\d+)} } grep { parent(m{(\d+)}) == $child } glob '/proc/[0-9]*';
    }
    if ($theirs) { compare('processor for a trickled line', 'us', $mine, 'svlogd -tt', $theirs, '<= 0.2') }
    else { row('processor for a trickled line', sprintf('%.3g us', $mine), '', '', '') }
}

# A log of $mib MiB, and how it is read.
my $line = 'the quick brown fox jumps over the lazy dog, again and again, until the log is as long as it must be';
my $producer = "yes '$line' | head -c ${mib}M";
my $keep = grep(/--max-log/, `$bgp help start`) ? '--max-log=1TiB' : '';
my $few = $rounds > 5 ? 5 : $rounds;
if (part('log') || part('read')) {
    fresh();
    my @supervisor_ms;
    my %write = (
        bgp => sub {
            system("$bgp clear >/dev/null 2>&1");
            my $took = ms('sh', '-c', "$bgp start --name big $keep sh -c \"$producer\" && $bgp wait big");
            return $took;
        },
        'plain file' => ['sh', '-c', "$producer > $work/plain"],
    );
    if (has('openssl')) {
        $ENV{P} = 'bench bench';
        $write{'openssl enc'} = ['sh', '-c', "$producer | openssl enc -aes-256-cbc -pbkdf2 -pass env:P -out $work/sealed"];
    } else { push @missing, 'openssl' }
    if (has('age') && has('age-keygen')) {
        my ($recipient) = `age-keygen -o $work/age.key 2>&1; age-keygen -y $work/age.key` =~ /^(age1\S+)$/m;
        $write{age} = ['sh', '-c', "$producer | age -r $recipient -o $work/aged"];
    } else { push @missing, 'age' }
    my %took = interleaved(part('log') ? $few : 1, %write);
    my %rate = map { $_ => $mib / $took{$_} * 1000 } keys %took;
    for my $peer (grep { $_ ne 'bgp' } sort keys %rate) {
        compare("log of $mib MiB", 'MiB/s', $rate{bgp}, $peer, $rate{$peer}, $peer =~ /openssl/ ? '>= 1.7' : '');
    }
    # The supervisor's own processor time: a run that ends with a leader that waits to be looked at.
    system("$bgp clear >/dev/null 2>&1");
    my ($pid) = `$bgp start --name measured $keep -c "$producer; echo done; exec sleep 1000"` =~ /pid (\d+)/;
    for (1 .. 600) { last if `$bgp output -n 1 measured` =~ /^done/m; select undef, undef, undef, 0.1 }
    my $mine = used_ms(parent($pid));
    system("$bgp stop measured >/dev/null; $bgp clear >/dev/null 2>&1");
    if (has('openssl')) {
        my $all = cpu_ms('sh', '-c', "$producer | openssl enc -aes-256-cbc -pbkdf2 -pass env:P -out $work/sealed");
        my $alone = cpu_ms('sh', '-c', "$producer | cat > /dev/null");
        compare("processor for $mib MiB", 'ms', $mine, 'openssl enc, less its producer', $all - $alone, '<= 0.6');
    }
    ms('sh', '-c', "$bgp start --name big $keep sh -c \"$producer\" && $bgp wait big");
    if (part('read')) {
        %took = interleaved($rounds, bgp => [$bgp, qw(output -n 20 big)], tail => ['tail', '-n', '20', "$work/plain"]);
        compare("last 20 lines of $mib MiB", 'ms', $took{bgp}, 'tail, plain', $took{tail}, '');
        %took = interleaved($few, verify => [$bgp, qw(verify big)], all => [$bgp, qw(output -n 0 big)],
            grep => [$bgp, qw(output --grep zebra big)]);
        row("verify $mib MiB", sprintf('%.3g GB/s', $mib * 1.048576 / $took{verify}), '', '', '>= 1');
        row("output -n 0 of $mib MiB", sprintf('%.3g GB/s', $mib * 1.048576 / $took{all}), '', '', '>= 1');
        compare("output --grep over $mib MiB", 'ms', $took{grep}, 'verify', $took{verify}, '<= 2');
    }
    unlink "$work/plain", "$work/sealed", "$work/aged";
}

# How long after it was written a follower has a line.
if (part('follow')) {
    fresh();
    open(my $script, '>', "$work/follow.pl") or die;
    print $script 'use Time::HiRes qw(time sleep); $| = 1; for (1 .. 40) { printf "%.6f\n", time; sleep 0.1 }';
    close $script;
    ms($bgp, qw(start --name clock perl), "$work/follow.pl");
    open(my $follow, '-|', $bgp, qw(output -f clock)) or die;
    my @late;
    while (my $row = <$follow>) { push @late, 1000 * (Time::HiRes::time() - $row) }
    shift @late while @late > 30; # what was written before it followed
    row('a line until a follower has it', sprintf('%.3g ms', median(@late)), sprintf('%.3g ms', (sort { $a <=> $b } @late)[-1]), '', '< 50 ms');
    close $follow;
}

# The key without the cache.
if (part('key')) {
    fresh();
    if (has('openssl')) {
        local $ENV{BGP_KEY_CACHE} = 'off';
        my %took = interleaved($rounds, bgp => [$bgp, 'list'],
            openssl => [qw(openssl kdf -keylen 32 -kdfopt digest:SHA256 -kdfopt pass:p -kdfopt salt:saltsaltsaltsalt -kdfopt iter:600000 PBKDF2)]);
        compare('a call without the cached key', 'ms', $took{bgp}, 'openssl kdf', $took{openssl}, '<= 0.6');
    }
}

print "\nnot installed: ", join(', ', @missing), "\n" if @missing;
print "a ratio below 1 is in bgp's favour, but for MiB/s, where one above 1 is\n";

END {
    my $code = $?;
    kill TERM => @processes if @processes;
    if (defined $bgp) {
        system("$bgp stop --all --force >/dev/null 2>&1; $bgp lock >/dev/null 2>&1") if -d $ENV{BGP_DIR};
        system('tmux kill-server >/dev/null 2>&1') if has('tmux');
        system('tsp -K >/dev/null 2>&1') if has('tsp');
    }
    $? = $code;
}
PERL
code=0
perl "$work/bench.pl" "$binary" "$work" "$@" || code=$?
rm -rf "$work"
exit "$code"
