# SPDX-License-Identifier: MIT
"""
Compares crit with the reference tool, whose library is imported here and whose
command line is run: python3 crit.py THEIR_CRIT DIR, where DIR holds the
unpacked checkpoints of tests/data/fixtures.

The package is older than our schema (3.17 in Debian 12). What it can say of an
image is right if it can bring the image back: that is how images are chosen. Of
the others, what it makes of them is an image of its own, with the fields that
it knows. To these real images come generated ones: every message type that it
knows, fields at random.

Intended differences:
    names         tables of names as CRIU 4.3 has them are put into the older
                  tool; a field whose name changed is in RENAMED
    info          3.17 dies in every case (struct.error at the end of the file);
                  4.2 takes payloads for sizes. Compared is the number of
                  entries that it decodes, less a pagemap's head
"""
import contextlib
import glob
import io
import json
import os
import random
import shutil
import subprocess
import sys

import pycriu.cli
from google.protobuf.descriptor import FieldDescriptor as FD
from pycriu.images import images, opts_pb2, pb2dict

THEIR, WORK = sys.argv[1:]

failed = 0


def result(good, name, *details):
    global failed
    print(f"{'ok' if good else 'not ok'} {name}")
    if not good:
        failed = 1
        for detail in details[:10]:
            print(f"# {detail[:600]}")


# ---- the tables of names as CRIU 4.3 has them ------------------------------

def add_names(table, rows):
    known = dict(table)
    table.extend(row for row in rows if row[0] not in known)
    table.sort(key=lambda row: row[1])


add_names(pb2dict.mmap_flags_map, [("MAP_DROPPABLE", 8)])
add_names(pb2dict.mmap_status_map, [
    ("VMA_AREA_MEMFD", 1 << 14), ("VMA_AREA_SHSTK", 1 << 15),
    ("VMA_AREA_UPROBES", 1 << 17), ("VMA_AREA_NOT_ACCOUNTABLE", 1 << 18)])
add_names(pb2dict.pmap_flags_map, [("PE_PAYLOAD_ALIGNED", 8)])
pb2dict.gen_maps["task_state"] = {
    1: "Alive", 2: "Dead", 3: "Stopped", 6: "Zombie"}
pb2dict.gen_rmaps["task_state"] = {
    v: k for k, v in pb2dict.gen_maps["task_state"].items()}

# Fields renamed since 3.17 (CRIU 4.2: the old field stays, under a new name).
RENAMED = {"nr_pages": "compat_nr_pages"}


# ---- theirs ----------------------------------------------------------------

def load(image, pretty=False, nopl=False):
    return images.load(io.BytesIO(image), pretty, nopl)


def dump(document):
    out = io.BytesIO()
    images.dump(document, out)
    return out.getvalue()


def rename(text):
    for old, new in RENAMED.items():
        text = text.replace(f'"{old}": ', f'"{new}": ')
    return text


def rename_back(text):
    for old, new in RENAMED.items():
        text = text.replace(f'"{new}": ', f'"{old}": ')
    return text


def text(image, pretty):
    return rename(json.dumps(load(image, pretty), indent=4 if pretty else None))


def restored(image):
    """What their decoding says, as an image; None if they cannot."""
    with contextlib.suppress(Exception):
        return dump(load(image))
    return None


def real_images():
    """Images of the checkpoints by name: as they are, or what they know of it."""
    found = {}
    whole = 0
    for path in sorted(glob.glob(f"{WORK}/*/images/*/*")):
        image = open(path, "rb").read()
        name = path[len(WORK) + 1:].replace("/images/", ".").replace("/", ".")
        again = restored(image)
        if again == image:
            whole += 1
            found[name] = image
        elif again and restored(again) == again:
            found[f"{name}.part"] = again
    return found, whole


# ---- generated images ------------------------------------------------------

rng = random.Random(1)
EDGES = [0, 1, 2, 3, 7, 0x7f, 0x80, 0xff, 0x100, 0x3fff, 0x4000, 0xfffff,
         2**31 - 1, 2**31, 2**32 - 1, 2**32, 2**53 + 1, 2**63 - 1, 2**63,
         2**64 - 1]
