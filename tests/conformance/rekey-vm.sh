#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# CRIU 4.3 and crit-restore restore rekeyed checkpoints in emulated machines, and
# their programs return through every frame that they had: with fresh keys, on
# processors with another algorithm and kernels with another address size,
# stripped. Those whose keys are changed and whose pointers are left alone die.
# shellcheck source=tests/conformance/fixtures disable=SC2154
source "$(dirname "${BASH_SOURCE[0]}")/fixtures"
# shellcheck source=tests/conformance/rekey-programs
source "$top/tests/conformance/rekey-programs"
# shellcheck source=tests/conformance/rekey-machine
source "$top/tests/conformance/rekey-machine"

# run CPU: what was added, a line of TAP for each. What begins with "bad" must have
# died of an authentication, with "own" of CRIU only; "refused" is by crit-restore.
run()
{
	on "$1"
	while read -r tool label _; do
		case $tool$label in
		*bad* | criuown*) grep -q "^$tool $label restore .*unhandled exception" "done" ;;
		*refused*) grep -qE "^$tool $label restore [1-9].*(signed|authenticate)" "done" ;;
		*) grep -qx "$tool $label PASS" "done" ;;
		esac
		result $? "$1: $(grep "^$tool $label " "done")"
	done <list
}

for name in coro cxx_throw deep_signal tree gcs_counter_{lock,man,tun,wp} \
	gcs_deep_signal gcs_threads pac_counter_{bkey,leaf,std} pac_threads_std; do
	add "$name" $name
done
add unified_pac_threads_own pac_threads_own --unify
add unified_gcs_threads_own gcs_threads_own --unify
add pac_counter_none pac_counter_none --from qarma5/48
# Other keys, and the pointers are left alone.
cp -r aarch64/images/pac_counter_std jobs/bad_keys
crit edit jobs/bad_keys set 'core-*.img:entries[0].ti_aarch64.pac_keys.pac_address_keys.apiakey_lo=1' >said 2>&1 ||
	sed 's/^/# /' said
cp -r jobs/bad_keys jobs/refused
enlist bad_keys pac_counter_std --keys=unchecked
echo "crit-restore refused pac_counter_std pac_counter_std" >>jobs/list
# Their own keys are what CRIU does not restore.
add own_pac_threads pac_threads_own
add own_gcs_threads gcs_threads_own

# Programs with libraries: those of libc6 2.43-7, as long as Debian's archive has it.
if libc=$("$top/tests/support/debian" vm-libc-2.43 arm64 "sid forky" :libc6=2.43-7 2>/dev/null); then
	mkdir -p sys/usr/lib/aarch64-linux-gnu
	cp -a "$libc"/usr/lib/aarch64-linux-gnu/{libc.so.6,ld-linux-aarch64.so.1} \
		sys/usr/lib/aarch64-linux-gnu
	ln -s usr/lib sys/lib
	cp -a sys/usr/lib/aarch64-linux-gnu jobs/libraries
	add pac_counter_dyn pac_counter_dyn
	add gcs_counter_dyn gcs_counter_dyn
else
	echo "# note: no libc6 2.43-7 any more: what was dumped with it is not restored"
fi

# Most pages are in a parent, which stays as it is.
mkdir chain
for at in chain jobs; do cp -r aarch64/images/coro $at/parent; done
cp -r aarch64/images/coro chain/coro && ln -s ../parent chain/coro/parent &&
	: >chain/coro/pages-1.img && for file in chain/coro/pagemap-*.img; do
	crit decode "$file" >map.json &&
		jq -c '.entries[1:] |= map(.flags = 1)' map.json >map2.json &&
		crit encode -i map2.json -o "$file" || break
done
crit rekey chain/coro --sysroot sys --force -o jobs/chain >said 2>&1 || sed 's/^/# /' said
cmp -s jobs/chain/parent/pages-1.img aarch64/images/coro/pages-1.img &&
	[ "$(stat -c %s jobs/chain/pages-1.img)" -lt "$(stat -c %s chain/parent/pages-1.img)" ]
result $? "what is rekeyed is in the child"
enlist chain coro
# CRIU restores packed pages where it was built for that.
cp -r aarch64/images/deep_signal packed
crit compress packed >said 2>&1 && crit rekey packed --sysroot sys -o jobs/packed >said 2>&1 &&
	cp -r jobs/packed jobs/unpacked && crit decompress jobs/unpacked >said 2>&1 &&
	[ "$(stat -c %s jobs/packed/pages-1.img)" -lt "$(stat -c %s jobs/unpacked/pages-1.img)" ]
result $? "packed pages stay packed"
echo "crit-restore packed deep_signal deep_signal
criu unpacked deep_signal deep_signal" >>jobs/list
run qarma5

# Elsewhere; tests/conformance/rekey-matrix.sh has all places.
move=(coro cxx_throw deep_signal pac_counter_bkey gcs_threads)
for name in "${move[@]}"; do
	add "fresh_$name" "$name" --algorithm qarma3 --va-bits 52
done
add saved_tree tree --algorithm qarma3 --va-bits 52 --keys saved
cp -r aarch64/images/pac_counter_std jobs/bad_place
enlist bad_place pac_counter_std --keys=unchecked
run qarma3-52

for name in "${move[@]}" pac_threads_own; do
	add "stripped_$name" "$name" --keys strip
done
run impdef
exit $failed
