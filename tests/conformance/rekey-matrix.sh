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

# make FROM TO KEYS: jobs/FROM-KEYS, or fails.
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
	if [ "${REKEY_MATRIX-}" = all ] || [ "$3" = fresh ] || [ "$1 $3" = "$2 as-is" ]; then
		echo "criu $item" >>jobs/list
	fi
}

table '`crit rekey`' >offline
places=$(cut -d' ' -f1 offline | sort -u)
[ "$(echo "$places" | wc -l)" = 6 ] && [ "$(cut -d' ' -f2 offline | sort -u)" = "$places" ]
result $? "README.md has a table of six places by six"
[ $# != 0 ] || set -- qarma5/48 qarma3/48 impdef/48

for to; do
	for from in "${!image_of[@]}"; do
		for keys in as-is saved fresh strip; do
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
	cpu=${to%/48}
	on "${cpu/\//-}"
	while read -r tool label _; do
		from=${label%-as-is} from=${from%-*}
		case $label in *-as-is) keys=as-is from=${label%-as-is} ;; *) keys=${label##*-} ;; esac
		from=${from/-/\/}
		if grep -qx "$from $to $keys" offline; then
			grep -qx "$tool $label PASS" "done"
		else
			grep -q "^$tool $label restore .*unhandled exception" "done"
		fi
		result $? "$from to $to: $keys: $(grep "^$tool $label " "done")"
	done <list
done
exit $failed