RANGES = {
    FD.TYPE_UINT32: (0, 2**32 - 1), FD.TYPE_FIXED32: (0, 2**32 - 1),
    FD.TYPE_UINT64: (0, 2**64 - 1), FD.TYPE_FIXED64: (0, 2**64 - 1),
    FD.TYPE_INT32: (-2**31, 2**31 - 1), FD.TYPE_SINT32: (-2**31, 2**31 - 1),
    FD.TYPE_SFIXED32: (-2**31, 2**31 - 1),
    FD.TYPE_INT64: (-2**63, 2**63 - 1), FD.TYPE_SINT64: (-2**63, 2**63 - 1),
    FD.TYPE_SFIXED64: (-2**63, 2**63 - 1),
}
ALPHABET = [chr(c) for c in range(0x20, 0x7f)] * 3 + [
    chr(c) for c in range(0x20)] + list('\x7f\x80éß€字\ud7ff\ue000\uffff😀\U0010ffff"\\/<>&')


def some_integer(low, high):
    kind = rng.randrange(3)
    if kind == 0:
        value = rng.choice(EDGES) * rng.choice((1, -1))
    elif kind == 1:
        value = rng.randrange(0, 300)
    else:
        value = rng.getrandbits(rng.randrange(1, 65)) * rng.choice((1, -1))
    return value if low <= value <= high else rng.randint(low, high)


def some_bytes(field):
    """Bytes; of a name, only such as their own encoding brings back."""
    while True:
        size = rng.choice((0, 1, 2, 3, 19, 57, 58, 108, rng.randrange(200)))
        if field.GetOptions().Extensions[opts_pb2.criu].conv:
            value = bytes(rng.choice(b"\0=/abc \t\n\xff.~") for _ in range(size))
            if pb2dict.decode_unix(pb2dict.encode_unix(value)) != value:
                continue
            return value
        return rng.randbytes(size)


def some_value(field):
    if field.type in RANGES:
        return some_integer(*RANGES[field.type])
    if field.type == FD.TYPE_BOOL:
        return rng.choice((False, True))
    if field.type == FD.TYPE_ENUM:
        return rng.choice(field.enum_type.values).number
    if field.type == FD.TYPE_STRING:
        return "".join(rng.choices(ALPHABET, k=rng.randrange(40)))
    return some_bytes(field)


def fill(message, depth=0):
    for field in message.DESCRIPTOR.fields:
        options = field.GetOptions().Extensions[opts_pb2.criu]
        if field.label == FD.LABEL_REPEATED:
            nr = rng.choice((0, 1, 1, 2, 3, 20)) if depth < 3 else rng.randrange(2)
            if options.ipadd:
                nr = rng.choice((1, 4))
            for _ in range(nr):
                values = getattr(message, field.name)
                if field.type == FD.TYPE_MESSAGE:
                    fill(values.add(), depth + 1)
                else:
                    values.append(some_value(field))
        elif field.label == FD.LABEL_REQUIRED or rng.random() < 0.6:
            if field.type == FD.TYPE_MESSAGE:
                if field.label != FD.LABEL_REQUIRED and depth > 5:
                    continue
                getattr(message, field.name).SetInParent()
                fill(getattr(message, field.name), depth + 1)
            else:
                setattr(message, field.name, some_value(field))
    return message


PAYLOADS = {  # by magic: the length's field, and how much at most
    "PIPES_DATA": ("bytes",), "FIFO_DATA": ("bytes",), "SK_QUEUES": ("length",),
    "TCP_STREAM": ("inq_len", "outq_len"), "IPCNS_SEM": ("nsems",),
    "IPCNS_MSG": ("qnum",),
}


def some_payload(magic, message):
    """Gives the message lengths, and returns the payload as JSON has it."""
    sizes = [rng.randrange(0, 200) for _ in PAYLOADS[magic]]
    for name, size in zip(PAYLOADS[magic], sizes):
        setattr(message, name, size)
    data = [pb2dict.encode_base64(rng.randbytes(size)) for size in sizes]
    if magic == "TCP_STREAM":
        return {"inq": data[0], "outq": data[1]}
    if magic == "IPCNS_SEM":
        return [rng.randrange(0x10000) for _ in range(sizes[0])]
    if magic == "IPCNS_MSG":
        extra = []
        for _ in range(sizes[0]):
            size = rng.randrange(1, 100)
            extra.append({"mtype": rng.randrange(1, 2**32), "msize": size})
            extra.append(pb2dict.encode_base64(rng.randbytes(size)))
        return extra
    return data[0]


