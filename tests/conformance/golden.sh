#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Every image of the stored checkpoints decodes to the reference tool's JSON,
# byte for byte; to our own answer where the reference tool is wrong.
# shellcheck source=tests/conformance/fixtures disable=SC2154
source "$(dirname "${BASH_SOURCE[0]}")/fixtures"

# Decoding stops there, as it should: see roundtrip.sh.
rm x86_64/images/synthetic/trunc-*.img

compared=0
for set in x86_64 aarch64; do
	for dir in "$set"/images/*; do
		name=${dir##*/}
		crit decode "$dir" -o "$work/json"
		result $? "$set/$name decodes"
		crit decode --pretty "$dir" -o "$work/pretty.json"
		result $? "$set/$name decodes, pretty"
		for ref in "$set/json/$name"/*.json; do
			# core-1.img.json, core-1.img.pretty.json
			image=${ref##*/} form=json
			image=${image%.json}
			[ "$image" = "${image%.pretty}" ] || form=pretty.json
			image=${image%.pretty}
			right=$fixtures/right/$name/$image.$form
			[ "$set" = x86_64 ] && [ -e "$right" ] && ref=$right
			differs "$ref" "$form/$image.json"
			result $((! $?)) "$set/$name/$image $form"
			compared=$((compared + 1))
		done
		rm -rf "$work/json" "$work/pretty.json"
	done
done

# 482 of x86_64, 316 of aarch64: a test that compares nothing proves nothing.
[ $compared = 798 ]
result $? "798 documents compared ($compared)"
exit $failed
