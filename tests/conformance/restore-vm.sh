#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# crit-restore on AArch64, in emulated machines: checkpoints that CRIU 4.3 made of
# programs with signed pointers and shadow stacks, some of which it cannot
# restore itself; fresh ones by several versions of CRIU; and machines that sign
# otherwise, which are refused before there is any process.
#
# tests/conformance/restore-vm.sh [made|verify|fresh|keys]: the first of these, or one of
# the others, which are tests of their own.
set -u
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd) || exit 1
top=$(cd "$here/../.." && pwd) || exit 1
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
vm=$top/tests/vm/run
data=$top/tests/data/fixtures
cross=$top/tests/support/cross

check()
{
	local name=$1
	shift
	if "$@"; then echo "ok $name"; else echo "not ok $name"; fi
}

# Sanitizers do not link statically: that build is tested once.
case ${BUILD-} in *san-*) echo "ok this is tested without sanitizers"; exit ;; esac
for setup in "4.3 new" "4.2 new" "4.1 new" "3.17 6.1"; do
	if ! "$vm" --criu "${setup% *}" --kernel "${setup#* }" --setup >"$work/log" 2>&1; then
		tail -n 1 "$work/log"
		exit 77
	fi
done
"$cross" >"$work/log" 2>&1 || { tail -n 1 "$work/log"; exit 77; }
mkdir -p "$top/build"
flock "$top/build" env -u MAKEFLAGS -u MAKEOVERRIDES make -C "$top" -j2 CROSS=aarch64 \
	build/aarch64/crit-restore >"$work/log" 2>&1 || { tail "$work/log"; exit 1; }
mkdir "$work/bin"
cp "$top/build/aarch64/crit-restore" "$work/bin"

# ---- checkpoints that were made before ----

tar -C "$work" -xf "$data/aarch64.tar.xz" images
mkdir "$work/programs"
tar -C "$work/programs" -xf "$data/aarch64-programs.tar.xz"

# Two programs were dumped with the libraries of libc6 2.43-7, which Debian's archive
# has for as long as it is the newest one of a suite.
right=$("$top/tests/support/debian" vm-libc-2.43 arm64 "sid forky" :libc6=2.43-7 2>/dev/null) || {
	right=
	echo "# note: no libc6 2.43-7 any more: what was dumped with it is not restored"
}
other=$("$top/tests/support/debian" vm-criu-4.1 arm64 trixie 'criu=4.1*')

# What the programs wrote until then is as it was; SIGTERM makes them return
# through all their frames, and say so.
cat >"$work/made" <<'E'
echo 20000 >/proc/sys/kernel/ns_last_pid
alive() { grep -qs '^State:.[^Z]*$' /proc/$1/status; }
forks() { sed -n 's/^processes //p' /proc/stat; }
mkdir -p /usr/lib/aarch64-linux-gnu
cp -a libraries/. /usr/lib/aarch64-linux-gnu
# It itself is one, and so is what counts.
before=$(forks)
./crit-restore --version >/dev/null
after=$(forks)
own=$((after - before))
loud=
[ ! -d saved ] || loud=-v
for item in $(cat items); do
	name=${item%%@*}
	unset CR_RESTORE_FAULT
	options=$(echo "${item#"$name"}" | tr @ ' ')
	case $item in
	*@spoil=*) options=--verify; export CR_RESTORE_FAULT="spoil ${item#*=}" ;;
	*@fault=*) options=; export CR_RESTORE_FAULT="${item#*=}" ;;
	esac
	case $name in
	gcs_threads | pac_threads_std*) program=pac_threads_std ;;
	gcs_threads_own) program=pac_threads_own ;;
	gcs_deep_signal) program=deep_signal ;;
	*) program=${name%%.*} ;;
	esac
	dir=/out/fx/${name%%.*}
	rm -rf $dir
	mkdir -p $dir
	cp programs/bin/$program $dir/$program
	cp programs/stdout/$name $dir/stdout.txt
	pid=$(sed -n 's/^start .* pid //p' $dir/stdout.txt | head -n 1)
	watch=
	case $loud$item in
	-vpac_threads_own@* | -vtree@* | -v*.impdef52@*) watch="./keys spy saved/$name" ;;
	esac
	before=$(forks)
	keys=$($watch ./crit-restore -d $loud $options images/$name 2>/tmp/said)
	status=$?
	after=$(forks)
	if [ $status != 0 ]; then
		for i in $(seq 20); do alive $pid && sleep 0.1; done
		alive $pid && said=ALIVE || said=$(cat /tmp/said)
		echo "$item: $((after - before - own)) processes: $said"
		continue
	fi
	[ ! -d saved ] || keys="$keys $(./keys silent saved/$name /tmp/said) $(./keys fresh saved/$name) "
	sleep 0.3
	kill -TERM $pid
	for i in $(seq 50); do alive $pid && sleep 0.1; done
	echo "$item: $keys$(grep -oE '^(PASS|FAIL|lock [a-zA-Z]*)' $dir/stdout.txt | tr '\n' ' ')"
	kill -9 $pid 2>/dev/null
