#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Core files by those who read them: gdb-multiarch, elfutils and binutils. Of
# every checkpoint, each process: threads, registers and memory as `crit x` and
# `crit mem` have them. Of every processor: a synthetic process with a number of
# its own in each register. Backtraces through signed return addresses.
# shellcheck source=tests/conformance/fixtures disable=SC2154
source "$(dirname "${BASH_SOURCE[0]}")/fixtures"

for tool in gdb-multiarch eu-readelf readelf; do
	command -v $tool >/dev/null || {
		echo "no $tool is installed (Debian packages gdb-multiarch, elfutils, binutils)"
		exit 77
	}
done
gdb-multiarch -q -batch -ex 'python print(1)' 2>&1 | grep -qx 1 || {
	echo "this gdb has no Python"
	exit 77
}
helper=$top/tests/conformance/core.py

# Batch gdb that looks for no file outside.
gdb_on()
{
	timeout 120 gdb-multiarch -q -nx -batch -iex 'set sysroot /nonexistent' \
		-iex 'set debuginfod enabled off' "$@" 2>"$work/gdb-errors"
}

# What readers of ELF say is wrong with a core.
faults()
{
	{
		eu-readelf -n "$1" 2>&1 >/dev/null
		eu-readelf -l "$1" 2>&1 >/dev/null
		readelf -lnW "$1" 2>&1 >/dev/null
	} | sed 's/^/# /' | head
}

clean()
{
	faults "$1" >"$work/faults"
	cat "$work/faults"
	[ ! -s "$work/faults" ]
}

# ---- checkpoints ----

cores=0
for dir in x86_64/images/* aarch64/images/*; do
	[ -e "$dir/pstree.img" ] || continue
	name=${dir/\/images/}
	mkdir -p "cores/$name"
	crit core "$dir" -o "cores/$name" --show-secrets 2>"$work/error"
	result $? "$name: cores"
	for core in "cores/$name"/core.*; do
		pid=${core##*.}
		cores=$((cores + 1))
		clean "$core"
		result $? "$name: core of $pid is clean"
		python3 "$helper" expect "$dir" "$pid" >"$work/want"
		WANT=$work/want gdb_on -x "$helper" -c "$core" >"$work/got"
		grep '^# ' "$work/got"
		grep -q 'compared [1-9][0-9]*, 0 wrong' "$work/got"
		result $? "$name: $pid, to gdb: $(grep ^compared "$work/got")"
	done
done
[ $cores -ge 40 ]
result $? "enough processes compared ($cores)"

# ---- processors ----

# Debian's gdb does not know LoongArch.
no_loongarch=
gdb_on -ex 'set architecture Loongarch64'
! grep -q Undefined "$work/gdb-errors" || no_loongarch=yes

for arch in $(python3 "$helper" list); do
	mkdir -p "made/$arch/json"
	python3 "$helper" make "made/$arch/json" "$arch"
	mv "made/$arch/json/want" "made/$arch/want"
	crit encode "made/$arch/json" -o "made/$arch/images" &&
		crit core "made/$arch/images" -o "made/$arch/core"
	result $? "$arch: core"
	clean "made/$arch/core"
	result $? "$arch: clean"
	WANT=made/$arch/want gdb_on -x "$helper" -c "made/$arch/core" >"$work/got"
	if [ "$arch" = loongarch64 ] && [ -n "$no_loongarch" ]; then
		readelf -n "made/$arch/core" | grep -c PRSTATUS >"$work/got"
		grep -qx 2 "$work/got"
		result $? "$arch: readelf finds two threads"
		continue
	fi
	grep '^# ' "$work/got"
	grep -q 'compared [1-9][0-9]*, 0 wrong' "$work/got"
	result $? "$arch, to gdb: $(grep ^compared "$work/got")"
done

# ---- backtraces ----

mkdir programs
tar -xJf "$fixtures/aarch64-frames.tar.xz" -C programs

# frames CHECKPOINT PROGRAM WANT: "33/31 ...", frames of each thread, and how
# many of them have a signed return address. A checkpoint may have been patched.
frames()
{
	gdb_on -ex 'set backtrace limit 5000' -ex 'thread apply all -ascending bt' \
		"programs/$2" "cores/aarch64/$1"/core.* >"$work/bt"
	have=$(awk '/^Thread/ { t++ } t && /^#/ { n[t]++; s[t] += /\[PAC\]/ }
		END { for (i = 1; i <= t; i++)
			printf "%s%d/%d", (i > 1 ? " " : ""), n[i], s[i] }' "$work/bt")
	[ "$have" = "$3" ]
	result $? "$1: frames and signed ones, $have (want $3)"
}

# The kernel's frame of a signal has records of vector registers that gdb up to
# 13 turns round and round in: they end before.
python3 "$helper" cut-records cores/aarch64/deep_signal/core.*
result $? "deep_signal: record found"

frames pac_counter_std pac_counter_std 33/31
frames pac_counter_std.qarma3 pac_counter_std 33/31
frames pac_counter_std.qarma5-52 pac_counter_std 33/31
frames pac_counter_bkey pac_counter_bkey 33/31
frames pac_threads_std pac_threads_std '9/7 26/24 30/29 42/40'
frames gcs_threads pac_threads_std '9/7 26/24 30/29 42/40'
frames deep_signal deep_signal 2027/2023
grep -q 'signal handler called' "$work/bt"
result $? "deep_signal: through the signal frame"

# ---- more segments than e_phnum can say ----

crit encode -o many-mm.img < <(python3 "$helper" many-mm 70000)
cp -r made/x86_64/images many
mv many-mm.img many/mm-1.img
crit core many -o many/core
result $? "70,000 mappings: core"
clean many/core
result $? "70,000 mappings: clean"
readelf -hW many/core | grep -q 'program headers: *65535 (70001)'
result $? "70,000 mappings: readelf counts 70,001 program headers"
gdb_on -ex 'x/xw 0x10000' -ex 'x/xw 0x100000000' -ex "x/xw $((0x100000000 + 69998 * 8192))" \
	-c many/core >"$work/got"
printf '%s\n' 0x10000: 0x100000000: \
	"$(printf '%#x:' $((0x100000000 + 69998 * 8192)))" >"$work/want"
grep -o '^0x[0-9a-f]*:' "$work/got" | cmp -s - "$work/want"
result $? "70,000 mappings: gdb reads the first and the last"
exit $failed
