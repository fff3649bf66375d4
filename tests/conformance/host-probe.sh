#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# What `crit host-probe` finds out about AArch64 machines is what they are: those
# that tests/vm/run emulates. And signal frames of one of them: found where the
# program says, good for the machine they are from, and not for lesser ones.
# shellcheck source=tests/conformance/fixtures disable=SC2154
source "$(dirname "${BASH_SOURCE[0]}")/fixtures"
helper=$top/tests/conformance
vm=$top/tests/vm/run

for cmd in "$vm --criu 4.3 --setup" "$top/tests/support/cross"; do
	if ! $cmd >"$work/log" 2>&1; then
		tail -n 1 "$work/log"
		exit 77
	fi
done

cross()
{
	"$top/tests/support/cross" -std=gnu11 -D_GNU_SOURCE -O2 "$@"
}

(cd "$top" && cross -ffunction-sections -fdata-sections -Wl,--gc-sections -I. -Ibuild/gen \
	-idirafter "$(pkg-config --variable=includedir libprotobuf-c)" \
	"$helper/host-probe.c" lib/machine/*.c lib/machine/aarch64/*.c lib/base/*.c lib/pac/*.c \
	lib/codec/{reader,writer,escape,present}.c -o "$work/probe") >"$work/log" 2>&1
result $? "the probe builds for AArch64" || cat "$work/log"
cross -pthread "$helper/frames.c" -o "$work/signals" >"$work/log" 2>&1
result $? "and so does a program" || cat "$work/log"

# ---- machines ----

echo './probe' >job
summary='[.aarch64 | .pac, .pac_proved, .pac_keys, .pac_level, .va_bits, .generic, .gcs,
	.sve.usual, .sme.usual] | map(tostring) | join(" ")'
while read -r cpu want; do
	"$vm" --cpu "$cpu" job probe >"$cpu.json" 2>"$work/log"
	have=$(jq -r "$summary" "$cpu.json" 2>>"$work/log")
	[ "$have" = "$want" ]
	result $? "$cpu: $have (want $want)" || tail -n 3 "$work/log"
done <<-END
	qarma3 qarma3 true true 5 48 true true 64 32
	impdef impdef false true 5 48 true true 64 32
	qarma5-52 qarma5 true true 5 52 true true 64 32
	nopac none null null 0 48 false true 64 32
	nogcs impdef false true 3 48 true false 32 0
END

# ---- signal frames ----

cat >job <<'END'
./probe >/out/qarma5.json || exit 1
setsid ./signals </dev/null >/out/said 2>&1 &
pid=$!
for i in 1 2 3 4 5 6 7 8 9 10; do
	grep -q ready /out/said && break
	sleep 0.5
done
mkdir /out/images
criu dump -t $pid -D /out/images -o /tmp/dump.log 2>/dev/null || tail -n 3 /tmp/dump.log
END
"$vm" --cpu qarma5 --criu 4.3 --out out job probe signals >"$work/log" 2>&1
[ -s out/images/pstree.img ]
result $? "frames are dumped" || tail -n 3 "$work/log"
[ "$(jq -r "$summary" out/qarma5.json)" = "qarma5 true true 5 48 true true 64 32" ]
result $? "qarma5"

# What the program said of its frames, as of images.
lines='.[] | "\(.tid // "-") \(.signal) \(.pc) \(.sp)"'
grep ^live out/said | cut -d' ' -f2- | sort >want
crit frames out/images --json >frames.json 2>"$work/log"
jq -r "map(select(.tid)) | $lines" frames.json | sort >have
[ -s want ] && cmp -s want have
result $? "frames are where the program says" || diff want have
parked=$(grep ^parked out/said | cut -d' ' -f3-)
[ "$(jq -r "map(select(.grade == \"suspect\")) | $lines" frames.json)" = "- $parked" ]
result $? "and so is that of the coroutine"

# fates PROBE: of live frames.
fates()
{
	crit frames out/images --probe "$1" --json 2>/dev/null |
		jq -r 'map(select(.tid) | .verdict) | unique | join(" ")'
}
[ "$(fates out/qarma5.json)" = ok ]
result $? "they are good for that machine"
[ "$(fates nogcs.json)" = fault ]
result $? "not for one without SME"
exit $failed
