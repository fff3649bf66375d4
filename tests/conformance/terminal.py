# SPDX-License-Identifier: MIT
"""A terminal with somebody in front of it.

terminal.py COLUMNS SCRIPT WORD...: runs the words on a pseudo terminal and
writes what it showed to standard output. SCRIPT is a file; each line is
`send TEXT` (with Python's escapes), or `wait TEXT`, which fails if the text
does not appear after what was waited for before. At the end of the script the
program has to end by itself; its exit status is ours.
"""
import fcntl
import os
import pty
import select
import struct
import sys
import termios
import time

LIMIT = 20  # seconds for each text, and for the end


def unescape(text):
    return text.encode().decode("unicode_escape").encode("latin1")


def main():
    columns, script, words = int(sys.argv[1]), sys.argv[2], sys.argv[3:]
    pid, fd = pty.fork()
    if not pid:
        size = struct.pack("HHHH", 24, columns, 0, 0)
        fcntl.ioctl(0, termios.TIOCSWINSZ, size)
        os.execvp(words[0], words)
    seen, at, ended = b"", 0, False

    def read_more(until):
        nonlocal seen, ended
        if not select.select([fd], [], [], max(0, until - time.monotonic()))[0]:
            return False
        try:
            data = os.read(fd, 65536)
        except OSError:
            data = b""
        seen += data
        ended = not data
        return bool(data)

    def fail(why):
        sys.stdout.buffer.write(seen)
        sys.stdout.flush()
        sys.exit("terminal.py: " + why)

    for line in open(script):
        what, _, text = line.rstrip("\n").partition(" ")
        if what == "send":
            os.write(fd, unescape(text))
            continue
        want, until = unescape(text), time.monotonic() + LIMIT
        while want not in seen[at:]:
            if not read_more(until):
                os.kill(pid, 9)
                fail("'%s' does not appear" % text)
        at = seen.index(want, at) + len(want)
    until = time.monotonic() + LIMIT
    while not ended and read_more(until):
        pass
    if not ended:
        os.kill(pid, 9)
        fail("it does not end")
    sys.stdout.buffer.write(seen)
    sys.stdout.flush()
    sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) & 255)


main()
