#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# What CRIU restores of a checkpoint in an older form, and of the same brought up
# again, is what it was: sockets with options and data, threads, an
# epoll instance and a deleted file. CRIU itself reads old forms, so this shows
# that these are ones.
# shellcheck source=tests/conformance/fixtures disable=SC2154
source "$(dirname "${BASH_SOURCE[0]}")/fixtures"
criu=$top/tests/support/criu

[ "$(id -u)" = 0 ] || { echo "CRIU needs root"; exit 77; }
command -v python3 >/dev/null || { echo "no python3"; exit 77; }
"$criu" >log 2>&1 || { tail -n 1 log; exit 77; }

cat >subject.py <<'E'
import os, select, socket, sys, tempfile, threading, time
TCP = [(socket.TCP_KEEPCNT, 5), (socket.TCP_KEEPIDLE, 100), (socket.TCP_KEEPINTVL, 7)]
s = socket.socket()
for opt, value in TCP:
    s.setsockopt(socket.IPPROTO_TCP, opt, value)
s.bind(("127.0.0.1", 0))
s.listen(3)
a, b = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
a.send(b"queued")
ep = select.epoll()
ep.register(b.fileno(), select.EPOLLIN)
gone = open("gone", "w+")
gone.write("deleted")
gone.flush()
os.unlink("gone")
threading.Thread(target=lambda: time.sleep(1000), daemon=True).start()
def state():
    gone.seek(0)
    return [[s.getsockopt(socket.IPPROTO_TCP, o) for o, _ in TCP], gone.read(),
            b.recv(100, socket.MSG_PEEK).decode(), [e for _, e in ep.poll(0)],
            threading.active_count()]
while True:
    with open("state.new", "w") as f:
        print(state(), file=f)
    os.rename("state.new", "state")
    time.sleep(0.05)
E
mkdir now images && cd now || exit 1
setsid python3 ../subject.py </dev/null >/dev/null 2>&1 &
pid=$!
cd ..
for _ in 1 2 3 4 5 6 7 8 9 10; do
	[ -s now/state ] && break
	sleep 0.3
done
cp now/state was
# The shell would say that it was killed.
{
	"$criu" dump -t $pid -D images -o dump.log >said 2>&1
	status=$?
	[ $status = 0 ] || kill -9 $pid
	wait $pid
} 2>/dev/null
[ $status = 0 ] || {
	echo "CRIU does not dump here: $(grep -a Error images/dump.log | tail -n 1)"
	exit 77
}

# restored NAME: and killed again.
restored()
{
	rm -f now/state
	(cd now && exec "$criu" restore -D ../images -o restore.log) >said 2>&1 &
	local parent=$! status=0
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		[ -s now/state ] && break
		sleep 0.3
	done
	cmp -s now/state was || status=1
	[ $status = 0 ] || grep -a Error images/restore.log | head -n 5 | sed 's/^/# /'
	kill -9 "$pid"
	wait "$parent"
	rm -f images/restore.log images/stats-restore
	result $status "$1"
}

cp -a images as-dumped
rm images/dump.log as-dumped/dump.log
restored "as it was dumped"
# x86 processors with shadow stacks in force lose them.
crit downgrade --drop --to 3.17 images >said 2>&1
result $? "brought back to 3.17"
! cmp -s images/files.img as-dumped/files.img
result $? "which changes its sockets"
restored "in the form of 3.17"
crit upgrade images >said
result $? "brought up again"
diff -r images as-dumped
result $? "as it was dumped, byte for byte"
restored "brought up again"
exit $failed
