// SPDX-License-Identifier: MIT
/*
 * x86_64. Facts: Linux v6.12 arch/x86/kernel/ptrace.c, arch/x86/kernel/fpu; Intel
 * SDM volume 1, 13 (XSAVE); CRIU criu/arch/x86/crtools.c, v4.2.
 */
#include "restore/arch/arch.h"

#include <cpuid.h>
#include <elf.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "restore/tracee.h"

/* ---- calls ---- */

static void prepare(struct user_regs_struct *regs, uint64_t ip, long nr,
		    const uint64_t args[6])
{
	regs->rip = ip;
	regs->rax = (uint64_t)nr;
	regs->orig_rax = UINT64_MAX; // restart nothing
	regs->rdi = args[0];
	regs->rsi = args[1];
	regs->rdx = args[2];
	regs->r10 = args[3];
	regs->r8 = args[4];
	regs->r9 = args[5];
	regs->eflags &= ~(1ull << 10); // DF
}

static int64_t result(const struct user_regs_struct *regs)
{
	return (int64_t)regs->rax;
}

// struct cr_call: a name, a number, six arguments.
extern const uint8_t cr_calls[], cr_calls_end[];

__asm__(".pushsection .rodata\n"
	"cr_calls:\n"
	"	mov	8(%rbx), %rax\n"
	"	test	%rax, %rax\n"
	"	js	1f\n"
	"	mov	16(%rbx), %rdi\n"
	"	mov	24(%rbx), %rsi\n"
	"	mov	32(%rbx), %rdx\n"
	"	mov	40(%rbx), %r10\n"
	"	mov	48(%rbx), %r8\n"
	"	mov	56(%rbx), %r9\n"
	"	syscall\n"
	"	cmp	$-4095, %rax\n"
	"	jae	1f\n"
	"	add	$64, %rbx\n"
	"	jmp	cr_calls\n"
	"1:	int3\n"
	"cr_calls_end:\n"
	".popsection\n");

static uint64_t ip(const CoreEntry *core)
{
	return core->thread_info->gpregs->ip;
}

// movabs $to, %rax; jmp *%rax: a register that is not for arguments.
static void jump(uint8_t *code, uint64_t to)
{
	static const uint8_t load[] = { 0x48, 0xb8 }, go[] = { 0xff, 0xe0 };
	memcpy(code, load, sizeof(load));
	memcpy(code + 2, &to, sizeof(to));
	memcpy(code + 10, go, sizeof(go));
}

static uint64_t clear_tid(const CoreEntry *core)
{
	return core->thread_info->clear_tid_addr;
}

/* ---- extended state ---- */

// Where the legacy area holds what, and where the header is.
#define FXSAVE_SIZE 512
#define ST_OFF	    32
#define XMM_OFF	    160
#define BV_OFF	    512
#define BEGIN	    576

