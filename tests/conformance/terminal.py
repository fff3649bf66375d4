# SPDX-License-Identifier: MIT
"""A terminal with somebody in front of it.

terminal.py COLUMNS SCRIPT WORD...: runs the words on a pseudo terminal of 24
lines and writes what it showed to standard output. SCRIPT is a file; each line
is `send TEXT` (with Python's escapes), or `wait TEXT`, which fails if the text
does not appear after what was waited for before. At the end of the script the
program has to end by itself; its exit status is ours.

Nothing here depends on time. Between runs of readline a terminal is another
one, which edits lines by itself: before keys are sent, a script waits for the
prompt, and for a text that the keys themselves do not put on the screen.
"""
import fcntl
import os
import pty
import select
import signal
import struct
import sys
import termios
import time

# Seconds for each text, and for the end: only what hangs needs so many.
LIMIT = 120


def unescape(text):
    return text.encode().decode("unicode_escape").encode("latin1")


class Terminal:
    def __init__(self, columns, words):
        self.seen, self.at, self.ended = b"", 0, False
        self.pid, self.fd = pty.fork()
        if not self.pid:
            size = struct.pack("HHHH", 24, columns, 0, 0)
            fcntl.ioctl(0, termios.TIOCSWINSZ, size)
            # Python ignores it, a shell at a terminal does not.
            signal.signal(signal.SIGPIPE, signal.SIG_DFL)
            os.execvp(words[0], words)

    def read_more(self, until):
        """Whether something came. If not, it ended or the time is over."""
        left = max(0, until - time.monotonic())
        if not select.select([self.fd], [], [], left)[0]:
            return False
        try:
            data = os.read(self.fd, 65536)
        except OSError:
            data = b""
        self.seen += data
        self.ended = not data
        return bool(data)

    def send(self, keys):
        while keys:
            keys = keys[os.write(self.fd, keys):]

    def wait(self, text):
        until = time.monotonic() + LIMIT
        while text not in self.seen[self.at:]:
            if not self.read_more(until):
                self.fail("this does not appear")
        self.at = self.seen.index(text, self.at) + len(text)

    def end(self):
        until = time.monotonic() + LIMIT
        while self.read_more(until):
            pass
        if not self.ended:
            self.fail("it does not end")
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1]) & 255

    def show(self):
        sys.stdout.buffer.write(self.seen)
        sys.stdout.flush()

    def fail(self, why):
        if self.ended:
            why += ", it ended"
        else:
            why += " within %d s" % LIMIT
            os.kill(self.pid, signal.SIGKILL)
        status = os.waitpid(self.pid, 0)[1]
        self.show()
        sys.stdout.buffer.write(
            b"\n[waited from here]" + self.seen[self.at:] + b"\n")
        sys.stdout.flush()
        raise Failure("%s (wait status %#x)" % (why, status))


class Failure(Exception):
    pass


def main():
    terminal = Terminal(int(sys.argv[1]), sys.argv[3:])
    nr, line = 0, "the end"
    try:
        for nr, line in enumerate(open(sys.argv[2]), 1):
            what, _, text = line.rstrip("\n").partition(" ")
            if what == "send":
                terminal.send(unescape(text))
            else:
                terminal.wait(unescape(text))
        nr, line = nr + 1, "the end"
        status = terminal.end()
    except Failure as e:
        sys.exit("terminal.py: line %d: %s: %s" % (nr, line.rstrip("\n"), e))
    terminal.show()
    sys.exit(status)


main()
