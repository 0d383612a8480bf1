#!/bin/sh
# Looks with inputs of chance, for some time each, that what has to hold for any bytes does. An input for which it does
# not is kept as target/found-…: put into the directory of its property in tests/corpus, all tests look at it from then on.
# usage: fuzz.sh SECONDS [PROPERTY…]      a part of the name of a test in src/testing, or mcp::tests::
set -eu
BGP_FUZZ_SECONDS=${1:?seconds}
export BGP_FUZZ_SECONDS RUST_BACKTRACE=0
shift
cd "$(dirname "$0")/.."
[ $# -gt 0 ] || set -- testing:: mcp::tests::
exec cargo test --lib -- "$@" --skip log::tests
