# SPDX-License-Identifier: MIT
"""
Compares text encodings with Python's own library. Each test puts thousands of
values into one image, by way of our encode, and looks at what decode makes of
them. The values are the same in every run.
"""
import base64
import json
import quopri
import random
import subprocess
import sys

rng = random.Random(2)
failed = 0


def result(good, name, *details):
    global failed
    print(f"{'ok' if good else 'not ok'} {name}")
    if not good:
        failed = 1
        for detail in details[:5]:
            print(f"# {str(detail)[:600]}")


def crit(verb, data, *options):
    done = subprocess.run(["crit", verb, *options], input=data,
                          capture_output=True, check=False)
    if done.returncode:
        result(False, f"crit {verb}", done.stderr.decode())
        sys.exit(failed)
    return done.stdout


def image_of(magic, entries):
    return crit("encode", json.dumps({"magic": magic, "entries": entries}).encode())


def document(magic, entries, **style):
    text = json.dumps({"magic": magic, "entries": entries}, **style)
    return text.encode() + b"\n"


def different(want, have):
    """Which entries of two lists differ."""
    if len(want) != len(have):
        return [f"{len(want)} entries, {len(have)} came back"]
    return [f"want {w!r} have {h!r}" for w, h in zip(want, have) if w != h]


# ---- names of unix sockets: quopri.encodestring ----------------------------

FOWN = {"uid": 0, "euid": 0, "signum": 0, "pid_type": 0, "pid": 0}
OPTS = {"so_sndbuf": 1, "so_rcvbuf": 1, "so_snd_tmo_sec": 0,
        "so_snd_tmo_usec": 0, "so_rcv_tmo_sec": 0, "so_rcv_tmo_usec": 0}
SOCKET = {"id": 1, "ino": 2, "type": 1, "state": 7, "flags": 0, "uflags": 0,
          "backlog": 0, "peer": 0, "fown": FOWN, "opts": OPTS}


def some_name():
    kind = rng.randrange(6)
    size = rng.choice((0, 1, 2, 3, 70, 73, 74, 75, 76, 77, 78, 108,
                       rng.randrange(300)))
    if kind == 0:
        return rng.randbytes(size)
    if kind == 1:  # printable: where lines are folded
        return bytes(rng.randrange(0x21, 0x7f) for _ in range(size))
    if kind == 2:  # blanks and line ends
        return bytes(rng.choice(b" \t\na=") for _ in range(size))
    if kind == 3:  # every kind of line end
        return bytes(rng.choice(b" \t\r\nab.=\xff") for _ in range(size))
    if kind == 4:  # abstract, as they are in practice
        return b"\0" + b"/tmp/.X11-unix/X%d" % rng.randrange(100)
    return bytes(rng.choice(b"ab\xe9=.") for _ in range(size))


def test_names():
    names = [some_name() for _ in range(5000)]
    names += [bytes([c]) for c in range(256)]
    names += [b"a" * n + bytes([c]) for c in b"\n .=\xff\t\r" for n in range(70, 80)]
    entries = [{**SOCKET, "name": {"@qp": "".join("=%02X" % c for c in name)}}
               for name in names]
    image = image_of("UNIXSK", entries)
    decoded = crit("decode", image)
    have = [entry["name"] for entry in json.loads(decoded)["entries"]]

    want = []
    for name in names:
        text = quopri.encodestring(name)
        plain = quopri.decodestring(text) == name
        want.append(text.decode() if plain else None)
    kept = sum(text is not None for text in want)
    wrong = different([w for w in want if w is not None],
                      [h for w, h in zip(want, have) if w is not None])
    result(not wrong and kept > 4000,
           f"{kept} names are written as quopri does", kept, *wrong)

    # A name that quopri loses is an escape; that one has no line ends.
    wrong = [(n, h) for n, w, h in zip(names, want, have) if w is None and not (
        isinstance(h, dict) and list(h) == ["@qp"] and
        quopri.decodestring(h["@qp"]) == n)]
    result(not wrong and kept < len(names),
           f"{len(names) - kept} names that quopri loses are escaped", *wrong)
    result(crit("encode", decoded) == image, "names come back")
    result(crit("encode", crit("decode", image, "--dialect", "go")) == image,
           "names come back, go dialect")

    entries = [{**SOCKET, "name": quopri.encodestring(n).decode()} for n in names]
    lower = [{**SOCKET, "name": "".join("=%02x" % c for c in n)} for n in names]
    want = [quopri.decodestring(quopri.encodestring(n)) for n in names]
    for title, spelt, want in (("quopri's text", entries, want),
                               ("lower case", lower, names)):
        decoded = crit("decode", image_of("UNIXSK", spelt), "--dialect", "go")
        have = [base64.b64decode(e["name"]) for e in json.loads(decoded)["entries"]]
        wrong = different(want, have)
        result(not wrong, f"{len(want)} names are read from {title}", *wrong)


