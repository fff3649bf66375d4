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

# Runs the checkpoints in jobs/, "LABEL NAME PROGRAM" by line in its list: says for
# each PASS, or how it ended.
cat >job <<'E2'
echo 20000 >/proc/sys/kernel/ns_last_pid
echo 1 >/proc/sys/debug/exception-trace
gone() { ! [ -d /proc/$1 ] || grep -q '^State:.Z' /proc/$1/status; }
dmesg -c >/dev/null
try() { # TOOL LABEL NAME PROGRAM
	of=$3 binary=$4
	dir=/out/fx/${of%%.*}
	rm -rf $dir && mkdir -p $dir
	cp programs/bin/$binary $dir
	cp programs/stdout/$of $dir/stdout.txt
	pid=$(sed -n 's/^start .* pid //p' $dir/stdout.txt)
	: >/tmp/log
	case $1 in
	criu) criu restore -d -D jobs/$2 -o /tmp/log -v2 >/dev/null 2>&1 ;;
	*) ./crit-restore -d jobs/$2 2>/tmp/log ;;
	esac
	status=$?
	sleep 0.4
	kill -TERM $pid 2>/dev/null
	i=0
	while ! gone $pid && [ $i -lt 40 ]; do
		sleep 0.1
		i=$((i + 1))
	done
	kill -9 $pid 2>/dev/null
	end=$(grep -o -E '^(PASS|FAIL)' $dir/stdout.txt)
	[ "$end" = PASS ] && echo "$1 $2 PASS" && return
	echo "$1 $2 restore $status, ${end:-no end}, $(dmesg -c | grep -o -E 'unhandled exception: [^,]*' | head -n 1) $(grep -v tun: /tmp/log | grep -E 'Error|^crit' | head -n 1)"
}
while read -r label name program; do
	try criu $label $name $program
	try crit-restore $label $name $program
done <jobs/list
rm -rf /out/fx
E2

# add LABEL NAME [OPTION...]: that checkpoint, rekeyed.
add()
{
	local label=$1 name=$2
	shift 2
	crit rekey "aarch64/images/$name" --sysroot sys -o "jobs/$label" "$@" >said 2>&1 || {
		sed 's/^/# /' said
		result 1 "$label is rekeyed"
		return
	}
	echo "$label $name $(program_of "$name")" >>jobs/list
}

# run CPU: what was added, lines of TAP for each. What begins with "bad" must have
# died of an authentication, or not been restored; with "own" of CRIU only.
run()
{
	"$vm" --cpu "$1" --criu 4.3 --time 500 job programs jobs crit-restore >said 2>errors ||
		sed 's/^/# /' errors
	while read -r label _; do
		case $label in
		bad* | own*) grep -q "^criu $label restore .*unhandled exception: FPAC" said ;;
		*) grep -qx "criu $label PASS" said ;;
		esac
		result $? "$1: $(grep "^criu $label " said)"
		case $label in
		bad*) ! grep -qx "crit-restore $label PASS" said && grep -q "^crit-restore $label " said ;;
		*) grep -qx "crit-restore $label PASS" said ;;
		esac
		result $? "$1: $(grep "^crit-restore $label " said)"
	done <jobs/list
	rm -rf jobs && mkdir jobs
}
mkdir jobs

for name in coro cxx_throw deep_signal tree gcs_counter_{lock,man,tun,wp} \
	gcs_deep_signal gcs_threads pac_counter_{bkey,leaf,std} pac_threads_std; do
	add "$name" $name
done
add unified_pac_threads_own pac_threads_own --unify
add unified_gcs_threads_own gcs_threads_own --unify
add pac_counter_none pac_counter_none --from qarma5/48
add from_qarma3 pac_counter_std.qarma3 --algorithm qarma5
add from_52 pac_threads_std.qarma5-52 --va-bits 48
# Other keys, and the pointers are left alone.
cp -r aarch64/images/pac_counter_std jobs/bad_keys
crit edit jobs/bad_keys set 'core-*.img:entries[0].ti_aarch64.pac_keys.pac_address_keys.apiakey_lo=1' >said 2>&1 ||
	sed 's/^/# /' said
echo "bad_keys pac_counter_std pac_counter_std" >>jobs/list
# Their own keys are what CRIU does not restore.
add own_pac_threads pac_threads_own
add own_gcs_threads gcs_threads_own
run qarma5

move=(coro cxx_throw deep_signal pac_counter_bkey gcs_threads)
for name in "${move[@]}"; do
	add "fresh_$name" "$name" --algorithm qarma3
done
add saved_pac_counter_std pac_counter_std --algorithm qarma3 --keys saved
add bad_pac_counter_std pac_counter_std
run qarma3

for name in "${move[@]}"; do
	add "fresh_$name" "$name" --va-bits 52
done
add saved_pac_counter_std pac_counter_std --va-bits 52 --keys saved
run qarma5-52

for name in "${move[@]}"; do
	add "fresh_$name" "$name" --algorithm qarma3 --va-bits 52
done
add saved_tree tree --algorithm qarma3 --va-bits 52 --keys saved
run qarma3-52

for name in "${move[@]}" pac_threads_own; do
	add "stripped_$name" "$name" --keys strip
done
add stripped_impdef pac_threads_std.impdef52 --keys strip --accept=unproved,residual
run impdef
exit $failed
