#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Signed pointers of every aarch64 checkpoint: as many as its program's source and
# the frames promise, all of them authenticate; and with one bit of one of them
# changed, that one fails and no other. Shadow stacks agree one to one.
# shellcheck source=tests/conformance/fixtures disable=SC2154
source "$(dirname "${BASH_SOURCE[0]}")/fixtures"

for tool in jq python3; do
	command -v $tool >/dev/null || {
		echo "no $tool is installed"
		exit 77
	}
done
mkdir programs sys
tar -xJf "$fixtures/aarch64-frames.tar.xz" -C programs

# sysroot NAME PROGRAM: where the checkpoint had its program.
sysroot()
{
	mkdir -p "sys/out/fx/${1%%.*}"
	cp "programs/$2" "sys/out/fx/${1%%.*}/$2"
}

# origins FILE: "stack 31 found 1" of what authenticates, "not 0" of what does not.
origins()
{
	jq -r '[group_by(.origin)[] | "\(.[0].origin) \(map(select(.verdict == "authenticates" or
		(.verdict | startswith("with")))) | length)"] + ["not \(map(select(.verdict == "unknown" or
		.verdict == "does not")) | length)"] | join(" ")' "$1"
}

# Frames of threads; of coro's three coroutines, 13, 14 and 15 deep and two more
# below; what earlier calls left in frames.
while read -r name program want; do
	sysroot "$name" "$program"
	crit pac slots "aarch64/images/$name" --sysroot sys --json >"$work/$name.json" 2>"$work/error"
	have=$(origins "$work/$name.json")
	[ "$have" = "$want not 0" ]
	result $? "$name: $have (want $want not 0)"
	crit pac verify "aarch64/images/$name" --sysroot sys --json >"$work/verify.json" 2>"$work/error" &&
		[ "$(jq -r .verdict "$work/verify.json")" = verified ]
	result $? "$name: verified"
done <<-END
	pac_counter_std pac_counter_std found 1 stack 31
	pac_counter_std.qarma3 pac_counter_std found 1 stack 31
	pac_counter_std.qarma5-52 pac_counter_std stack 31
	pac_counter_bkey pac_counter_bkey found 1 stack 31
	pac_counter_leaf pac_counter_leaf found 1 stack 31
	gcs_counter_lock gcs_counter_lock found 1 stack 31
	gcs_counter_man gcs_counter_man found 1 stack 31
	gcs_counter_wp gcs_counter_wp found 1 stack 31
	gcs_counter_tun gcs_counter_tun found 1 stack 31
	gcs_counter_tun.qarma3 gcs_counter_tun found 1 stack 31
	gcs_counter_tun.qarma5-52 gcs_counter_tun found 1 stack 31
	pac_threads_std pac_threads_std copy 1 found 1 stack 100
	pac_threads_std.qarma5-52 pac_threads_std copy 1 stack 100
	gcs_threads pac_threads_std copy 1 found 1 stack 100
	pac_threads_own pac_threads_own copy 1 found 1 stack 97
	gcs_threads_own pac_threads_own copy 1 found 1 stack 97
	deep_signal deep_signal found 6 stack 2024
	gcs_deep_signal deep_signal found 6 stack 2024
	coro coro context 45 found 1 stack 6
	tree tree found 3 stack 66
END

# Each thread's with its own keys, but for what called the thread's function.
[ "$(jq -r '[.[] | select(.origin == "stack") | "\(.tid) \(.verdict)"] | group_by(.) | map("\(.[0]) \(length)") | join(", ")' "$work/pac_threads_own.json")" = \
	'444 authenticates 7, 447 authenticates 22, 447 with keys of 444 1, 448 authenticates 27, 448 with keys of 444 1, 449 authenticates 39' ]
result $? "pac_threads_own: each thread's own keys"
crit pac show aarch64/images/coro --sysroot sys --json >"$work/show.json"
[ "$(jq -c '[.parked[] | [.origin, .frames, .signed, .end]]' "$work/show.json")" = \
	'[["context",15,14,"outermost"],["context",16,15,"outermost"],["context",17,16,"outermost"]]' ]
result $? "coro: three parked stacks"

# An algorithm of the maker's own, too few to prove anything, a library missing, a
# word that only the program's text explains, of which there is none.
for name in cxx_throw gcs_counter_tun.impdef52 pac_threads_std.impdef52 pac_counter_none pac_counter_dyn gcs_counter_dyn; do
	program=${name%%.*}
	sysroot "$name" "$program"
	crit pac verify "aarch64/images/$name" --sysroot sys --json >"$work/verify.json" 2>"$work/error"
	[ $? = 3 ] && [ "$(jq -r .verdict "$work/verify.json")" = 'cannot tell' ] &&
		[ "$(jq '[.processes[].fail] | add' "$work/verify.json")" = 0 ]
	result $? "$name: cannot tell, and nothing is said to be wrong"
done

# changed NAME BIT EVERY: slots of the checkpoint, one after the other.
changed()
{
	local dir=aarch64/images/$1 slot
	for slot in $(jq -r '.[] | select(.origin == "stack" or .origin == "context") | .slot' "$work/$1.json" | awk -v n="$3" 'NR % n == 1'); do
		flip "$dir" "$slot" "$2" bad
		crit pac slots bad --sysroot sys --json >"$work/bad.json" 2>"$work/error"
		[ "$(jq -r '.[] | select(.verdict == "does not" or .verdict == "unknown") | .slot' "$work/bad.json")" = "$slot" ] || return
		crit pac verify bad --sysroot sys >"$work/out" 2>"$work/error"
		[ $? = 1 ] && grep -q "$slot: does not authenticate" "$work/error" || return
	done
}

for bit in 50 1; do
	changed coro $bit 3
	result $? "coro: bit $bit changed, and that slot alone fails"
	changed gcs_counter_man $bit 7
	result $? "gcs_counter_man: bit $bit changed, and that slot alone fails"
	changed deep_signal $bit 300
	result $? "deep_signal: bit $bit changed, and that slot alone fails"
done

# Shadow stacks: that of glibc is on before main's caller, the others from main on.
while read -r name want; do
	crit gcs verify "aarch64/images/$name" --sysroot sys --json >"$work/gcs.json" 2>"$work/error" &&
		have=$(jq -r '[.[] | select(.differ == 0 and .unmatched == 0 and .agree == .returns) | "\(.agree)+\(.signals)"] | join(" ")' "$work/gcs.json") &&
		[ "$have" = "$want" ]
	result $? "$name: frames and signals in the shadow stack: $have (want $want)"
done <<-END
	gcs_counter_tun 31+0
	gcs_counter_tun.qarma3 31+0
	gcs_counter_tun.qarma5-52 31+0
	gcs_counter_man 29+0
	gcs_counter_lock 29+0
	gcs_counter_wp 29+0
	gcs_threads 7+0 25+0 29+0 41+0
	gcs_threads_own 7+0 25+0 29+0 41+0
	gcs_deep_signal 2024+1
END
exit $failed
