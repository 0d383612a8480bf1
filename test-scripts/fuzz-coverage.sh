#!/bin/sh
# Looks that what has to hold for any bytes does, with inputs made by what the code did with those before (libFuzzer),
# for some time each. fuzz.sh does the same with inputs of chance.
# usage: fuzz-coverage.sh SECONDS [TARGET…]      a target is a directory of tests/corpus; without one: all
# Needs, beside cargo, a C++ compiler: it builds libFuzzer's sources, which the crate libfuzzer-sys holds. Without one
# it says so, and ends with 2. No nightly compiler, and no cargo-fuzz.
# Inputs that led somewhere are kept in target/fuzz/corpus/TARGET for the next time; one that fails is target/fuzz/found/TARGET-…,
# and the exit status is 1: put it into tests/corpus/TARGET, all tests look at it from then on.
# MERGE=1 looks for nothing, but reduces target/fuzz/corpus/TARGET to inputs that reach all it does, in target/fuzz/small/TARGET.
set -u
seconds=${1:?seconds}
shift
cd "$(dirname "$0")/.." || exit 2
top=$PWD
[ $# -gt 0 ] || set -- log records state control mcp escapes lines ids status

"${CXX:-c++}" --version >/dev/null 2>&1 || {
    echo "fuzz-coverage.sh: a C++ compiler is needed, and '${CXX:-c++}' is none: nothing was done" >&2
    exit 2
}

host=$(rustc -vV | sed -n 's/^host: //p')
place=$top/target/fuzz
# What cargo-fuzz gives without a sanitizer; these flags are stable. With a target named, build scripts are built without.
RUSTFLAGS="--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
-Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
-Cllvm-args=-sanitizer-coverage-trace-compares -Clink-dead-code -Ccodegen-units=1" \
    cargo build --locked --release --manifest-path tests/fuzz/Cargo.toml --target "$host" --target-dir "$place" || exit 2
program=$place/$host/release/bgp-fuzz

# Files that an input needs are soon gone again: better in memory.
memory=/dev/shm
[ -w "$memory" ] || memory=${TMPDIR:-/tmp}
TMPDIR=$(mktemp -d "$memory/bgp-fuzz-XXXXXX") || exit 2
export TMPDIR
trap 'rm -rf "$TMPDIR"' EXIT
trap 'exit 130' INT TERM

code=0
for target in "$@"; do
    export BGP_FUZZ_TARGET="$target"
    corpus=$place/corpus/$target small=$place/small/$target words=$TMPDIR/$target.words
    mkdir -p "$corpus" "$place/found"
    BGP_FUZZ_WORDS="$words" "$program" || exit 2
    if [ -n "${MERGE-}" ]; then
        rm -rf "$small" && mkdir -p "$small"
        "$program" -merge=1 -rss_limit_mb=1024 "$small" "tests/corpus/$target" "$corpus" || code=1
        continue
    fi
    longest=8192
    [ "$target" != escapes ] || longest=1024 # each input is cut at each of its bytes
    dictionary= # libFuzzer takes no empty one
    [ ! -s "$words" ] || dictionary=-dict=$words
    echo "== $target, $seconds s"
    "$program" -max_total_time="$seconds" -timeout=5 -rss_limit_mb=1024 -max_len="$longest" ${dictionary:+"$dictionary"} \
        -print_final_stats=1 -artifact_prefix="$place/found/$target-" "$corpus" "tests/corpus/$target" || {
        echo "== $target: something does not hold; the input is kept below $place/found" >&2
        code=1
    }
done
exit "$code"
