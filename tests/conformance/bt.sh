#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Stacks. Of every aarch64 checkpoint: the frames that its program's source
# promises, their return addresses authenticated; with one bit of one of them
# changed, that frame and no other fails. Frame by frame what gdb finds in the
# cores. On x86_64: programs that are built, dumped by CRIU and unwound here.
# shellcheck source=tests/conformance/fixtures disable=SC2154
source "$(dirname "${BASH_SOURCE[0]}")/fixtures"

for tool in gdb-multiarch jq python3; do
	command -v $tool >/dev/null || {
		echo "no $tool is installed"
		exit 77
	}
done
helper=$top/tests/conformance

# gdb_frames ARGUMENT...: "TID PC PC ..." a thread, sorted.
gdb_frames()
{
	timeout 120 gdb-multiarch -q -nx -batch -iex 'set debuginfod enabled off' \
		-x "$helper/bt.py" "$@" 2>"$work/gdb-errors" |
		sed -n 's/^frames //p' | sort -n
}

# The same of the output of `crit bt --json`.
frames_of()
{
	jq -r '.[] | [(.tid | tostring)] + [.frames[].pc] | join(" ")' "$1" | sort -n
}

# ---- aarch64 ----

mkdir programs sys
tar -xJf "$fixtures/aarch64-frames.tar.xz" -C programs

# checkpoint NAME PROGRAM WANT: what is wanted is, of each thread, frames, signed
# ones, and those that authenticate ("33/31/31").
checkpoint()
{
	local dir=aarch64/images/$1 have
	mkdir -p "sys/out/fx/$1"
	cp "programs/$2" "sys/out/fx/$1/$2"
	crit bt "$dir" --sysroot sys --verify --json >"$work/$1.json" 2>"$work/error"
	echo "$?" >"$work/$1.status"
	have=$(jq -r '[.[] | .frames | "\(length)/\(map(select(.signed)) | length)/\(
		map(select(.verdict == "authenticates")) | length)"] | join(" ")' "$work/$1.json")
	[ "$have" = "$3" ]
	result $? "$1: frames, signed, authenticated: $have (want $3)"
}

# Ends outermost everywhere, exit status 0.
whole()
{
	[ "$(cat "$work/$1.status")" = 0 ] &&
		jq -e 'all(.[]; .end == "outermost")' "$work/$1.json" >/dev/null
	result $? "$1: whole"
}

threads='9/7/7 26/24/24 30/29/29 42/40/40'
own='9/7/7 26/23/22 30/28/27 42/39/39'
while read -r name program want; do
	checkpoint "$name" "$program" "$want"
	whole "$name"
done <<-END
	pac_counter_std pac_counter_std 33/31/31
	pac_counter_std.qarma3 pac_counter_std 33/31/31
	pac_counter_std.qarma5-52 pac_counter_std 33/31/31
	pac_counter_bkey pac_counter_bkey 33/31/31
	pac_counter_leaf pac_counter_leaf 33/31/31
	gcs_counter_lock gcs_counter_lock 33/31/31
	gcs_counter_man gcs_counter_man 33/31/31
	gcs_counter_wp gcs_counter_wp 33/31/31
	gcs_counter_tun gcs_counter_tun 33/31/31
	gcs_counter_tun.qarma3 gcs_counter_tun 33/31/31
	gcs_counter_tun.qarma5-52 gcs_counter_tun 33/31/31
	pac_threads_std pac_threads_std $threads
	pac_threads_std.qarma5-52 pac_threads_std $threads
	gcs_threads pac_threads_std $threads
	pac_threads_own pac_threads_own $own
	gcs_threads_own pac_threads_own $own
	deep_signal deep_signal 2027/2024/2024
	gcs_deep_signal deep_signal 2027/2024/2024
	coro coro 8/6/6
	cxx_throw cxx_throw 33/31/31
	tree tree 19/17/17 24/22/22 29/27/27
END

# Signed before the thread had keys of its own.
[ "$(jq -r '.[].frames[].verdict | select(. and startswith("with"))' "$work/pac_threads_own.json" | sort | uniq -c | tr -s ' ')" = ' 2 with keys of 444' ]
result $? "pac_threads_own: two frames are of the leader's keys"
# The recursion of deep_signal is one function's.
[ "$(jq '[.[].frames[].pc] | group_by(.) | map(length) | max' "$work/deep_signal.json")" -ge 1999 ]
result $? "deep_signal: 2000 frames of one function"

