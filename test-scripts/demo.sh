#!/usr/bin/env bash
# Builds bgp and shows its main job on a real process: started, listed, read while it runs, stopped, checked.
# Needs cargo and rustc alone. All is kept in a directory below $TMPDIR, which is removed at the end.
# Ends with 0 when everything was as it should be.
set -euo pipefail
cd "$(dirname "$0")/.."
cargo build --release --locked
PATH="$(cd "${CARGO_TARGET_DIR:-target}/release" && pwd):$PATH"

work=$(mktemp -d)
export BGP_DIR="$work/state" BG_PASSWORD='a password for the demonstration'
clean_up() {
    { bgp stop --all --force && bgp lock; } >"$work/last" 2>&1 || cat "$work/last"
    rm -rf "$work"
}
trap clean_up EXIT
cd "$work"

bold='' plain=''
[ ! -t 1 ] || { bold=$'\e[1m' plain=$'\e[0m'; }
show() { # show COMMAND...: the command as it would be typed, and what it does
    local word line='$'
    for word; do
        case $word in
            *[!A-Za-z0-9_./=-]*) line+=" '$word'" ;;
            *) line+=" $word" ;;
        esac
    done
    printf '\n%s%s%s\n' "$bold" "$line" "$plain"
    "$@"
}
fail() {
    echo "demo: $1" >&2
    exit 1
}

show bgp start --name clock -c 'n=0; while sleep 0.2; do n=$((n+1)); echo "tick $n"; done'
pid=$(bgp status clock --json | sed 's/.*"pid":\([0-9]*\).*/\1/')
show bgp list
show bgp output clock --follow | sed 5q # its title and three lines, as they come
show bgp status clock
show bgp stop clock
kill -0 "$pid" 2>/dev/null && fail "pid $pid lives on"
show bgp list
show bgp output clock --lines 2
show bgp verify
grep -rq tick "$BGP_DIR" && fail 'a line of its output is on the disk in the clear'
show ls -l "$BGP_DIR" "$BGP_DIR/logs"
show bgp clear
echo
echo 'demo: started, listed, read, stopped; nothing lives on, nothing was on the disk in the clear'
