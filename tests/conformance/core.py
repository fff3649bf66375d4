# SPDX-License-Identifier: MIT
#
# What core.sh needs to know of registers, as commands:
#
#	list		the processors of `make`
#	make DIR NAME	JSON of a process with two threads and a number of its own
#			in each register, and DIR/want, what gdb has to say of it
#	expect DIR PID	what gdb has to say of a process of a checkpoint
#	many-mm NR	JSON of an mm image with NR mappings
#	cut-records CORE	ends the records of AArch64 signal frames after the first
#
# Inside gdb (-x, WANT names the file): prints a line "# ..." for each difference.
import base64
import json
import os
import struct
import subprocess
import sys

BASE = 0x10000
MM = ("start_code end_code start_data end_data start_stack start_brk brk "
      "arg_start arg_end env_start env_end").split()


def value(thread, n, bits=64):
    """A number that no other register has."""
    v = 0x8102030000000000 | (thread + 1) << 32 | (0x5a000000 + n * 0x10101)
    return v & ((1 << bits) - 1)


class Regs:
    """Hands out numbers and remembers which register got them."""

    def __init__(self, thread):
        self.thread, self.n, self.want = thread, 0, {}

    def next(self, name=None, bits=64, fixed=None):
        self.n += 1
        v = fixed if fixed is not None else value(self.thread, self.n, bits)
        if name:
            self.want[name] = v
        return v

    def many(self, names, bits=64):
        return [self.next(n, bits) for n in names]

    def pairs(self, names, big=False):
        """Registers of 128 bits as two words in the order of memory."""
        out = []
        for name in names:
            a, b = self.next(), self.next()
            if name:
                self.want[name] = a << 64 | b if big else b << 64 | a
            out += [a, b]
        return out


def pc(r):
    return BASE + 0x100 + 0x10 * r.thread


def sp(r):
    return BASE + 0x800 + 0x100 * r.thread


def numbered(fmt, n, start=0):
    return [fmt % i for i in range(start, start + n)]


def x86(r, compat=False):
    e = "e" if compat else "r"
    bits = 32 if compat else 64
    g = {}
    for name in ("r15", "r14", "r13", "r12", "bp", "bx", "r11", "r10", "r9",
                 "r8", "ax", "cx", "dx", "si", "di"):
        if name[-1].isdigit():
            g[name] = 0 if compat else r.next(name)
        else:
            g[name] = r.next(e + name, bits)
    g["orig_ax"] = r.next("orig_" + e + "ax", bits)
    g.update(ip=pc(r), sp=sp(r), flags=0x246)
    r.want.update({e + "ip": pc(r), e + "sp": sp(r), "eflags": 0x246})
    for seg, v in (("cs", 0x33), ("ss", 0x2b), ("ds", 1), ("es", 2),
                   ("fs", 3), ("gs", 4)):
        g[seg] = r.next(seg, fixed=v)
    g["fs_base"] = r.next(None if compat else "fs_base")
    g["gs_base"] = r.next(None if compat else "gs_base")
    if compat:
        g["mode"] = "COMPAT"
    nr = 8 if compat else 16
    st = []
    for i in range(8):
        low, high = r.next(bits=32), 0x80000000 | r.next(bits=31)
        st += [low, high, 0x3fff + i, 0]
        r.want["st%d" % i] = (0x3fff + i) << 64 | high << 32 | low
    lane = [[r.next(bits=32) for _ in range(4)] for _ in range(16)]
    ymmh = [[r.next(bits=32) for _ in range(4)] for _ in range(16)]
    zmmh = [[r.next() for _ in range(4)] for _ in range(16)]
    hi16 = [[r.next() for _ in range(8)] for _ in range(16)]

    def whole(words, bits=32):
        return sum(w << bits * i for i, w in enumerate(words))

    for i in range(nr):
        r.want["xmm%d.uint128" % i] = whole(lane[i])
        r.want["ymm%d.v2_int128[1]" % i] = whole(ymmh[i])
        r.want["zmm%d.v8_int64[7]" % i] = zmmh[i][3]
    if not compat:
        for i in range(16):
            r.want["zmm%d.v8_int64[6]" % (16 + i)] = hi16[i][6]
    k = [r.next("k%d" % i) for i in range(8)]
    pkru = r.next("pkru", 32)
    f = {"cwd": r.next("fctrl", fixed=0x37f), "swd": r.next("fstat", fixed=0),
         "twd": 255, "fop": r.next("fop", fixed=0x123), "rip": 5, "rdp": 6,
         "mxcsr": r.next("mxcsr", fixed=0x1fa0), "mxcsr_mask": 65535,
         "st_space": st, "xmm_space": sum(lane, []),
         "padding": [],
         "xsave": {"xstate_bv": 0x2e7, "ymmh_space": sum(ymmh, []),
                   "opmask_reg": k, "zmm_upper": sum(zmmh, []),
                   "hi16_zmm": sum(hi16, []), "pkru": [pkru, 0]}}
    return {"thread_info": {"clear_tid_addr": 0, "gpregs": g, "fpregs": f}}


