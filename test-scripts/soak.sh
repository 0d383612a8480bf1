#!/bin/sh
# Mixed load for some minutes, random kills and stops; then descriptors, memory and zombies have to be as they were,
# everything has to verify, and nothing may run that is not listed.
# usage: soak.sh MINUTES [PROCESSES]      BGP names the binary
set -eu
minutes=${1:?minutes} count=${2:-200}
bgp=${BGP:-$(cd "$(dirname "$0")/.." && pwd)/target/release/bgp}
dir=$(mktemp -d)
export BGP_DIR="$dir/state" BG_PASSWORD=soak BGP_SOAK="$dir"
trap '"$bgp" stop --all --force >/dev/null 2>&1 || :; "$bgp" clear >/dev/null 2>&1 || :; rm -rf "$dir"' EXIT

random() { # below $1
    echo $(($(od -An -N2 -tu2 /dev/urandom) % $1))
}

start_one() {
    case $(random 6) in
    0) "$bgp" start --session soak --max-log 1MiB -c 'while :; do seq 1 2000; sleep 0.2; done' ;;
    1) "$bgp" start --session soak -c 'while read line; do echo "$line"; done' ;;
    2) "$bgp" start --session soak -c 'sleep 2; exit 3' ;;
    3) "$bgp" start --session soak -c 'sleep 1 & sleep 0.1 & wait; echo done' ;;
    4) "$bgp" start --session soak -c 'trap "" TERM; sleep 5 & wait' ;;
    *) "$bgp" start --session soak sleep 600 ;;
    esac >/dev/null
}

running() {
    "$bgp" list --running --json | tr ',' '\n' | sed -n 's/.*"id":"\([0-9a-f]*\)".*/\1/p'
}

zombies() {
    cat /proc/[0-9]*/stat 2>/dev/null | grep -c 'bgp.*) Z ' || :
}

resident() { # the largest of the supervisors, in KiB
    ps -eo rss=,args= | awk '/bgp-supervisor/ && !/awk/ { if ($1 > most) most = $1 } END { print most + 0 }'
}

before=$(zombies) begun=$(date +%s) rounds=0 killed=0
while [ $(($(date +%s) - begun)) -lt $((minutes * 60)) ]; do
    rounds=$((rounds + 1))
    ids=$(running)
    set -- $ids
    missing=$((count - $#))
    while [ "$missing" -gt 0 ]; do
        start_one
        missing=$((missing - 1))
    done
    for id in $ids; do
        case $(random 40) in
        0) "$bgp" stop --grace 200ms "$id" >/dev/null 2>&1 || : ;;
        1) "$bgp" output -n 5 "$id" >/dev/null ;;
        2) "$bgp" send "$id" hello >/dev/null 2>&1 || : ;;
        3) # its supervisor is killed
            pid=$("$bgp" status --json "$id" | tr ',' '\n' | sed -n 's/.*"pid":\([0-9]*\).*/\1/p' | head -1)
            parent=$(awk '{print $4}' "/proc/$pid/stat" 2>/dev/null || :)
            case $(cat "/proc/$parent/comm" 2>/dev/null) in
            bgp-supervisor*) kill -9 "$parent" && killed=$((killed + 1)) ;;
            esac
            "$bgp" stop --force "$id" >/dev/null 2>&1 || : ;;
        esac
    done
    "$bgp" list >/dev/null
    [ $((rounds % 20)) != 0 ] || "$bgp" clear >/dev/null
    [ $((rounds % 10)) != 0 ] || echo "$(date +%T) rounds $rounds, live $#, killed $killed, largest $(resident) KiB, zombies $(zombies)"
done
"$bgp" verify >"$dir/verify" || { grep -v intact "$dir/verify"; echo "not ok - verify"; exit 1; }
"$bgp" stop --all --force >/dev/null || :
left=$(grep -lz "^BGP_SOAK=$dir\$" /proc/[0-9]*/environ 2>/dev/null | grep -v "/proc/$$/" | grep -c sleep || :)
# Who is above us reaps in its own time.
waited=0
while after=$(zombies) && [ "$after" -gt "$before" ] && [ $waited -lt 60 ]; do
    sleep 1
    waited=$((waited + 1))
done
[ "$after" -le "$before" ] || { echo "not ok - $after zombies, $before before"; exit 1; }
[ "$left" = 0 ] || { echo "not ok - $left processes live on"; exit 1; }
echo "ok - $rounds rounds, $killed supervisors killed, everything verified, no zombies"
