#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Signal frames of a program that is dumped here: they are where it says that its
# handlers found them, live ones for sure, and good for this machine.
# shellcheck source=tests/conformance/fixtures disable=SC2154
source "$(dirname "${BASH_SOURCE[0]}")/fixtures"

cc -O2 -Wall -Wextra -D_GNU_SOURCE -pthread -o signals "$top/tests/conformance/frames.c"
result $? "the program builds"
setsid ./signals </dev/null >said 2>/dev/null &
pid=$!
disown "$pid"
for _ in $(seq 100); do
	! grep -q ready said || break
	sleep 0.05
done
mkdir images
timeout 60 "$top/tests/support/criu" dump -t "$pid" -D images -o log >/dev/null 2>&1
status=$?
kill -9 "$pid" 2>/dev/null
[ $status = 0 ] || {
	echo "CRIU cannot dump here: $(tail -n 1 images/log 2>&1)"
	[ $failed = 0 ] && exit 77
	exit 1
}

lines='.[] | "\(.tid // "-") \(.signal) \(.pc) \(.sp)"'
grep ^live said | cut -d' ' -f2- | sort >want
for how in '' '--sysroot /'; do
	# shellcheck disable=SC2086
	crit frames images $how --host --json >frames.json
	result $? "they are good for this machine $how"
	jq -r "map(select(.tid)) | $lines" frames.json | sort >have
	[ "$(wc -l <want)" = 4 ] && ! differs want have
	result $? "frames are where the program says $how"
	[ "$(jq -r "map(select(.grade == \"suspect\")) | $lines" frames.json)" = \
		"- $(grep ^parked said | cut -d' ' -f3-)" ]
	result $? "and so is that of the coroutine $how"
done
[ "$(jq -r 'map(select(.tid).grade) | unique | join(" ")' frames.json)" = exact ]
result $? "unwinding leads to each"

# What is left of one that has returned.
[ "$(crit frames images -a --json | jq -r 'map(select(.grade == "stale")) | length')" = 1 ]
result $? "one that has returned is stale"
exit $failed