# Shadow stacks agree one to one: that of glibc is on before main's caller, the
# others from main on.
while read -r name want; do
	have=$(jq -r '[.[].frames | map(select(.shadow == "agrees")) | length | tostring] | join(" ")' "$work/$name.json")
	[ "$have" = "$want" ] && jq -e 'all(.[].frames[]; .shadow != "differs" and .shadow != "unknown")' "$work/$name.json" >/dev/null
	result $? "$name: frames that the shadow stack has: $have (want $want)"
done <<-END
	gcs_counter_tun 31
	gcs_counter_tun.qarma3 31
	gcs_counter_man 29
	gcs_counter_lock 29
	gcs_counter_wp 29
	gcs_threads 7 25 29 41
	gcs_threads_own 7 25 29 41
	gcs_deep_signal 2024
END

# An algorithm of the maker's own, and too few to prove anything: not told.
checkpoint gcs_counter_tun.impdef52 gcs_counter_tun 33/31/0
checkpoint pac_threads_std.impdef52 pac_threads_std '9/7/0 26/24/0 30/29/0 42/40/0'
checkpoint pac_counter_none pac_counter_none 33/4/0
for name in gcs_counter_tun.impdef52 pac_threads_std.impdef52 pac_counter_none; do
	[ "$(cat "$work/$name.status")" = 1 ] &&
		jq -e 'all(.[].frames[]; .verdict != "does not")' "$work/$name.json" >/dev/null
	result $? "$name: nothing is said to be wrong"
done
# Without libc, by the frame pointer to where the tables know on.
checkpoint pac_counter_dyn pac_counter_dyn 32/27/27
jq -e '.[0].missing[0] | contains("libc.so.6, build-id ")' "$work/pac_counter_dyn.json" >/dev/null
result $? "pac_counter_dyn: which library is missing is said"

# changed NAME BIT: every fifth slot of the checkpoint, one after the other.
changed()
{
	local dir=aarch64/images/$1 slot
	for slot in $(jq -r '.[].frames[] | select(.signed) | .slot' "$work/$1.json" | awk 'NR % 5 == 1'); do
		flip "$dir" "$slot" "$2" bad
		crit bt bad --sysroot sys --verify --json >"$work/bad.json" 2>/dev/null
		[ $? = 1 ] && [ "$(jq -r '.[].frames[] | select(.verdict == "does not") | .slot' "$work/bad.json")" = "$slot" ] &&
			[ "$(frames_of "$work/bad.json" | wc -w)" = "$(frames_of "$work/$1.json" | wc -w)" ] || return
	done
}

for bit in 50 1; do
	changed pac_counter_std $bit
	result $? "pac_counter_std: bit $bit changed, and that frame alone fails"
done
changed pac_counter_bkey 54
result $? "pac_counter_bkey: bit 54 changed, and that frame alone fails"

# As gdb has them; it needs the records of the signal frame cut.
for name in pac_counter_std pac_threads_std gcs_threads deep_signal; do
	program=$name
	[ $name != gcs_threads ] || program=pac_threads_std
	crit core "aarch64/images/$name" -o "core.$name"
	[ $name != deep_signal ] || python3 "$helper/core.py" cut-records "core.$name"
	gdb_frames "programs/$program" "core.$name" >"$work/want"
	frames_of "$work/$name.json" >"$work/have"
	[ -s "$work/want" ] && ! differs "$work/want" "$work/have"
	result $? "$name: $(wc -w <"$work/have") frames as gdb's"
done

# ---- this machine ----