# ---- strings: json.dumps ---------------------------------------------------

def some_character():
    kind = rng.randrange(5)
    if kind == 0:
        return chr(rng.randrange(0x80))
    if kind == 1:
        return rng.choice('"\\/\b\f\n\r\t\x00\x1f\x7f<>&\'\u2028\u2029\ufeff')
    if kind == 2:
        return rng.choice("\x80\u07ff\u0800\ud7ff\ue000\ufffd\uffff"
                          "\U00010000\U0010ffff")
    if kind == 3:
        return chr(rng.randrange(0x10000, 0x110000))
    return chr(rng.choice((rng.randrange(0x80, 0xd800),
                           rng.randrange(0xe000, 0x10000))))


def some_text():
    size = rng.choice((0, 1, 2, 7, 8, 9, 15, 16, 17, 31, 32, 33, 64,
                       rng.randrange(200)))
    if rng.randrange(2):
        text = [chr(rng.randrange(0x20, 0x7f)) for _ in range(size)]
        if size:
            text[rng.randrange(size)] = some_character()
        return "".join(text)
    return "".join(some_character() for _ in range(size))


def test_strings():
    texts = [some_text() for _ in range(5000)]
    texts += [chr(c) for c in range(0x20)] + ["\x7f", "x" * 100000 + "\U0001f600"]
    entries = [{"nodename": text, "domainname": ""} for text in texts]
    image = image_of("UTSNS", entries)
    result(crit("decode", image) == document("UTSNS", entries),
           f"{len(texts)} strings are written as json.dumps does")
    result(crit("decode", image, "--pretty") ==
           document("UTSNS", entries, indent=4), "the same, pretty")

    raw = document("UTSNS", entries, ensure_ascii=False)
    result(crit("encode", raw) == image, "strings are read as UTF-8")
    units = [json.dumps(text.encode("utf-16-be").hex(" ", 2)).strip('"').split()
             for text in texts]
    escaped = "".join(
        '%s{"nodename":"%s","domainname":""}' %
        ("," if i else "", "".join("\\u" + u.upper() for u in unit))
        for i, unit in enumerate(units))
    result(crit("encode", b'{"magic":"UTSNS","entries":[%s]}' % escaped.encode())
           == image, "strings are read as \\u escapes")

    # The Go dialect: encoding/json, which escapes < > & and two line ends.
    want = json.dumps({"magic": "UTSNS", "entries": entries}, ensure_ascii=False,
                      separators=(",", ":"))
    for c in "<>&\u2028\u2029":
        want = want.replace(c, "\\u%04x" % ord(c))
    result(crit("decode", image, "--dialect", "go").decode().rstrip("\n") == want,
           "strings of the go dialect")
    result(crit("encode", want.encode()) == image, "strings are read from go")


# ---- bytes: base64.encodebytes ---------------------------------------------

def test_bytes():
    sizes = list(range(201)) + [57 * n + d for n in (4, 287, 288, 1149)
                                for d in (-1, 0, 1)] + [65536, 1000003]
    data = [rng.randbytes(size) for size in sizes]
    entries = [{"tty_id": i, "data": base64.encodebytes(d).decode()}
               for i, d in enumerate(data)]
    image = image_of("TTY_DATA", entries)
    result(crit("decode", image) == document("TTY_DATA", entries),
           f"{len(sizes)} lengths of bytes are written as encodebytes does")
    flat = [{"tty_id": i, "data": base64.b64encode(d).decode()}
            for i, d in enumerate(data)]
    result(image_of("TTY_DATA", flat) == image, "bytes are read on one line")

    # The same as a payload.
    entries = [{"pipe_id": i, "bytes": len(d),
                "extra": base64.encodebytes(d).decode()}
               for i, d in enumerate(data)]
    image = image_of("PIPES_DATA", entries)
    result(crit("decode", image) == document("PIPES_DATA", entries),
           f"{len(sizes)} payloads")


test_names()
test_strings()
test_bytes()
sys.exit(failed)
