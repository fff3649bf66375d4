# SPDX-License-Identifier: MIT
"""Changes the vdso of a checkpoint, as another kernel would have it.

vdso.py IMAGES SIZE move|rename: the vdso of SIZE bytes in IMAGES/pages-1.img; the
symbol __vdso_time goes to another place, or gets another name.
"""
import struct
import sys


def main(images, size, what):
    path = images + "/pages-1.img"
    data = bytearray(open(path, "rb").read())
    at = data.find(b"\x7fELF\x02")
    while b"__vdso_time\0" not in data[at : at + int(size)]:
        at = data.find(b"\x7fELF\x02", at + 1)
        assert at >= 0, "no vdso"
    elf = memoryview(data)[at : at + int(size)]
    off, = struct.unpack_from("<Q", elf, 40)
    n, = struct.unpack_from("<H", elf, 60)
    sections = [struct.unpack_from("<IIQQQQIIQQ", elf, off + 64 * i) for i in range(n)]
    table = next(s for s in sections if s[1] == 11)
    names = sections[table[6]][4]
    for i in range(table[5] // 24):
        symbol = table[4] + 24 * i
        name, = struct.unpack_from("<I", elf, symbol)
        if bytes(elf[names + name :][:12]) != b"__vdso_time\0":
            continue
        value, = struct.unpack_from("<Q", elf, symbol + 8)
        if what == "move":
            struct.pack_into("<Q", elf, symbol + 8, value - 16)
        else:
            elf[names + name + 7] ^= 1
    # And another build-id.
    note = bytes(elf).find(b"\x04\0\0\0\x14\0\0\0\x03\0\0\0GNU\0")
    elf[note + 16] ^= 1
    del elf
    open(path, "wb").write(data)


main(*sys.argv[1:])