def i386(r):
    return x86(r, True)


def aarch64(r):
    regs = r.many(numbered("x%d", 31))
    r.want.update(pc=pc(r), sp=sp(r))
    return {"ti_aarch64": {
        "clear_tid_addr": 0, "tls": r.next("tpidr"),
        "gpregs": {"regs": regs, "sp": sp(r), "pc": pc(r),
                   "pstate": r.next("cpsr", fixed=0x80001000)},
        "fpsimd": {"vregs": r.pairs(numbered("q%d.u", 32)),
                   "fpsr": r.next("fpsr", 32), "fpcr": r.next("fpcr", 32)},
        "pac_keys": {"pac_address_keys": {
            **{"ap%skey_%s" % (k, h): r.next()
               for k in ("ia", "ib", "da", "db") for h in ("lo", "hi")},
            "pac_enabled_key": 15}}}}


def arm(r):
    g = {"r%d" % i: r.next("r%d" % i, 32) for i in range(11)}
    g["fp"], g["ip"] = r.next("r11", 32), r.next("r12", 32)
    g.update(sp=sp(r), lr=r.next("lr", 32), pc=pc(r),
             cpsr=r.next("cpsr", fixed=0x60000010), orig_r0=r.next(bits=32))
    r.want.update(pc=pc(r), sp=sp(r))
    return {"ti_arm": {
        "clear_tid_addr": 0, "tls": 7, "gpregs": g,
        "fpstate": {"vfp_regs": r.many(numbered("d%d", 32)),
                    "fpscr": r.next("fpscr", 32), "fpexc": 0, "fpinst": 0,
                    "fpinst2": 0}}}


def ppc64(r, big=False):
    gpr = r.many(numbered("r%d", 32))
    gpr[1] = r.want["r1"] = sp(r)
    r.want["pc"] = pc(r)
    fp = r.many(numbered("f%d", 32))
    vr = r.pairs(numbered("vr%d.uint128", 32), big)
    # VSCR is the last or the first word, as the byte order is.
    vscr = r.next("vscr", 32)
    vsx = [r.next() for _ in range(32)]
    for i in range(32):
        r.want["vs%d.uint128" % i] = fp[i] << 64 | vsx[i]
    return {"ti_ppc64": {
        "clear_tid_addr": 0,
        "gpregs": {"gpr": gpr, "nip": pc(r), "msr": r.next("msr"),
                   "orig_gpr3": r.next("orig_r3"), "ctr": r.next("ctr"),
                   "link": r.next("lr"), "xer": r.next("xer", 32),
                   "ccr": r.next("cr", 32), "trap": r.next("trap")},
        "fpstate": {"fpregs": fp + [r.next("fpscr", 32)]},
        "vrstate": {"vrregs": vr + ([0, vscr] if big else [vscr, 0]),
                    "vrsave": r.next("vrsave", 32)},
        "vsxstate": {"vsxregs": vsx}}}


def ppc64be(r):
    return ppc64(r, True)


