#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# The tables of README.md, "New keys": what was signed by one algorithm for one size
# of addresses goes to another, in emulated machines. Every cell is tried: what
# stands there must run, and all else must be refused, or die as it is.
#
# tests/conformance/rekey-matrix.sh [TO...]: to these places, such as qarma5/48; by
# default those with addresses of 48 bits. rekey-matrix-52.sh does the others.
# REKEY_MATRIX=all: every cell by CRIU, too; it is only asked for what has fresh keys,
# and for what runs unchanged.
# shellcheck source=tests/conformance/fixtures disable=SC2154
source "$(dirname "${BASH_SOURCE[0]}")/fixtures"
tar -xJf "$fixtures/aarch64-signed.tar.xz" -C aarch64
# shellcheck source=tests/conformance/rekey-programs
source "$top/tests/conformance/rekey-programs"
cp -r aarch64/stdout programs
# shellcheck source=tests/conformance/rekey-machine
source "$top/tests/conformance/rekey-machine"

declare -A image_of=(
	[qarma5/48]=pac_threads_std [qarma5/52]=pac_threads_std.qarma5-52
	[qarma3/48]=pac_threads_std.qarma3 [qarma3/52]=pac_threads_std.qarma3-52
	[impdef/48]=pac_threads_std.impdef [impdef/52]=pac_threads_std.impdef52
)

# The table whose first cell begins so: "FROM TO KEYS" by line, what stands there.
# A cell is "as is, saved": then these are two lines, "as-is" the first.
table()
{
	awk -F' *[|] *' -v begins="| $1" '
	!is && index($0, begins) == 1 { is = 1; for (i = 3; i < NF; i++) to[i] = $i; next }
	!/^[|]/ { is = 0 }
	is && !/^[|]-/ {
		for (i = 3; i < NF; i++) {
			gsub("as is", "as-is", $i)
			n = split($i, word, ", *")
			for (j = 1; j <= n; j++) print $2, to[i], word[j]
		}
	}' "$top/README.md"
}

# make_job FROM TO KEYS: jobs/FROM-KEYS, or fails.
make_job()
{
	local from=$1 to=$2 keys=$3 options=()
	local label=${from/\//-}-$keys dir=aarch64/images/${image_of[$from]}
	case $keys in
	as-is) cp -r "$dir" "jobs/$label"; return ;;
	strip) case $from in impdef*) options=("--accept=unproved,residual") ;; esac ;;
	*) options=(--algorithm "${to%/*}" --va-bits "${to#*/}") ;;
	esac
	crit rekey "$dir" --sysroot sys -o "jobs/$label" --keys "$keys" "${options[@]}" >said 2>&1
}

# enlist_for FROM TO KEYS: who is to restore that.
enlist_for()
{
	local item options
	item="${1/\//-}-$3 ${image_of[$1]} pac_threads_std"
	# As it is: unless told so, crit-restore looks how it is signed.
	[ "$3" != as-is ] || options=--keys=unchecked
	echo "crit-restore $item ${options-}" >>jobs/list
	[ "${REKEY_MATRIX-}" != all ] || echo "criu $item" >>jobs/list
}

# enlist_native FROM: crit-restore with all --keys; what it refuses must not be there.
enlist_native()
{
	local keys label risks=""
	for keys in saved fresh off; do
		label=native-${1/\//-}-$keys
		cp -r "aarch64/images/${image_of[$1]}" "jobs/$label"
		case $1-$keys in impdef*off) risks=--accept=unproved,residual ;; esac
		echo "crit-restore $label ${image_of[$1]} pac_threads_std --keys=$keys $risks" >>jobs/list
	done
}

table '`crit rekey`' >offline
table '`crit-restore`' >native
places=$(cut -d' ' -f1 offline | sort -u)
[ "$(echo "$places" | wc -l)" = 6 ] && [ "$(cut -d' ' -f2 offline | sort -u)" = "$places" ]
result $? "README.md has a table of six places by six"
[ "$(cut -d' ' -f1 native | sort -u)" = "$places" ] &&
	[ "$(cut -d' ' -f2 native | sort -u | grep -v none)" = "$places" ]
result $? "README.md has a second one"
if [ $# = 0 ] && [ "${REKEY_MATRIX-}" = all ]; then
	mapfile -t every <<<"$places"
	set -- none "${every[@]}"
elif [ $# = 0 ]; then
	set -- none qarma3/52
fi

# judge TO TOOL FROM KEYS LABEL: that it is as the table says.
judge()
{
	local to=$1 tool=$2 from=$3 keys=$4 label=$5 table=offline end
	case $label in native*) table=native ;; esac
	if grep -qx "$from $to $keys" $table; then
		end="PASS$"
	elif [ $table = native ]; then
		end="restore [1-9].*sign"
	else
		end="restore .*unhandled exception"
	fi
	grep -q "^$tool $label $end" "done"
	result $? "$from to $to: $keys: $(grep "^$tool $label " "done")"
}

for to; do
	for from in "${!image_of[@]}"; do
		enlist_native "$from"
		for keys in as-is saved fresh strip; do
			[ $to != none ] || break
			make_job "$from" "$to" $keys
			made=$?
			if [ $made = 0 ]; then
				enlist_for "$from" "$to" $keys
			elif grep -qx "$from $to $keys" offline; then
				result 1 "$from to $to: $keys: $(tail -n 1 said)"
			else
				result 0 "$from to $to: $keys is refused"
			fi
		done
	done
	case $to in
	none) cpu=nopac ;;
	*) cpu=${to%/48} ;;
	esac
	on "${cpu/\//-}"
	while read -r tool label _; do
		from=${label#native-} keys=${label##*-}
		case $label in *-as-is) keys=as-is ;; esac
		from=${from%-"$keys"}
		judge "$to" "$tool" "${from/-/\/}" "$keys" "$label"
	done <list
done
exit $failed