done
rm -rf /out/fx
E

spy=()

# on CPU ITEM... : what the job says of them. An item is NAME[@OPTION]...
on()
{
	local cpu=$1 item
	shift
	rm -rf "$work/on"
	mkdir -p "$work/on/images" "$work/on/libraries"
	[ -z "$libraries" ] ||
		cp -a "$libraries"/usr/lib/aarch64-linux-gnu/{libc.so.6,ld-linux-aarch64.so.1} \
			"$work/on/libraries"
	printf '%s\n' "$@" >"$work/on/items"
	for item; do cp -a "$work/images/${item%%@*}" "$work/on/images"; done
	# shellcheck disable=SC2086
	"$vm" --time 480 --cpu "$cpu" ${append:+--append $append} "$work/made" \
		"$work/on/images" "$work/on/items" "$work/on/libraries" "$work/programs" \
		"${spy[@]}" "$work/bin/crit-restore" >"$work/said" 2>&1
}

# all WORDS NAME...: that each of them ends its line with the words
all()
{
	local words=$1 name
	shift
	for name; do
		grep -qE "^$name: $words" "$work/said" || {
			echo "# $name: not so: $words"
			sed 's/^/# /' "$work/said"
			return 1
		}
	done
}

same=(coro cxx_throw deep_signal gcs_counter_man gcs_counter_tun gcs_counter_wp
	gcs_deep_signal gcs_threads gcs_threads_own pac_counter_bkey pac_counter_leaf
	pac_counter_none pac_counter_std pac_threads_own pac_threads_std tree)
qarma3=(gcs_counter_tun.qarma3 pac_counter_std.qarma3)
qarma5_52=(gcs_counter_tun.qarma5-52 pac_counter_std.qarma5-52 pac_threads_std.qarma5-52)
impdef_52=(gcs_counter_tun.impdef52 pac_threads_std.impdef52)
with_libraries=(pac_counter_dyn gcs_counter_dyn)
few=(pac_counter_none pac_threads_own gcs_counter_tun)

# Each is what its image says, for every thread; and a bit that is not is found: of
# general registers, FPSIMD, TLS, keys, which are enabled, shadow stacks.
verified=(pac_threads_own@--verify gcs_threads_own@--verify gcs_counter_wp@--verify
	gcs_deep_signal@--verify gcs_threads_own@--keys=fresh@--verify)
spoilt=(gcs_threads_own@spoil={0x1,0x2,0x401,0x407,0x408,0x40a,0x410}:940)

failing=(gcs_threads_own@fault={threads,compare})

off=("${few[@]/%/@--keys=off}")
fresh=({coro,gcs_deep_signal,pac_counter_bkey}@--keys=fresh)

