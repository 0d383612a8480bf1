#!/bin/sh
# Ends with code 0 after $1 seconds (1).
echo "will end with code 0 after ${1:-1} s"
sleep "${1:-1}"
exit 0