def generated_images(rounds):
    found = {}
    for magic, handler in sorted(images.handlers.items()):
        # MEMFD_FILE has no magic, PAGEMAP and GHOST_FILE are not one message,
        # and the payloads of the two others are what 3.17 cannot encode.
        if magic in ("MEMFD_FILE", "PAGEMAP", "GHOST_FILE", "IPCNS_SHM",
                     "BPFMAP_DATA"):
            continue
        for i in range(rounds):
            entries = []
            for _ in range(rng.choice((0, 1, 2, 5))):
                message = fill(handler.payload())
                extra = magic in PAYLOADS and some_payload(magic, message)
                entry = pb2dict.pb2dict(message)
                if extra is not False:
                    entry["extra"] = extra
                entries.append(entry)
            image = dump({"magic": magic, "entries": entries})
            assert restored(image) == image, magic
            found[f"{magic}.{i}.generated"] = image
    return found


# ---- comparing -------------------------------------------------------------

def ours(*args, **how):
    return subprocess.run(("crit",) + args, check=False, capture_output=True, **how)


def read(name):
    """A file that a conversion made; empty if it made none."""
    try:
        with open(f"{WORK}/{name}", "rb") as file:
            return file.read()
    except FileNotFoundError:
        return b""


def show_difference(name, want, have):
    at = next((i for i, (a, b) in enumerate(zip(want, have)) if a != b),
              min(len(want), len(have)))
    at = max(at - 100, 0)
    return f"{name}: theirs {want[at:at + 200]!r} ours {have[at:at + 200]!r}"


def compare_directory(title, found, pretty, *options):
    """Ours, all at once: decode, and back from theirs and from ours."""
    for folder in ("in", "json", "theirs", "back", "back2"):
        shutil.rmtree(f"{WORK}/{folder}", ignore_errors=True)
    os.mkdir(f"{WORK}/in")
    os.mkdir(f"{WORK}/theirs")
    for name, image in found.items():
        open(f"{WORK}/in/{name}", "wb").write(image)
        open(f"{WORK}/theirs/{name}.json", "w").write(text(image, pretty))
    for verb, source, target, more in (
            ("decode", "in", "json", options), ("encode", "json", "back", ()),
            ("encode", "theirs", "back2", ())):
        done = ours(verb, f"{WORK}/{source}", "-o", f"{WORK}/{target}", *more)
        result(done.returncode == 0, f"{title}: {verb} {source}",
               done.stderr.decode())
    wrong, back, back2, their_back = [], [], [], []
    for name, image in found.items():
        want = text(image, pretty)
        have = read(f"json/{name}.json").decode()
        if want != have:
            wrong.append(show_difference(name, want, have))
        if read(f"back/{name}") != image:
            back.append(name)
        if read(f"back2/{name}") != image:
            back2.append(name)
        if not have or dump(json.loads(rename_back(have))) != image:
            their_back.append(name)
    result(not wrong, f"{title}: the same JSON", f"{len(wrong)} are not", *wrong)
    result(not back, f"{title}: our encode of our JSON", *back)
    result(not back2, f"{title}: our encode of their JSON", *back2)
    result(not their_back, f"{title}: their encode of our JSON", *their_back)


def their_main(*args):
    """Their command line, in this process."""
    out, sys.argv = io.StringIO(), ["crit", *args]
    with contextlib.redirect_stdout(out):
        pycriu.cli.main()
    return out.getvalue()


