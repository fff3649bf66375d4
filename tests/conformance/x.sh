#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# `crit x` prints what the reference tool prints, byte for byte: crit of the
# Debian package criu. Where that gives up (zombies), what it printed until then
# is the beginning of ours. Lines with names that are not plain text differ on
# purpose and are left out of the comparison; the golden cases have them.
# shellcheck source=tests/conformance/fixtures disable=SC2154
source "$(dirname "${BASH_SOURCE[0]}")/fixtures"

their=
while read -r path; do
	read -r interpreter <"$path"
	case $interpreter in '#!'*python*) their=$path ;; esac
done < <(type -ap crit)
[ -n "$their" ] || {
	echo "no crit written in Python is installed (Debian package criu)"
	exit 77
}

# Older schemas know the count of pages as field 2 only: images as CRIU wrote
# them before 4.2.
old_pagemaps()
{
	local image
	for image in "$1"/pagemap-[0-9]*.img; do
		crit decode "$image" |
			sed -E 's/(compat_nr_pages": )0(, "flags": [0-9]+), "nr_pages": ([0-9]+)/\1\3\2/g' |
			crit encode >"$work/pagemap" || return 1
		mv "$work/pagemap" "$image"
	done
}

compared=0
for dir in x86_64/images/*; do
	name=${dir##*/}
	[ -e "$dir/pstree.img" ] || continue
	crit x "$dir" rss >"$work/new"
	old_pagemaps "$dir"
	result $? "$name: pagemaps in the old form"
	crit x "$dir" rss >"$work/old"
	differs "$work/new" "$work/old"
	result $((! $?)) "$name: rss of both forms"
	for what in ps fds mems rss; do
		"$their" x "$dir" $what >"$work/raw" 2>"$work/error"
		status=$?
		crit x "$dir" $what >"$work/ours"
		result $? "$name: $what"
		grep -v -e "b'" -e 'name with "quotes"' -e '^$' \
			-e 'corpus-=FF=FE' -e '^=3Dx' \
			"$work/raw" >"$work/want"
		grep -v -a -e '\\x' -e 'corpus-=FF=FE' \
			"$work/ours" >"$work/have"
		if [ $status != 0 ]; then
			head -n "$(wc -l <"$work/want")" "$work/have" \
				>"$work/begin"
			mv "$work/begin" "$work/have"
		fi
		differs "$work/want" "$work/have"
		result $((! $?)) "$name: $what is the reference's"
		compared=$((compared + $(wc -l <"$work/want")))
	done
done

# Every view has a golden case.
views=$(crit x -h | tr '\n' ' ' | sed 's/.*the view (\([^)]*\)).*/\1/; s/,//g')
for what in $views; do
	cat "$top"/tests/golden/x/*/cmd |
		grep -qE "crit x .* $what( |\$)|^for what in .*$what"
	result $? "$what has a golden case"
done

# A test that compares nothing proves nothing.
[ $compared -ge 1200 ]
result $? "enough lines compared ($compared)"
exit $failed