def s390x(r):
    r.want["pswa"] = pc(r)
    gprs = r.many(numbered("r%d", 16))
    gprs[15] = r.want["r15"] = sp(r)
    fprs = [r.next("f%d" % i) for i in range(16)]
    low = [r.next() for _ in range(16)]
    for i in range(16):
        r.want["v%d.uint128" % i] = fprs[i] << 64 | low[i]
    return {"ti_s390": {
        "clear_tid_addr": 0,
        "gpregs": {"psw_mask": r.next("pswm"), "psw_addr": pc(r),
                   "gprs": gprs, "acrs": r.many(numbered("acr%d", 16), 32),
                   "orig_gpr2": r.next("orig_r2"),
                   "system_call": r.next("system_call", 32)},
        "fpregs": {"fpc": r.next("fpc", 32), "fprs": fprs},
        "vxrs_low": {"regs": low},
        "vxrs_high": {"regs": r.pairs(numbered("v%d.uint128", 16, 16), True)}}}


def mips(r):
    g = {"r%d" % i: r.next("r%d" % i) for i in range(32)}
    g["r0"], g["r29"] = 0, sp(r)
    r.want.update(r0=0, r29=sp(r), pc=pc(r))
    g.update(lo=r.next("lo"), hi=r.next("hi"), cp0_epc=pc(r),
             cp0_badvaddr=r.next("bad"),
             cp0_status=r.next("sr", 31), cp0_cause=r.next("cause", 31))
    f = {"r%d" % i: r.next("f%d" % i) for i in range(32)}
    f.update(lo=0, hi=0, fpu_fcr31=r.next("fsr", fixed=0x1000),
             fpu_id=r.next("fir", fixed=0x739600))
    return {"ti_mips": {"clear_tid_addr": 0, "tls": 7, "gpregs": g,
                        "fpregs": f}}


def mipsbe(r):
    return mips(r)


def riscv64(r):
    g = {"pc": pc(r), "sp": sp(r)}
    r.want.update(pc=pc(r), sp=sp(r))
    for name in ("ra gp tp t0 t1 t2 s0 s1 a0 a1 a2 a3 a4 a5 a6 a7 s2 s3 s4 s5 "
                 "s6 s7 s8 s9 s10 s11 t3 t4 t5 t6").split():
        g[name] = r.next("fp" if name == "s0" else name)
    names = (numbered("ft%d", 8) + ["fs0", "fs1"] + numbered("fa%d", 8) +
             numbered("fs%d", 10, 2) + numbered("ft%d", 4, 8))
    f = [r.next(n + ".double") for n in names]
    return {"ti_riscv64": {"clear_tid_addr": 0, "tls": 0, "gpregs": g,
                           "fpsimd": {"f": f, "fcsr": r.next("fcsr", 8)}}}


def loongarch64(r):
    regs = r.many(numbered("r%d", 32))
    regs[0], regs[3] = 0, sp(r)
    r.want.update(r0=0, r3=sp(r), pc=pc(r))
    f = r.many(numbered("f%d.d", 32))
    fcc = [i & 1 for i in range(8)]
    r.want.update({"fcc%d" % i: fcc[i] for i in range(8)})
    return {"ti_loongarch64": {
        "clear_tid_addr": 0, "tls": 7, "gpregs": {"regs": regs, "pc": pc(r)},
        "fpregs": {"regs": f, "fcc": sum(v << 8 * i for i, v in
                                         enumerate(fcc)),
                   "fcsr": r.next("fcsr", 8)}}}


# name: registers, mtype, big endian, AT_HWCAP
ARCHES = {
    "x86_64": (x86, "X86_64", False, 0),
    "i386": (i386, "X86_64", False, 0),
    "aarch64": (aarch64, "AARCH64", False, 1 << 30 | 3),
    # VFPv3 with 32 registers, NEON
    "arm": (arm, "ARM", False, 1 << 6 | 1 << 12 | 1 << 13 | 1 << 19),
    # AltiVec, VSX, FPU, 64 bits
    "ppc64": (ppc64, "PPC64", False, 0xd8000080),
    "ppc64be": (ppc64be, "PPC64", True, 0xd8000080),
    "s390x": (s390x, "S390", True, 1 << 11),
    "mips": (mips, "MIPS", False, 0),
    "mipsbe": (mipsbe, "MIPS", True, 0),
    "riscv64": (riscv64, "RISCV64", False, 0x112d),
    "loongarch64": (loongarch64, "LOONGARCH64", False, 0),
}

