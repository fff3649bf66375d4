#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Every image of the stored checkpoints comes back byte for byte from its JSON,
# in each style, and whole directories with all that is in them; broken images
# are refused and leave nothing behind.
# shellcheck source=tests/conformance/fixtures disable=SC2154
source "$(dirname "${BASH_SOURCE[0]}")/fixtures"

mkdir broken
mv x86_64/images/synthetic/trunc-*.img broken
# Things that CRIU and container engines put beside the images.
ln -s ../parent x86_64/images/small/parent
echo 'log' >x86_64/images/small/dump.log
mkdir x86_64/images/small/sub
cp x86_64/images/small/pstree.img x86_64/images/small/sub
chmod 640 x86_64/images/small/pstree.img
chmod 750 x86_64/images/small

# there_and_back NAME DIR [OPTION...]: the directory through JSON and back.
there_and_back()
{
	local name=$1 dir=$2
	shift 2
	crit decode "$@" "$dir" -o there && crit encode there -o back &&
		diff -r --no-dereference "$dir" back
	result $? "$name"
	# Names, types, modes and links, too.
	diff <(cd "$dir" && find . -printf '%P %y %m %l\n' | sort) \
		<(cd back && find . -printf '%P %y %m %l\n' | sort)
	result $? "$name: names and modes"
	rm -rf there back
}

images=0
for set in x86_64 aarch64; do
	for dir in "$set"/images/*; do
		name=$set/${dir##*/}
		there_and_back "$name" "$dir"
		there_and_back "$name, pretty" "$dir" --pretty
		there_and_back "$name, go" "$dir" --dialect go
		there_and_back "$name, pretty go" "$dir" --pretty --dialect go
		set -- "$dir"/*
		images=$((images + $#))
	done
done
echo "# note: $images files there and back in 4 styles"
[ $images = 645 ]
result $? "645 files ($images)"

# One image through pipes, without a file name to go by.
same=0
for image in x86_64/images/*/*; do
	case ${image##*/} in
	*.img | stats-dump) ;;
	*) continue ;;
	esac
	[ -e "${image/images/json}.json" ] || continue
	crit decode <"$image" | crit encode | cmp -s - "$image" || {
		echo "# not the same through pipes: $image"
		same=1
	}
done
result $same "x86_64 images through pipes"

# Pages are carried over, not copied, where the file system has hard links or
# reflinks; either way the blocks are shared. A reflink leaves one link.
dir=x86_64/images/small
crit decode $dir -o there && crit encode there -o back
links=$(stat -c %h $dir/pages-1.img)
if [ "$links" = 1 ]; then
	cp --reflink=always $dir/pages-1.img clone 2>/dev/null
	result $? "pages-1.img is a reflink"
else
	[ "$links" = 3 ] && [ $dir/pages-1.img -ef back/pages-1.img ]
	result $? "pages-1.img is one file with three names"
fi
rm -rf there back

# Broken images: status 1, one line that says where, no output file.
refused()
{
	local image=$1 want=$2 status
	crit decode -i "$image" -o out.json >out.txt 2>err.txt
	status=$?
	[ $status = 1 ] && [ ! -s out.txt ] && [ ! -e out.json ] &&
		[ "$(cat err.txt)" = "crit: $image: $want" ] &&
		[ "$(wc -l <err.txt)" = 1 ] && ! compgen -G 'out.json*' >/dev/null
	result $? "$image is refused"
}
refused broken/trunc-size.img \
	'entry 1: byte 22: the size word needs 4 bytes, have 2'
refused broken/trunc-msg.img \
	'entry 1: byte 22: size 10 is more than the file has left'
crit decode broken -o dir 2>err.txt
[ $? = 1 ] && [ "$(wc -l <err.txt)" = 1 ] && ! compgen -G 'dir*' >/dev/null
result $? "a directory with a broken image leaves nothing"

# Every image cut short, at every length where it is small: either an error, or
# what is left is an image of fewer entries, which then comes back the same.
cut_short()
{
	local image=$1 size status bad=0 n
	size=$(stat -c %s "$image")
	for ((n = 0; n < size; n += size / 40 + 1)); do
		head -c $n "$image" >cut.img
		rm -f cut.json
		crit decode -i cut.img -o cut.json 2>err.txt
		status=$?
		if [ $status = 0 ]; then
			crit encode -i cut.json -o cut2.img &&
				cmp -s cut.img cut2.img && continue
		elif [ $status = 1 ] && [ "$(wc -l <err.txt)" = 1 ] &&
			[ ! -e cut.json ]; then
			continue
		fi
		echo "# cut at $n: status $status: $(head -n 3 err.txt)"
		bad=1
	done
	result $bad "${image#*images/} cut short"
}
for image in ipc/ipcns-{msg,sem,shm}-10.img pipes/pipes-data.img \
	unix/sk-queues.img tcp/tcp-stream-3360a2.img ghost/ghost-file-1.img \
	small/core-7074.img small/mm-7074.img small/pagemap-7074.img \
	small/inventory.img small/stats-dump synthetic/bpfmap-data.img; do
	cut_short "x86_64/images/$image"
done
exit $failed
