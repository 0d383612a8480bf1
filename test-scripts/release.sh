#!/bin/sh
# Builds the binary as it is released: one static file, not position-independent. With the musl target
# where it is installed, else with glibc. The last line on stdout is its path; the rest goes to stderr.
set -eu
cd "$(dirname "$0")/.."
cargo=${CARGO:-cargo}

machine=$(rustc -vV | sed -n 's/^host: //p')
musl=$(echo "$machine" | sed 's/-gnu.*$/-musl/')
libdir=$(rustc --print target-libdir --target "$musl" 2>/dev/null || true)
flags='-C relocation-model=static -C target-feature=+crt-static'
if [ -n "$libdir" ] && ls "$libdir"/libstd-*.rlib >/dev/null 2>&1; then
    target=$musl
else
    target=$machine
    echo "the target $musl is not installed: built with glibc (rustup target add $musl)" >&2
fi

# With --target the flags are for the program alone, not for build scripts.
RUSTFLAGS="$flags" "$cargo" build --release --locked --target "$target" >&2
out=${CARGO_TARGET_DIR:-target}/$target/release/bgp
case $out in
    /*) ;;
    *) out=$PWD/$out ;;
esac

# e_type at byte 16: 2 is a fixed address, 3 is position-independent; type 3 in a program header (its
# `PT_INTERP`) is a dynamic loader.
kind=$(od -An -tu2 -j16 -N2 "$out" | tr -d ' ')
count=$(od -An -tu2 -j56 -N2 "$out" | tr -d ' ')
loader=none
n=0
while [ "$n" -lt "$count" ]; do
    entry=$(od -An -tu4 -j$((64 + n * 56)) -N4 "$out" | tr -d ' ')
    [ "$entry" != 3 ] || loader=some
    n=$((n + 1))
done
{
    echo "target  $target"
    echo "size    $(wc -c <"$out" | tr -d ' ') bytes"
    case $kind in
        2) echo 'kind    executable at a fixed address' ;;
        3) echo 'kind    position-independent, which it should not be' ;;
        *) echo "kind    $kind" ;;
    esac
    echo "loader  $loader"
    echo "version $("$out" --version 2>/dev/null || echo '?')"
} >&2
echo "$out"
[ "$kind" = 2 ] && [ "$loader" = none ]
