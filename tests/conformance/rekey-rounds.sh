#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# A checkpoint of threads with keys of their own is rekeyed again and again, and
# crit-restore restores each copy in an emulated machine, and once more the checkpoint
# itself with fresh keys: every one returns through all its frames, its threads have
# the keys of that copy, as the kernel says by ptrace, and no key is as saved, or as
# in another copy.
#
# REKEY_ROUNDS: how many (10). With 7 bits of a code a wrong one passes once in 128
# times, but a copy has about 100 of them.
# shellcheck source=tests/conformance/fixtures disable=SC2154
source "$(dirname "${BASH_SOURCE[0]}")/fixtures"
# shellcheck source=tests/conformance/rekey-programs
source "$top/tests/conformance/rekey-programs"
# shellcheck source=tests/conformance/rekey-machine
source "$top/tests/conformance/rekey-machine"
rounds=${REKEY_ROUNDS:-10}
name=pac_threads_own

# Fingerprints of an image's keys as ./keys says them: TID IA IB DA DB GA ENABLED.
keys_in()
{
	crit pac show "$1" --sysroot sys --json | jq -r '.threads | sort_by(.tid)[] |
		[.tid, .ia, .ib, .da, .db, .ga, (.enabled |
		map({ ia: 1, ib: 2, da: 4, db: 8 }[.]) | add // 0)] | join(" ")'
}

mkdir copies
for i in $(seq "$rounds"); do
	crit rekey aarch64/images/$name --sysroot sys -o "copies/$i" >said 2>&1 || break
done
result $? "$rounds copies are rekeyed"
cp -r aarch64/images/$name copies/saved

cat >job <<'E2'
alive() { grep -qs '^State:.[^Z]*$' /proc/$1/status; }
echo 20000 >/proc/sys/kernel/ns_last_pid
dir=/out/fx/pac_threads_own
pid=$(sed -n 's/^start .* pid //p' programs/stdout/pac_threads_own)
mkdir -p $dir /out/keys
cp programs/bin/pac_threads_own $dir
# once NAME ARGUMENT...: restores that.
once() {
	name=$1
	shift
	cp programs/stdout/pac_threads_own $dir/stdout.txt
	./crit-restore -d "$@" 2>/tmp/log || cat /tmp/log
	./keys $pid >/out/keys/$name
	kill -TERM $pid
	n=0
	while alive $pid && [ $n -lt 200 ]; do
		sleep 0.05
		n=$((n + 1))
	done
	echo "$name $(grep -o -E '^(PASS|FAIL)' $dir/stdout.txt)"
	kill -9 $pid 2>/dev/null
}
for i in $(seq $(cat rounds)); do
	once $i copies/$i
	once fresh$i --keys=fresh copies/saved
done
rm -rf /out/fx
E2
echo "$rounds" >rounds
start=$SECONDS
"$vm" --out back --time $((60 + rounds * 6)) job programs copies rounds crit-restore keys >said 2>errors ||
	sed 's/^/# /' errors
echo "# note: $rounds rounds: $((SECONDS - start)) s"
[ "$(grep -c ' PASS$' said)" = $((2 * rounds)) ]
result $? "all of $rounds pass, rekeyed before and when they are restored" || grep -v ' PASS$' said | head -n 5 | sed 's/^/# /'

for i in $(seq "$rounds"); do
	[ -s "back/keys/$i" ] && [ -s "back/keys/fresh$i" ] && keys_in "copies/$i" | cmp -s - "back/keys/$i" || break
done
result $? "every thread has the keys of its copy, and the same enabled"

# Threads that share a key have it once for each copy.
distinct() { awk '{ for (i = 2; i < 7; i++) print $i }' | sort -u | wc -l; }
keys_in aarch64/images/$name >saved
[ "$(cat saved back/keys/* | distinct)" = $(((2 * rounds + 1) * $(distinct <saved))) ]
result $? "no key is as it was saved, or as in another copy"
exit $failed
