#!/bin/sh
# Runs the first session of README.md, word for word, and compares what it prints with what stands there.
#
#   test-scripts/readme.sh [BINARY]          without one: target/release/bgp, else target/debug/bgp
#   test-scripts/readme.sh --show [BINARY]   prints the session as it should stand in the README
#
# Times, ids, pids and sizes may differ. One line of TAP for each command; ends with 0 when all are alike.
set -eu
tree=$(cd "$(dirname "$0")/.." && pwd)
mode=compare
if [ "${1:-}" = --show ]; then
    mode=show
    shift
fi
binary=${1:-}
for built in "$tree/target/release/bgp" "$tree/target/debug/bgp"; do
    [ -n "$binary" ] || [ ! -x "$built" ] || binary=$built
done
[ -x "$binary" ] || { echo "readme.sh: no binary at '$binary'; cargo build makes one" >&2; exit 2; }

work=$(mktemp -d)
mkdir "$work/bin" "$work/site"
ln -s "$(cd "$(dirname "$binary")" && pwd)/$(basename "$binary")" "$work/bin/bgp"
export PATH="$work/bin:$PATH" BGP_DIR="$work/state" SHELL=/bin/sh LC_ALL=C.UTF-8
unset BG_PASSWORD_FILE BG_PASSWORD_COMMAND BGP_SESSION
cleanup() {
    BG_PASSWORD='correct horse battery staple' bgp stop --all --force >/dev/null 2>&1 || true
    BG_PASSWORD='correct horse battery staple' bgp lock >/dev/null 2>&1 || true
    rm -rf "$work"
}
trap cleanup EXIT

# The fenced block after the comment <!-- $1 -->.
block() {
    awk -v mark="<!-- $1 -->" '
        $0 == mark { near = 1; next }
        near && !inside && /^```/ { inside = 1; next }
        inside && /^```/ { exit }
        inside { print }
    ' "$tree/README.md"
}

# What differs from run to run.
leveled() {
    sed -E -e "s,$work/site,/home/u/site,g" \
        -e 's/[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}/TIME/g' \
        -e 's/"(pid|[a-zA-Z]*(Time|Ms|Bytes)|time)":[0-9]+/"\1":N/g' \
        -e 's/\b[0-9a-f]{8}\b/ID/g' -e 's/pid [0-9]+/pid N/g' -e 's/^( *pid +)[0-9]+/\1N/' \
        -e 's/^(ID +[^ ]+ +[^ ]+ +)[0-9]+ /\1N /' \
        -e 's/[0-9.]+ (B|KiB|MiB)\b/SIZE/g' -e 's/[0-9.]+ s (user|system)/T \1/g' \
        -e 's/<?\b([0-9]+(ms|s|m|h))+( [0-9]+(ms|s))?\b/DURATION/g' -e 's/ +/ /g' -e 's/ $//'
}

block session >"$work/session"
[ -s "$work/session" ] || { echo 'readme.sh: README.md has no session' >&2; exit 2; }
# Each line in the same shell, after itself, as a terminal shows it.
{
    printf 'cd "%s"\n' "$work/site"
    while IFS= read -r line; do
        printf "cat <<'LINE'\n\$ %s\nLINE\n%s\n" "$line" "$line"
    done <"$work/session"
} >"$work/run.sh"
/bin/sh "$work/run.sh" >"$work/shown" 2>&1 </dev/null || true
if [ "$mode" = show ]; then
    sed "s,$work/site,/home/u/site,g" "$work/shown"
    exit
fi

block transcript | leveled >"$work/expected"
leveled <"$work/shown" >"$work/actual"
awk '
    FNR == 1 { file++ }
    /^\$ / { n[file]++; if (file == 1) title[n[file]] = substr($0, 3) }
    { text[file, n[file]] = text[file, n[file]] $0 "\n" }
    END {
        print "1.." n[1]
        for (i = 1; i <= n[1]; i++) {
            if (text[1, i] == text[2, i]) { print "ok " i " - " title[i]; continue }
            bad++
            print "not ok " i " - " title[i]
            print "# the README has:\n" text[1, i] "# it printed:\n" text[2, i]
        }
        exit (bad > 0 || n[1] != n[2])
    }
' "$work/expected" "$work/actual"