# found ITEM...: that the difference made in a set of registers of a thread is.
found()
{
	local item set
	for item; do
		set=${item#*=}
		all ".* compare: registers of set ${set%:*}: thread ${set#*:}: byte 0 is" "$item" ||
			return
	done
}

part_made()
{
	local libraries=
	on qarma5 "${same[@]}" gcs_counter_lock "${qarma3[@]}" "${qarma5_52[@]}" \
		"${impdef_52[@]}" "${off[@]}" gcs_counter_lock@--gcs-lock=none \
		gcs_counter_lock@--gcs-lock=0x100000000
	check "QARMA5, 48 bits" all "PASS" "${same[@]}"
	check "a shadow stack is locked again" all "lock held PASS" gcs_counter_lock
	check "a lock that is not wanted" all "lock LOST PASS" \
		gcs_counter_lock@--gcs-lock=none
	check "a lock that is none" all "0 processes: .* --gcs-lock" \
		gcs_counter_lock@--gcs-lock=0x100000000
	check "signed by another algorithm, for other addresses" all "PASS" \
		"${qarma3[@]}" "${qarma5_52[@]}"
	check "signed by an unknown algorithm" all \
		"0 processes: .* signed otherwise" "${impdef_52[@]}"
	check "no keys are wanted" all "PASS" "${off[@]}"

	on qarma3 "${qarma3[@]}" "${few[@]}" "${fresh[@]}"
	check "QARMA3" all "PASS" "${qarma3[@]}"
	check "QARMA3 restores QARMA5" all "PASS" "${few[@]:1}"
	check "with fresh keys" all "PASS" "${fresh[@]}"
	check "not by guessing" all "0 processes: .* by QARMA5" "${few[0]}"
	on qarma5-52 "${qarma5_52[@]}" "${few[@]}" "${fresh[@]}"
	check "QARMA5, 52 bits" all "PASS" "${qarma5_52[@]}"
	check "52 bits restore 48" all "PASS" "${few[@]:1}" "${fresh[@]}"
	on impdef-52 "${impdef_52[@]}" "${few[@]}"
	check "an algorithm of its own, 52 bits" all "PASS" "${impdef_52[@]}"
	check "it restores QARMA5" all "PASS" "${few[@]:1}"
	on nopac "${few[@]}" "${off[@]}"
	check "no keys" all "0 processes: .* signs none" "${few[@]}"
	check "plain pointers need none" all "PASS" "${off[@]:1}"
	on nogcs gcs_counter_tun pac_threads_std@--keys=unchecked
	check "no shadow stacks" all "[01] processes: .* guarded control stack" gcs_counter_tun
	check "instructions that are missing" all "[01] processes: .* lacks .* AT_HWCAP bits" \
		pac_threads_std@--keys=unchecked
	append=proc_mem.force_override=never
	on impdef-52 gcs_counter_tun.impdef52
	append=
	check "shadow stacks are written word by word" all PASS gcs_counter_tun.impdef52
}

# ---- what else there is to see of them ----

part_verify()
{
	local libraries=$right
	on qarma5 ${right:+"${with_libraries[@]}" "${with_libraries[@]/%/@--keys=fresh}"} "${verified[@]}" "${spoilt[@]}" \
		"${failing[@]}" gcs_threads_own@fault=load!
	[ -z "$right" ] || check "with libraries" all PASS "${with_libraries[@]}" \
		"${with_libraries[@]/%/@--keys=fresh}"
	check "registers are compared" all PASS "${verified[@]}"
	check "a difference is found" found "${spoilt[@]}"
	check "nothing is left when it fails" all "[1-9] processes: .* made to fail" "${failing[@]}"
	check "or is killed" all "[1-9] processes: (Killed)?$" gcs_threads_own@fault=load!
	libraries=$other
	on qarma5-short "${with_libraries[@]}" deep_signal pac_threads_own@--verify
	check "with other libraries" all \
		"0 processes: .*/libc.so.6 has [0-9]+ bytes and had 1722912" "${with_libraries[@]}"
	check "a handler that returns to longer vectors" all \
		"0 processes: .* vectors of 64 bytes, and this processor has none" deep_signal
	check "nothing else needs their length" all PASS pac_threads_own@--verify
}

# ---- other keys ----

# What the keys of a checkpoint were, thread by thread, as restore-keys.c takes it.
save_keys()
{
	python3 - "$1" "$top/build/crit" <<-'END'
		import glob, json, subprocess, sys
		for core in sorted(glob.glob(sys.argv[1] + "/core-*.img")):
		    text = subprocess.check_output([sys.argv[2], "decode", "-i", core])
		    pac = json.loads(text)["entries"][0]["ti_aarch64"]["pac_keys"]
		    a, g = pac["pac_address_keys"], pac["pac_generic_keys"]
		    words = [a[f"ap{key}key_{half}"] for key in ("ia", "ib", "da", "db")
		             for half in ("lo", "hi")] + [g["apgakey_lo"], g["apgakey_hi"]]
		    words = [int(core[core.rindex("-") + 1:-4]), a["pac_enabled_key"]] + words
		    print(*(f"{int(str(word), 0):x}" for word in words))
	END
}

part_keys()
{
	local name
	command -v python3 >/dev/null || { echo "no python3 is installed"; exit 77; }
	mkdir "$work/saved"
	# On its heap is a word that looks signed.
	cp -r "$work/images/coro" "$work/images/coro.planted"
	"$top/build/crit" mem "$work/images/coro.planted" write 0x4a1000 0007400000001500 >"$work/log"
	cp "$work/programs/stdout/coro" "$work/programs/stdout/coro.planted"
	for name in "$work"/images/*; do
		save_keys "$name" >"$work/saved/${name##*/}"
	done
	compile "$top/tests/conformance/restore-keys.c" "$work/keys"
	spy=("$work/saved" "$work/keys")
	local libraries='' anew="(clean)? silent fresh " same_keys="(clean)? silent a saved key "

	on qarma5 "${same[@]/%/@--keys=fresh}" pac_threads_own@--keys=auto \
		gcs_counter_lock@--keys=fresh \
		coro.planted@--keys=fresh{,@--accept=residual} \
		"${impdef_52[@]/%/@--keys=fresh}" pac_counter_std.qarma3@--keys=fresh
	check "each gets keys of its own" all "${anew}PASS" \
		"${same[@]/%/@--keys=fresh}"
	check "and the lock that it had" all "${anew}lock held PASS" gcs_counter_lock@--keys=fresh
	check "a word that is not explained" all "[0-9]+ processes: .*0x4a1000: looks signed.*--accept=residual" \
		coro.planted@--keys=fresh
	check "and is accepted" all "${anew}PASS" coro.planted@--keys=fresh@--accept=residual
	check "saved keys are seen to be saved" all "${same_keys}PASS" pac_threads_own@--keys=auto
	check "what cannot be verified" all "[0-9]+ processes: .* signed otherwise" \
		"${impdef_52[@]/%/@--keys=fresh}"
	check "from QARMA3" all "${anew}PASS" pac_counter_std.qarma3@--keys=fresh

	local move=(coro cxx_throw pac_threads_own)
	on qarma3-52 "${move[@]/%/@--keys=fresh}" tree@--keys=saved \
		pac_counter_none@--keys=fresh{,@--from=qarma5/48}
	check "from QARMA5 with 48 bits to QARMA3 with 52" all "${anew}PASS" \
		"${move[@]/%/@--keys=fresh}"
	check "with the saved keys" all "${same_keys}PASS" tree@--keys=saved
	check "what too few frames prove" all "[0-9]+ processes: .* --from" pac_counter_none@--keys=fresh
	check "and is told" all "${anew}PASS" pac_counter_none@--keys=fresh@--from=qarma5/48
	on impdef-52 "${move[@]/%/@--keys=fresh}" tree@--keys=auto tree@--keys=saved \
		"${impdef_52[@]/%/@--keys=fresh}" "${impdef_52[@]/%/@--keys=auto}"
	check "to an algorithm of its own" all "${anew}PASS" "${move[@]/%/@--keys=fresh}" \
		tree@--keys=auto "${impdef_52[@]/%/@--keys=fresh}"
	check "which proves what it has signed" all "${same_keys}PASS" \
		tree@--keys=saved "${impdef_52[@]/%/@--keys=auto}"
	on impdef pac_counter_std@--keys=saved pac_threads_std.impdef52@--keys=fresh
	check "and for longer addresses" all "${anew}PASS" pac_threads_std.impdef52@--keys=fresh
	check "from QARMA5, with saved keys" all "${same_keys}PASS" pac_counter_std@--keys=saved
	spy=()
	on nopac "${move[@]/%/@--keys=auto}" coro@--keys=fresh
	check "to a processor that signs nothing" all "PASS" "${move[@]/%/@--keys=auto}"
	check "where there are no fresh keys" all "0 processes: .* signs none" coro@--keys=fresh
}

