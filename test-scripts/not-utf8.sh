#!/bin/sh
# Prints bytes that are no UTF-8, a character split in two writes, and a control sequence.
printf 'latin \377\376 end\n'
printf 'caf\303'
sleep 0.1
printf '\251 split\n'
printf 'cut \303\n'
printf 'nul \000 bell \007\n'
