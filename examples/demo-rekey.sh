#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Why copies of a checkpoint need keys of their own, and that crit rekey gives them
# such: a snapshot of a counting program is restored twice as it is, three times with
# fresh keys, and once with fresh keys and the pointers left as they were. In an
# emulated AArch64 machine, as signed pointers need such a processor; what that
# takes is fetched when it is first needed. Ends with 0 if all was as it says.
set -euo pipefail
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
PATH=$(realpath -m "${BUILD:-$top/build}"):$PATH
vm=$top/tests/vm/run
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

say() { printf '\n%s\n' "$*"; }
fail() { echo "demo-rekey: FAILED: $*"; sed 's/^/# /' log; exit 1; }
quietly() { "$@" >log 2>&1 || fail "$*"; }

# ---- what it takes ----

command -v jq >/dev/null || { echo "no jq is installed"; exit 77; }
[ -x "$top/build/aarch64/crit-restore" ] ||
	echo "For the first time: fetches an emulator, builds crit-restore for AArch64: minutes."
"$vm" --criu 4.3 --setup >log 2>&1 || { tail -n 1 log; exit 77; }
"$top/tests/support/cross" >log 2>&1 || { tail -n 1 log; exit 77; }
quietly flock "$top/build" env -u BUILD -u MAKEFLAGS -u MAKEOVERRIDES \
	make -C "$top" -j2 CROSS=aarch64 build/aarch64/crit-restore
cp "$top/build/aarch64/crit-restore" .
compile() { quietly "$top/tests/support/cross" -std=gnu11 -D_GNU_SOURCE -O1 -I"$top" "$@"; }
compile -mbranch-protection=pac-ret "$top/examples/rekey/counter.c" -o counter
compile "$top"/tests/vm/keys.c "$top"/lib/pac/{pac,qarma}.c -o keys
mkdir -p root/job copies
cp counter root/job

# ---- the snapshot ----

# Keys as crit shows them, and as ./keys does, in one form: IA IB DA DB GA.
keys_in() { crit pac show "$1" --sysroot root --json | jq -r '.threads[] | [.ia, .ib, .da, .db, .ga] | join("  ")'; }
keys_of() { awk -v copy="$1" '$1 == "keys" && $2 == copy { print $4 "  " $5 "  " $6 "  " $7 "  " $8 }' said; }
count_of() { awk -v what="$1" -v copy="$2" '$1 == what && $2 == copy { print $3 }' said; }

echo "A program calls itself 1,000 deep, then returns, 40 times a second, and counts.
The processor signs every return address with a key (IA) that the kernel drew for
this process alone, and looks at that before it returns (pointer authentication,
PAC): who does not know the key cannot make it return elsewhere, only kill it.
All of this runs in an emulated AArch64 machine, which takes a moment."

quietly "$vm" --criu 4.3 --out . "$top/examples/rekey/snapshot" counter
snapshot=images
name=$(crit decode $snapshot/core-*.img | jq -r '.entries[0].tc.comm')
crit pac verify $snapshot --sysroot root --json >verified.json 2>log || fail "the snapshot"
signed=$(jq '.processes[0].authenticate' verified.json)
[ "$signed" -gt 50 ] || fail "more addresses should be signed"
say "1. CRIU makes a snapshot of it, at \"$name\", with $signed signed addresses on its stack.
   Its keys (fingerprints of them, as keys are secrets):
            IA        IB        DA        DB        GA
            $(keys_in $snapshot)"

# ---- its copies ----

for copy in saved1 saved2 native; do
	cp -r $snapshot copies/$copy
done
for copy in fresh1 fresh2; do
	quietly crit rekey $snapshot --sysroot root -o copies/$copy
done
# The keys are new, and memory is as it was.
cp -r copies/fresh2 copies/unsigned
cp $snapshot/pages-*.img copies/unsigned

quietly "$vm" "$top/examples/rekey/restore" counter keys crit-restore copies
mv log said

# row COPY NAME: of the table.
row()
{
	local from to
	from=$(count_of restored "$1") to=$(count_of later "$1")
	echo "   $2   $(keys_of "$1")   counts on: $from .. $to"
	[ -n "$to" ] && [ "$to" -gt $((from + 20)) ] || fail "$1 does not count on"
}

say "2. The snapshot is restored twice, as it is."
row saved1 "copy 1"
row saved2 "copy 2"
[ "$(keys_of saved1)" = "$(keys_in $snapshot)" ] &&
	[ "$(keys_of saved2)" = "$(keys_in $snapshot)" ] || fail "these should have the keys of the snapshot"
echo "   Both live, with the same keys: what leaks out of one serves against the other."

say "3. It is restored twice, each time after 'crit rekey SNAPSHOT -o COPY', which gives
   it new keys, and signs all its pointers with those."
row fresh1 "copy 1"
row fresh2 "copy 2"
echo "   And by 'crit-restore --keys=fresh SNAPSHOT', which does the same while it restores."
row native "copy 3"
[ "$(printf '%s\n' "$(keys_in $snapshot)" "$(keys_of fresh1)" "$(keys_of fresh2)" "$(keys_of native)" |
	tr -s ' ' '\n' | sort -u | wc -l)" = 20 ] || fail "there should be 20 different keys"
echo "   All live, and no key is that of the snapshot, or of another copy."

# A wrong code of 7 bits is the right one by chance once in 128 times.
say "4. To see that the new signatures are needed: the second of these copies once
   more, with its new keys, and the pointers of the snapshot."
[ -z "$(count_of later unsigned)" ] || fail "it should have died"
died=$(sed -n 's/^died count \([0-9]*\).*unhandled exception: FPAC$/\1/p' said)
[ -n "$died" ] || fail "it should have died of an authentication"
echo "   It dies at \"count $died\": SIGILL, \"FPAC\" in the kernel's log, which is a pointer
   that does not authenticate."

printf '\ndemo-rekey: ok, in %d s\n' "$SECONDS"
