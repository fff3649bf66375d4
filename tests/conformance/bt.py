# SPDX-License-Identifier: MIT
"""Within gdb, on a core: each thread's frames, "TID PC PC ..." a line, without
those that are no frames of the machine."""
import gdb

gdb.execute("set backtrace past-main on")
gdb.execute("set backtrace past-entry on")
gdb.execute("set backtrace limit 5000")
for thread in gdb.selected_inferior().threads():
    thread.switch()
    frame, pcs = gdb.newest_frame(), []
    while frame:
        if frame.type() not in (gdb.INLINE_FRAME, gdb.TAILCALL_FRAME):
            pcs.append("%#x" % (frame.pc() & (1 << 64) - 1))
        frame = frame.older()
    print("frames", max(thread.ptid[1:]), *pcs)
