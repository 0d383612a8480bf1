#!/bin/sh
# Leaves a grandchild that writes $1 (100) numbered lines once the leader is gone, and ends.
leader=$$
(
    while kill -0 "$leader" 2>/dev/null; do sleep 0.01; done
    n=0
    while [ "$n" -lt "${1:-100}" ]; do
        n=$((n + 1))
        echo "late $n"
    done
) &
echo "ready $$"
exit 0