[ "$(uname -m)" = x86_64 ] || exit $failed
command -v g++ >/dev/null || {
	echo "no g++ is installed"
	[ $failed = 0 ] && exit 77
	exit 1
}
cat >deep.c <<'END'
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>
static volatile int sink;
static char stack[65536];
__attribute__((noinline)) void wait_here(void) { for (;;) pause(); }
static void handler(int s, siginfo_t *i, void *c) { sink = s; wait_here(); sink++; }
__attribute__((noinline)) int down(int n)
{
	volatile char pad[24];
	pad[0] = (char)n;
	return (n ? down(n - 1) : raise(SIGUSR1)) + pad[0];
}
static int compare(const void *a, const void *b) { return sink = down(150); }
static void *thread(void *a) { sink = down(20); return a; }
int main(void)
{
	struct sigaction sa = { .sa_sigaction = handler, .sa_flags = SA_SIGINFO | SA_ONSTACK };
	stack_t st = { .ss_sp = stack, .ss_size = sizeof(stack) };
	pthread_t t;
	int v[] = { 1, 2, 3, 4 };
	sigaltstack(&st, 0);
	sigaction(SIGUSR1, &sa, 0);
	pthread_create(&t, 0, thread, 0);
	qsort(v, 4, sizeof(int), compare);
	return sink;
}
END
cat >cxx.cc <<'END'
#include <pthread.h>
#include <unistd.h>
static volatile int n;
struct guard { ~guard() { n = n + 1; } };
struct base { virtual int go(int d) = 0; virtual ~base() {} };
template <class F> __attribute__((noinline)) int walk(int d, F f)
{
	guard g;
	return d > 0 ? walk(d - 1, f) + 1 : f(d);
}
struct derived : base {
	int go(int d) override
	{
		guard g;
		if (!d)
			return walk(9, [](int) { for (;;) pause(); return 1; });
		try { throw d; } catch (int e) { return go(e - 1) + 1; }
	}
};
static void *thread(void *) { derived d; base *b = &d; n = b->go(12); return nullptr; }
int main()
{
	pthread_t t;
	pthread_create(&t, nullptr, thread, nullptr);
	thread(nullptr);
	return n;
}
END
gcc -O2 -o deep deep.c -pthread && gcc -O1 -static -o static deep.c -pthread &&
	gcc -O0 -fno-omit-frame-pointer -o plain deep.c -pthread &&
	g++ -O1 -o cxx cxx.cc -pthread
result $? "programs"

# dump NAME [delete]: a checkpoint of it, once its threads wait.
dump()
{
	local pid status
	setsid "./$1" </dev/null >/dev/null 2>&1 &
	pid=$!
	disown "$pid"
	for _ in $(seq 100); do
		[ "$(awk '/^State/ { print $2 }' /proc/$pid/task/*/status | tr -d '\n')" != SS ] || break
		sleep 0.05
	done
	[ -z "${2-}" ] || rm "$1"
	mkdir "dump-$1"
	timeout 60 "$top/tests/support/criu" dump -t "$pid" -D "dump-$1" -o log >/dev/null 2>&1
	status=$?
	kill -9 "$pid" 2>/dev/null
	return $status
}

total=0
for name in deep static plain cxx; do
	dump $name || {
		echo "CRIU cannot dump here: $(tail -n 1 "dump-$name/log" 2>&1)"
		[ $failed = 0 ] && exit 77
		exit 1
	}
	crit bt "dump-$name" --sysroot / --json >"$work/have.json"
	result $? "x86_64 $name: unwound"
	frames_of "$work/have.json" >"$work/have"
	crit core "dump-$name" -o "core.$name" --sysroot /
	gdb_frames "$name" "core.$name" >"$work/want"
	[ -s "$work/want" ] && ! differs "$work/want" "$work/have"
	result $? "x86_64 $name: $(wc -w <"$work/have") frames as gdb's"
	total=$((total + $(wc -w <"$work/have")))
	jq -r '.[].frames[] | .function' "$work/have.json" >"$work/functions"
done
[ $total -ge 200 ]
result $? "x86_64: enough frames ($total)"
grep -q '^_ZN7derived2goEi+0x' "$work/functions" && grep -q '^main+0x' "$work/functions"
result $? "x86_64: functions have names"
grep -c 'signal handler' <(crit bt dump-deep --sysroot /) | grep -qx 2
result $? "x86_64: a signal handler in either thread"

# A deleted program is in the checkpoint.
cp static gone
dump gone delete || {
	echo "CRIU cannot dump here: $(tail -n 1 dump-gone/log 2>&1)"
	exit 1
}
crit bt dump-gone --json >"$work/have.json"
result $? "x86_64: a deleted program is unwound"
[ "$(frames_of "$work/have.json" | wc -w)" = "$(crit bt dump-static --sysroot / --json >"$work/static.json"
	frames_of "$work/static.json" | wc -w)" ]
result $? "x86_64: as it is when it is there"

# By frame pointers alone, where nothing says more.
mkdir none
crit bt dump-plain --sysroot none --json >"$work/have.json" 2>"$work/error"
[ $? = 1 ] && grep -q 'libc.so.6, build-id\|neither in the sysroot' "$work/error"
result $? "x86_64: without files, they are named"
exit $failed