# What is at BASE: of a vdso no more than what tells the byte order.
MEMORY = b"\x7fELF\x02"


def put(folder, name, magic, *entries):
    with open("%s/%s.json" % (folder, name), "w") as f:
        json.dump({"magic": magic, "entries": list(entries)}, f)


def make(folder, name):
    registers, mtype, big, hwcap = ARCHES[name]
    want = []
    for thread in range(2):
        r = Regs(thread)
        core = {"mtype": mtype, **registers(r), "thread_core": {
            "futex_rla": 0, "futex_rla_len": 0, "blk_sigset": 0}}
        if not thread:
            core["tc"] = {"task_state": 1, "exit_code": 0, "personality": 0,
                          "flags": 0, "blk_sigset": 0, "comm": "demo"}
        put(folder, "core-%d.img" % (thread + 1), "CORE", core)
        want.append({n: "%#x" % v for n, v in r.want.items()})
    put(folder, "pstree.img", "PSTREE", {
        "pid": 1, "ppid": 0, "pgid": 1, "sid": 1, "threads": [1, 2]})
    put(folder, "mm-1.img", "MM", {
        **{"mm_" + k: 0 for k in MM},
        "exe_file_id": 0,
        "mm_saved_auxv": [33, BASE, 6, 4096, 16, hwcap, 0, 0],
        "vmas": [{"start": BASE, "end": BASE + 4096, "pgoff": 0, "shmid": 0,
                  "prot": 5, "flags": 2, "status": 0x209, "fd": -1}]})
    put(folder, "pagemap-1.img", "PAGEMAP", {"pages_id": 1}, {
        "vaddr": BASE, "compat_nr_pages": 0, "nr_pages": 1, "flags": 4})
    with open(folder + "/pages-1.img", "wb") as f:
        f.write((MEMORY + (b"\2" if big else b"\1")).ljust(4096, b"."))
    with open(folder + "/want", "w") as f:
        json.dump({"regs": want}, f)


def crit(*args):
    return json.loads(subprocess.run(["crit", *args, "--json"], check=True,
                                     stdout=subprocess.PIPE).stdout)


# Registers whose name in the image is another one; None: gdb has none, or shows
# it otherwise.
X86 = {"ax": "rax", "bx": "rbx", "cx": "rcx", "dx": "rdx", "si": "rsi",
       "di": "rdi", "bp": "rbp", "sp": "rsp", "ip": "rip", "flags": "eflags",
       "orig_ax": "orig_rax", "mode": None}
AARCH64 = {"pstate": "cpsr"}


def expected(row):
    """What gdb calls a row of `crit x regs`."""
    name, where = row["reg"], row["set"]
    if where == "gpregs" and row["arch"] == "X86_64":
        return X86.get(name, name)
    if where == "gpregs":
        return AARCH64.get(name, name.replace("regs[", "x").rstrip("]"))
    return {"thread tls": "tpidr", "fpsimd fpsr": "fpsr",
            "fpsimd fpcr": "fpcr", "fpregs mxcsr": "mxcsr",
            "fpregs cwd": "fctrl"}.get(where + " " + name)