# ---- fresh ones ----

compile()
{
	"$cross" -std=gnu11 -D_GNU_SOURCE -O1 -g -pthread "$1" -o "$2"
}

# What dumps each program, restores it, and looks what it says. One that is named
# fx-NAME has no file `go`, but wants SIGTERM. Behind @ stands what is special.
cat >"$work/fresh" <<'E'
echo 5000 >/proc/sys/kernel/ns_last_pid
mkdir /tmp/work
until_says() {
	for i in $(seq 100); do
		grep -qsE "^($2)" log && return 0
		[ -d /proc/$1 ] || break
		sleep 0.1
	done
	grep -qsE "^($2)" log
}
one() {
	cp /job/programs/${1%@*} program
	setsid env $env ./program $word </dev/null >log 2>&1 &
	pid=$!
	until_says $pid 'ready|SKIP' || { echo "$1: not ready: $(cat log)"; return; }
	sleep 0.3
	mkdir images
	criu dump --file-locks -t $pid -D images -o dump.log -v2 >/tmp/said 2>&1 || {
		echo "$1: no dump: $(grep Error images/dump.log | tail -n 1)"
		kill -9 $pid
		return
	}
	wait $pid 2>/dev/null
	case $1 in *keep) cp -a . /out/$1; return ;; esac
	/job/crit-restore -d $options images 2>/tmp/said || {
		echo "$1: refused: $(cat /tmp/said)"
		return
	}
	touch go
	sleep 0.2
	case $1 in fx-*) kill -TERM $pid ;; esac
	until_says $pid 'PASS|FAIL'
	echo "$1: $(grep -E '^PASS' log || tail -n 3 log)"
	kill -9 $pid 2>/dev/null
}
for name in $(cat items); do
	mkdir /tmp/work/$name
	cd /tmp/work/$name
	env= word= options=--verify
	unset CR_RESTORE_FAULT
	case $name in fx-gcs*) env=GLIBC_TUNABLES=glibc.cpu.aarch64_gcs=1 ;; esac
	case $name in *@locked*) word=lock ;; *@handler*) word=handler ;; esac
	case $name in *@keys=*) options=--${name#*@} ;; esac
	case $name in *@unlocked) options=--gcs-lock=none ;; esac
	case $name in *fault) export CR_RESTORE_FAULT="no gcs by ptrace" ;; esac
	one $name
	cd /job