def compare_commands(found):
    """Standard output of every verb, file by file."""
    different = {"decode": [], "decode --pretty": [], "show": [],
                 "show --nopl": [], "info": []}
    for name, image in found.items():
        path = f"{WORK}/in/{name}"
        open(path, "wb").write(image)
        for command, wrong in different.items():
            words = command.split()
            if words[0] == "decode":
                words.append("-i")
            have = ours(*words, path).stdout.decode()
            if command == "info":
                document = load(image)
                nr = len(document["entries"]) - (document["magic"] == "PAGEMAP")
                want = json.dumps({"magic": document["magic"], "count": nr},
                                  indent=4) + "\n"
            else:
                want = rename(their_main(*words, path))
            if want != have:
                wrong.append(show_difference(name, want, have))
    for command, wrong in different.items():
        result(not wrong, f"{command} prints the same of {len(found)} images",
               f"{len(wrong)} are not", *wrong)


def compare_programs(path):
    """The installed program itself: pipes, files, newlines."""
    image = open(path, "rb").read()
    json_path, out_path = f"{WORK}/program.json", f"{WORK}/program.img"
    for options in ([], ["--pretty"]):
        title = " ".join(["decode", *options, os.path.basename(path)])
        outputs = []
        for program in ("crit", THEIR):
            piped = subprocess.run([program, "decode", *options], input=image,
                                   check=True, capture_output=True).stdout
            subprocess.run([program, "decode", "-i", path, "-o", json_path,
                            *options], check=True)
            outputs.append((piped, open(json_path, "rb").read()))
        result(outputs[0] == outputs[1], title)
        outputs = []
        for program in ("crit", THEIR):
            piped = subprocess.run([program, "encode"], check=True,
                                   stdin=open(json_path, "rb"),
                                   capture_output=True).stdout
            subprocess.run([program, "encode", "--in", json_path, "--out",
                            out_path], check=True)
            outputs.append((piped, open(out_path, "rb").read()))
        result(outputs[0] == outputs[1] == (image, image),
               title.replace("decode", "encode"))


def compare_escapes():
    """What README.md says that the reference tool makes of our escapes."""
    def given(magic, entry, **top):
        return {"magic": magic, **top, "entries": [entry]}

    tree = {"pid": 1, "ppid": 0, "pgid": 1, "sid": 1, "threads": [1]}
    plain = dump(given("PSTREE", dict(tree)))
    for name, value in (("@unknown", [{"field": 9, "varint": 7}]),
                        ("@missing", ["uid"]), ("@packed:threads", True),
                        ("@unpacked:threads", True), ("@wire", "CAI=\n"),
                        ("@padding", "/w==\n")):
        result(dump(given("PSTREE", {**tree, name: value})) == plain,
               f"{name} is ignored")
    result(dump(given("PSTREE", dict(tree), **{"@header": "own"})) == plain,
           "@header is ignored")

    def refused(magic, entry):
        try:
            dump(given(magic, entry))
        except Exception:  # several kinds
            return True
        return False

    result(refused("PSTREE", {"pid": 1, "@missing": ["ppid", "pgid", "sid"]}),
           "required fields that are missing are refused")
    result(refused("FDINFO", {"id": 1, "flags": 0, "type": 99, "fd": 0}),
           "the number of an enum is refused")
    name = {"@qp": "caf=E9"}
    result(refused("UNIXSK", {"name": name}), "@qp is refused as a socket's name")
    taken = load(dump(given("UTSNS", {"nodename": name, "domainname": ""})))
    result(taken["entries"][0]["nodename"] == str(name), "@qp is taken for text")


def main():
    dotted = ["--dotted"] if sys.version_info >= (3, 13) else []
    real, whole = real_images()
    generated = generated_images(12)
    counts = (f"{whole} real images, {len(real) - whole} in the part that "
              f"it knows, {len(generated)} generated")
    print(f"# note: compared with {THEIR}: {counts}")
    result(whole >= 410 and len(real) >= 579 and len(generated) >= 732,
           "as many images as there were", counts)
    compare_directory("real", real, False)
    compare_directory("real, pretty", real, True, "--pretty", *dotted)
    compare_directory("generated", generated, False)
    compare_directory("generated, pretty", generated, True, "--pretty", *dotted)
    compare_commands({n: i for n, i in real.items() if n.startswith("x86_64")})
    compare_escapes()
    for name in ("small/pstree.img", "pipes/pipes-data.img", "unix/files.img"):
        compare_programs(f"{WORK}/x86_64/images/{name}")


main()
sys.exit(failed)
