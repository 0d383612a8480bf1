#!/bin/sh
# Ends with code 137, as a shell says of a program that was killed, after $1 seconds (1).
echo "will end with code 137 after ${1:-1} s"
sleep "${1:-1}"
exit 137