def expect(folder, pid):
    threads, vectors = {}, {}
    for row in crit("x", folder, "regs", "-p", pid):
        regs = threads.setdefault(row["tid"], {})
        name = expected(row)
        if name:
            regs[name] = row["value"]
        # Vectors come in words.
        for key, fmt, bits in (("vregs[", "q%d.u", 64),
                               ("xmm_space[", "xmm%d.uint128", 32),
                               ("ymmh_space[", "ymm%d.v2_int128[1]", 32)):
            if row["reg"].startswith(key):
                i, nr = int(row["reg"][len(key):-1]), 128 // bits
                reg = fmt % (i // nr)
                vectors.setdefault((row["tid"], reg), 0)
                vectors[row["tid"], reg] |= int(row["value"], 16) << (
                    bits * (i % nr))
    for (tid, name), v in vectors.items():
        threads[tid][name] = hex(v)
    leader = int(pid)
    tids = [leader] + [t for t in threads if t != leader]
    memory = []
    for maps in crit("mem", folder, "map", "-p", pid):
        for m in maps["maps"]:
            if m["saved"]:
                start, end = int(m["start"], 16), int(m["end"], 16)
                memory += [start, end - 4096]
    print(json.dumps({
        "regs": [threads[t] for t in tids], "tids": tids,
        "memory": [[a, d] for a in memory for d in [read(folder, pid, a)]
                   if d]}))


def read(folder, pid, address):
    run = subprocess.run(["crit", "mem", folder, "read", hex(address), "4096",
                          "-p", pid, "--raw"], stdout=subprocess.PIPE,
                         stderr=subprocess.DEVNULL)
    return base64.b64encode(run.stdout).decode() if not run.returncode else ""


def many_mm(nr):
    vmas = [{"start": BASE, "end": BASE + 4096}] + [
        {"start": a, "end": a + 4096} for a in
        range(0x100000000, 0x100000000 + (nr - 1) * 8192, 8192)]
    for v in vmas:
        v.update(pgoff=0, shmid=0, prot=3, flags=2, status=0x201, fd=-1)
    json.dump({"magic": "MM", "entries": [{
        **{"mm_" + k: 0 for k in MM}, "exe_file_id": 0, "vmas": vmas}]},
        sys.stdout)


def cut_records(core):
    """An FPSIMD record has 528 bytes; zeros end the list."""
    with open(core, "r+b") as f:
        data = f.read()
        at = data.find(struct.pack("<II", 0x46508001, 528))
        if at < 0:
            sys.exit(1)
        f.seek(at + 528)
        f.write(bytes(8))


def wrong_registers(thread, regs):
    import gdb
    thread.switch()
    for name, v in regs.items():
        try:
            got = gdb.execute("p/x $" + name, to_string=True)
            got = int(got.split("=")[1], 16)
        except (gdb.error, ValueError) as e:
            yield "%d: %s: %s" % (thread.num, name, e)
            continue
        if got != int(v, 16):
            yield "%d: %s is %#x, want %s" % (thread.num, name, got, v)


def wrong_memory(memory):
    import gdb
    for address, data in memory:
        try:
            got = gdb.selected_inferior().read_memory(address, 4096)
        except gdb.error as e:
            yield str(e)
            continue
        if bytes(got) != base64.b64decode(data):
            yield "memory at %#x is another" % address


def check():
    import gdb
    with open(os.environ["WANT"]) as f:
        want = json.load(f)
    threads = sorted(gdb.selected_inferior().threads(), key=lambda t: t.num)
    tids = [t.ptid[1] for t in threads]
    bad = []
    if tids != want.get("tids", tids) or len(tids) != len(want["regs"]):
        bad.append("threads are %s" % tids)
    compared = 0
    for thread, regs in zip(threads, want["regs"]):
        bad += wrong_registers(thread, regs)
        compared += len(regs)
    bad += wrong_memory(want.get("memory", []))
    compared += len(want.get("memory", []))
    for line in bad[:20]:
        print("# " + line)
    print("compared %d, %d wrong" % (compared, len(bad)))


COMMANDS = {
    "list": lambda: print(*ARCHES),
    "make": make,
    "expect": expect,
    "many-mm": lambda nr: many_mm(int(nr)),
    "cut-records": cut_records,
}

if len(sys.argv) > 1 and sys.argv[1] in COMMANDS:
    COMMANDS[sys.argv[1]](*sys.argv[2:])
else:
    check()