done
E

# fresh CPU CRIU KERNEL PROGRAM[@WORD]...
fresh()
{
	local cpu=$1 criu=$2 kernel=$3 item
	shift 3
	rm -rf "$work/on"
	mkdir -p "$work/on/programs"
	printf '%s\n' "$@" >"$work/on/items"
	for item; do cp "$work/subjects/${item%@*}" "$work/on/programs"; done
	"$vm" --time 240 --cpu "$cpu" --criu "$criu" --kernel "$kernel" --out "$work/kept" "$work/fresh" \
		"$work/on/programs" "$work/on/items" "$work/bin/crit-restore" \
		>"$work/said" 2>&1
}

make_subjects()
{
	local file name
	mkdir "$work/subjects"
	for file in "$top"/tests/restore/*.c "$top"/tests/restore/aarch64/*.c; do
		name=$(basename "$file" .c)
		# Those for one processor do not compile for another.
		compile "$file" "$work/subjects/$name" 2>/dev/null
	done
	for name in pac_threads_own pac_counter_bkey deep_signal cxx_throw tree \
		pac_counter_dyn gcs_counter_dyn; do
		cp "$work/programs/bin/$name" "$work/subjects/fx-$name"
	done
	cp "$work/subjects/fx-pac_threads_own" "$work/subjects/fx-gcs_own"
	compile "$here/restore-vdso.c" "$work/subjects/vdso"
}

ours=(after attributes code events files fork inherited locks memory pending pipes registers
	seccomp seccomp-threads shared signals timers tree)
few_ours=(files memory registers tree)
vectors=(vectors vectors@handler)
dynamic=(fx-pac_counter_dyn fx-gcs_counter_dyn)
signed=(fx-pac_threads_own fx-pac_counter_bkey fx-deep_signal fx-cxx_throw fx-tree)
shadow=(shadow@unlocked shadow@locked fx-gcs_own)
keep=(vdso@keep vectors@handler-keep)
faulty=(shadow@locked-fault fx-gcs_own@fault)

part_fresh()
{
	make_subjects
	fresh impdef 4.3 new "${ours[@]}" "${signed[@]}" "${dynamic[@]}" "${vectors[@]}" \
		"${shadow[@]}" "${faulty[@]}"
	check "dumps of CRIU 4.3" all PASS "${ours[@]}" "${signed[@]}"
	check "programs with libraries" all PASS "${dynamic[@]}"
	check "vectors" all PASS "${vectors[@]}"
	check "with shadow stacks" all PASS "${shadow[@]}"
	check "which the process switches on" all PASS "${faulty[@]}"
	fresh impdef 4.2 new registers "${signed[@]}"
	check "dumps of CRIU 4.2, which has keys" all PASS registers "${signed[@]}"
	# It cannot dump guard pages, which threads of the C library have.
	fresh impdef 4.1 new "${signed[@]:1}"
	check "dumps of CRIU 4.1, which has keys" all PASS "${signed[@]:1}"
	fresh nopac 4.1 new registers tree
	check "dumps of CRIU 4.1 where nothing is signed" all PASS registers tree
	fresh impdef 3.17 6.1 "${few_ours[@]}" fx-pac_threads_own fx-cxx_throw \
		fx-cxx_throw@keys=unchecked "${keep[@]}"
	check "dumps of CRIU 3.17: no keys, nothing signed" all PASS "${few_ours[@]}"
	check "no keys, signed pointers" all "refused: .* no keys.* signed pointer" \
		fx-pac_threads_own fx-cxx_throw fx-cxx_throw@keys=unchecked

	# Made on another kernel; the programs and their files are there.
	cat >"$work/later" <<-'E'
		echo 20000 >/proc/sys/kernel/ns_last_pid
		for name in $(ls kept); do
			mkdir -p /tmp/work/$name
			cp -a kept/$name/. /tmp/work/$name
			cd /tmp/work/$name
			/job/crit-restore -d --verify images
			touch go
			for i in $(seq 50); do grep -qE '^(PASS|FAIL)' log || sleep 0.1; done
			echo "$name: $(tail -n 1 log)"
			cd /job
		done
	E
	"$vm" --cpu impdef "$work/later" "$work/kept" "$work/bin/crit-restore" >"$work/said" 2>&1
	check "another kernel's vdso" all PASS "${keep[@]}"
}

"part_${1:-made}"