// A component: its number in XCR0 and the field of user_x86_xsave_entry.
#define FIELD(member) \
	offsetof(UserX86XsaveEntry, n_##member), \
		offsetof(UserX86XsaveEntry, member)

static const struct component {
	unsigned nr;
	const char *name;
	size_t n_off, off; // of the count and the pointer
	size_t word;	   // size of an element
} components[] = {
	// clang-format off
	{ 2, "ymmh_space",   FIELD(ymmh_space),   4 },
	{ 3, "bndreg_state", FIELD(bndreg_state), 8 },
	{ 4, "bndcsr_state", FIELD(bndcsr_state), 8 },
	{ 5, "opmask_reg",   FIELD(opmask_reg),   8 },
	{ 6, "zmm_upper",    FIELD(zmm_upper),    8 },
	{ 7, "hi16_zmm",     FIELD(hi16_zmm),     8 },
	{ 9, "pkru",         FIELD(pkru),         4 },
	// clang-format on
};

#define NR_COMPONENTS (sizeof(components) / sizeof(components[0]))

static size_t field_size(const UserX86XsaveEntry *x, const struct component *c)
{
	size_t n;
	memcpy(&n, (const char *)x + c->n_off, sizeof(n));
	return n * c->word;
}

static const void *field_data(const UserX86XsaveEntry *x,
			      const struct component *c)
{
	const void *p;
	memcpy(&p, (const char *)x + c->off, sizeof(p));
	return p;
}

// Size and place of a component in the plain form; size 0: not here. PKRU is
// stored in 8 bytes and has 4.
static void place(unsigned nr, size_t *size_ret, size_t *off_ret)
{
	// In a virtual machine the instruction is slow.
	static struct {
		bool known;
		unsigned size, off;
	} parts[64];
	static unsigned most;
	unsigned c, d;
	if (!most)
		most = __get_cpuid_max(0, NULL);
	if (!parts[nr].known && most >= 0xd)
		__cpuid_count(0xd, nr, parts[nr].size, parts[nr].off, c, d);
	parts[nr].known = true;
	*size_ret = parts[nr].size;
	*off_ret = parts[nr].off;
}

static struct cr_error *check_component(const UserX86XsaveEntry *x,
					const struct component *c)
{
	size_t size, off, have = field_size(x, c);
	if (!(x->xstate_bv >> c->nr & 1))
		return NULL;
	place(c->nr, &size, &off);
	if (!size)
		return cr_error_new(CR_ERR_NOT_FOUND,
				    "%s: this processor has no such registers",
				    c->name);
	if (have > size || have + 8 < size)
		return cr_error_new(CR_ERR_NOT_FOUND,
				    "%s: %zu bytes, this processor has %zu",
				    c->name, have, size);
	return NULL;
}

#define KNOWN_BV 0x2ff

static struct cr_error *check_xsave(const UserX86XsaveEntry *x)
{
	if (x->xstate_bv & ~(uint64_t)KNOWN_BV)
		return cr_error_new(CR_ERR_UNSUPPORTED,
				    "xstate_bv 0x%llx has parts that are not "
				    "in the image",
				    (unsigned long long)x->xstate_bv);
	for (size_t i = 0; i < NR_COMPONENTS; i++) {
		struct cr_error *err = check_component(x, &components[i]);
		if (err)
			return err;
	}
	if (x->cet && x->cet->cet)
		return cr_error_new(CR_ERR_UNSUPPORTED,
				    "it has a shadow stack");
	return NULL;
}

static struct cr_error *plan(struct cr_rplan *p, struct cr_thread *thread)
{
	const ThreadInfoX86 *info = thread->core->thread_info;
	if (!info)
		return cr_error_new(CR_ERR_FORMAT, "no registers");
	if (info->gpregs->mode == USER_X86_REGS_MODE__COMPAT)
		return cr_error_new(CR_ERR_UNSUPPORTED, "it runs 32-bit code");
	const UserX86FpregsEntry *fp = info->fpregs;
	if (fp->n_st_space > 32 || fp->n_xmm_space > 64)
		return cr_error_new(CR_ERR_FORMAT,
				    "fpregs: %zu words of x87 and %zu of XMM "
				    "registers",
				    fp->n_st_space, fp->n_xmm_space);
	return fp->xsave ? check_xsave(fp->xsave) : NULL;
}

static const char *part(const struct cr_rplan *p, const struct cr_thread *thread,
			size_t i, bool *has_ret)
{
	static const char *const always[] = { "general", "fs_base", "gs_base",
					      "x87", "xmm" };
	const size_t nr = sizeof(always) / sizeof(always[0]);
	const ThreadInfoX86 *info = thread->core->thread_info;
	const UserX86XsaveEntry *x = info ? info->fpregs->xsave : NULL;
	*has_ret = info;
	if (i < nr)
		return always[i];
	if (i - nr >= NR_COMPONENTS)
		return NULL;
	*has_ret = x && x->xstate_bv >> components[i - nr].nr & 1;
	return components[i - nr].name;
}

// System V ABI, x86-64 supplement: where compilers look; glibc
// sysdeps/x86_64/nptl/tls.h.
static bool secret(const struct cr_rplan *p, const struct cr_thread *leader,
		   size_t i, struct cr_native_secret *ret)
{
	static const struct {
		const char *what;
		uint64_t off;
	} secrets[] = { { "stack canary", 0x28 }, { "pointer guard", 0x30 } };
	const ThreadInfoX86 *info = leader->core->thread_info;
	if (i == sizeof(secrets) / sizeof(secrets[0]))
		return false;
	if (info && info->gpregs->fs_base) {
		ret->what = secrets[i].what;
		ret->vaddr = info->gpregs->fs_base + secrets[i].off;
	}
	return true;
}

static void put_legacy(uint8_t *area, const UserX86FpregsEntry *fp)
{
	uint16_t words[4] = { (uint16_t)fp->cwd, (uint16_t)fp->swd,
			      (uint16_t)fp->twd, (uint16_t)fp->fop };
	memcpy(area, words, sizeof(words));
	memcpy(area + 8, &fp->rip, 8);
	memcpy(area + 16, &fp->rdp, 8);
	memcpy(area + 24, &fp->mxcsr, 4);
	if (fp->n_st_space)
		memcpy(area + ST_OFF, fp->st_space, fp->n_st_space * 4);
	if (fp->n_xmm_space)
		memcpy(area + XMM_OFF, fp->xmm_space, fp->n_xmm_space * 4);
}

// Bytes 464 to 511 are the kernel's, and so is the mask of mxcsr.
static struct cr_error *put_xsave(uint8_t *area, size_t size,
				  const UserX86XsaveEntry *x)
{
	uint64_t bv = 3 | x->xstate_bv;
	memset(area + BV_OFF, 0, BEGIN - BV_OFF);
	memcpy(area + BV_OFF, &bv, sizeof(bv));
	for (size_t i = 0; i < NR_COMPONENTS; i++) {
		const struct component *c = &components[i];
		size_t part, off, have = field_size(x, c);
		if (!(bv >> c->nr & 1))
			continue;
		place(c->nr, &part, &off);
		if (off < BEGIN || off > size || part > size - off)
			return cr_error_new(CR_ERR_UNSUPPORTED,
					    "%s: the kernel does not save it",
					    c->name);
		memset(area + off, 0, part);
		memcpy(area + off, field_data(x, c), have);
	}
	return NULL;
}

#define AREA_MAX 65536

static struct cr_error *load_fp(struct cr_thread *thread)
{
	const UserX86FpregsEntry *fp = thread->core->thread_info->fpregs;
	cr_auto_free uint8_t *area = malloc(AREA_MAX);
	size_t size = fp->xsave ? AREA_MAX : FXSAVE_SIZE;
	unsigned set = fp->xsave ? NT_X86_XSTATE : NT_PRFPREG;
	if (!area)
		return cr_enomem;
	struct cr_error *err = cr_tracee_get(thread, set, area, &size);
	if (err)
		return err;
	put_legacy(area, fp);
	if (fp->xsave)
		err = put_xsave(area, size, fp->xsave);
	return err ?: cr_tracee_put(thread, set, area, size);
}

/* ---- general registers ---- */

static struct cr_error *load_general(struct cr_thread *thread)
{
	const UserX86RegsEntry *r = thread->core->thread_info->gpregs;
	struct user_regs_struct regs = {
		.r15 = r->r15,
		.r14 = r->r14,
		.r13 = r->r13,
		.r12 = r->r12,
		.rbp = r->bp,
		.rbx = r->bx,
		.r11 = r->r11,
		.r10 = r->r10,
		.r9 = r->r9,
		.r8 = r->r8,
		.rax = r->ax,
		.rcx = r->cx,
		.rdx = r->dx,
		.rsi = r->si,
		.rdi = r->di,
		.orig_rax = UINT64_MAX, // restart nothing
		.rip = r->ip,
		.cs = r->cs,
		.eflags = r->flags,
		.rsp = r->sp,
		.ss = r->ss,
		.fs_base = r->fs_base,
		.gs_base = r->gs_base,
		.ds = r->ds,
		.es = r->es,
		.fs = r->fs,
		.gs = r->gs,
	};
	return cr_tracee_put(thread, NT_PRSTATUS, &regs, sizeof(regs));
}

static struct cr_error *load(struct cr_restore *run, struct cr_thread *thread)
{
	struct cr_error *err = load_fp(thread);
	return err ?: load_general(thread);
}

const struct cr_native cr_native = {
	.name = "x86_64",
	.march = CORE_ENTRY__MARCH__X86_64,
	.call = { 0x0f, 0x05 },
	.call_size = 2,
	.jump_size = 12,
	.jump = jump,
	.ip = ip,
	.plan = plan,
	.part = part,
	.secret = secret,
	.prepare = prepare,
	.result = result,
	.calls = { cr_calls, cr_calls_end,
		   offsetof(struct user_regs_struct, rbx) },
	.clear_tid = clear_tid,
	.load = load,
};
