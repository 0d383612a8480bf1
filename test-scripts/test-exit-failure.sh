#!/bin/sh
# Ends with code 1 after $1 seconds (1).
echo "will end with code 1 after ${1:-1} s"
sleep "${1:-1}"
echo 'this is the failure' >&2
exit 1
