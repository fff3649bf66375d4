// SPDX-License-Identifier: MIT
/*
 * AArch64. Facts: Linux v6.13 arch/arm64/kernel/{ptrace,signal,syscall}.c,
 * arch/arm64/include/uapi/asm/ptrace.h; CRIU criu/arch/aarch64/crtools.c, v4.3.
 *
 * The images hold FPSIMD registers and no SVE ones; loading the first zeroes what
 * SVE has above them. See vectors.c for their length.
 */
#include "restore/arch/aarch64/native.h"

#include <elf.h>
#include <stddef.h>
#include <string.h>
#include <sys/auxv.h>

#include "lib/arch/arch.h"
#include "restore/keys/keys.h"
#include "restore/tracee.h"

/* ---- calls ---- */

#define BTYPE  (UINT64_C(3) << 10) // an indirect branch has just been made
#define STEP   (UINT64_C(1) << 21)
#define MODE   UINT64_C(0x1f)	   // 0: 64 bits, user
#define SVC    { 0x01, 0x00, 0x00, 0xd4 } // svc #0
#define NOP    { 0x1f, 0x20, 0x03, 0xd5 }

static void prepare(struct user_regs_struct *regs, uint64_t ip, long nr,
		    const uint64_t args[6])
{
	regs->pc = ip;
	regs->pstate &= ~BTYPE;
	regs->regs[8] = (uint64_t)nr;
	for (int i = 0; i < 6; i++)
		regs->regs[i] = args[i];
}

static int64_t result(const struct user_regs_struct *regs)
{
	return (int64_t)regs->regs[0];
}

// struct cr_call: a name, a number, six arguments.
extern const uint8_t cr_calls[], cr_calls_end[];

__asm__(".pushsection .rodata\n"
	"cr_calls:\n"
	"	ldr	x8, [x19, #8]\n"
	"	tbnz	x8, #63, 1f\n"
	"	ldp	x0, x1, [x19, #16]\n"
	"	ldp	x2, x3, [x19, #32]\n"
	"	ldp	x4, x5, [x19, #48]\n"
	"	svc	#0\n"
	"	cmn	x0, #4095\n"
	"	b.hs	1f\n"
	"	add	x19, x19, #64\n"
	"	b	cr_calls\n"
	"1:	brk	#0\n"
	"cr_calls_end:\n"
	".popsection\n");

static uint64_t ip(const CoreEntry *core)
{
	return core->ti_aarch64->gpregs->pc;
}

// ldr x16, 1f; br x16; 1: a register that is for such jumps.
static void jump(uint8_t *code, uint64_t to)
{
	static const uint8_t go[] = { 0x50, 0x00, 0x00, 0x58,
				      0x00, 0x02, 0x1f, 0xd6 };
	memcpy(code, go, sizeof(go));
	memcpy(code + sizeof(go), &to, sizeof(to));
}

static uint64_t clear_tid(const CoreEntry *core)
{
	return core->ti_aarch64->clear_tid_addr;
}

/* ---- planning ---- */

static struct cr_error *check_registers(const ThreadInfoAarch64 *info)
{
	if (info->gpregs->n_regs != 31)
		return cr_error_new(CR_ERR_FORMAT, "gpregs: %zu registers",
				    info->gpregs->n_regs);
	if (info->fpsimd->n_vregs != 64)
		return cr_error_new(CR_ERR_FORMAT,
				    "fpsimd: %zu halves of registers",
				    info->fpsimd->n_vregs);
	if (info->gpregs->pstate & MODE)
		return cr_error_new(CR_ERR_UNSUPPORTED,
				    "pstate 0x%llx: it runs 32-bit code",
				    (unsigned long long)info->gpregs->pstate);
	return NULL;
}

// What the kernel tells programs of the processor, and those bits of it that say
// nothing of instructions, or that keys and shadow stacks have rules for.
static const struct {
	uint64_t type, others;
} caps[] = {
	// clang-format off
	{ AT_HWCAP,  UINT64_C(1) << 2 /* EVTSTRM */ | UINT64_C(1) << 11 /* CPUID */ |
		     UINT64_C(7) << 30 /* PACA, PACG, GCS */ },
	{ AT_HWCAP2, 0 },
	{ 29,        0 }, // AT_HWCAP3
	{ 30,        0 }, // AT_HWCAP4
	// clang-format on
};

// A program chooses its instructions by these, once.
static struct cr_error *check_caps(const MmEntry *mm)
{
	for (size_t i = 0; i + 1 < mm->n_mm_saved_auxv; i += 2) {
		for (size_t j = 0; j < sizeof(caps) / sizeof(caps[0]); j++) {
			uint64_t type = caps[j].type;
			if (mm->mm_saved_auxv[i] != type)
				continue;
			uint64_t lost = mm->mm_saved_auxv[i + 1] &
					~getauxval(type) & ~caps[j].others;
			if (lost)
				return cr_error_new(
					CR_ERR_NOT_FOUND,
					"this processor lacks what its program "
					"may use: AT_HWCAP%.0d bits 0x%llx "
					"(see --no-verify-cpu)",
					(int)j + !!j, (unsigned long long)lost);
		}
	}
	return NULL;
}

static struct cr_error *plan(struct cr_rplan *p, struct cr_thread *thread)
{
	const ThreadInfoAarch64 *info = thread->core->ti_aarch64;
	if (!info)
		return cr_error_new(CR_ERR_FORMAT, "no registers");
	struct cr_error *err = check_registers(info);
	if (!err)
		err = cr_gcs_plan(p, thread);
	if (!err)
		err = cr_pac_plan(p, thread);
	if (!err)
		err = cr_vectors_plan(thread);
	if (!err && thread == thread->proc->thread &&
	    !p->options->no_verify_cpu)
		err = check_caps(thread->proc->mm.entry);
	return err;
}

static const char *part(const struct cr_rplan *p, const struct cr_thread *thread,
			size_t i, bool *has_ret)
{
	const ThreadInfoAarch64 *info = thread->core->ti_aarch64;
	bool strips = p->keys && p->keys->row &&
		      p->keys->row->what == CR_KEYS_STRIP;
	const PacKeys *keys = info && !strips ? info->pac_keys : NULL;
	const struct {
		const char *name;
		bool has;
	} parts[] = {
		{ "general", info },
		{ "fpsimd", info },
		{ "tls", info },
		{ "address keys", keys && keys->pac_address_keys },
		{ "generic key", keys && keys->pac_generic_keys },
		{ "vector length", thread->vectors },
		{ "gcs", info && info->gcs && info->gcs->features_enabled },
	};
	if (i == sizeof(parts) / sizeof(parts[0]))
		return NULL;
	*has_ret = parts[i].has;
	return parts[i].name;
}

// The C library has canary and guard in variables of its own.
static bool secret(const struct cr_rplan *p, const struct cr_thread *leader,
		   size_t i, struct cr_native_secret *ret)
{
	static const char of_libc[] = "in the C library, made of AT_RANDOM";
	const ThreadInfoAarch64 *info = leader->core->ti_aarch64;
	const PacKeys *keys = info ? info->pac_keys : NULL;
	bool renews = cr_keys_renews(p);
	bool keeps = !renews || p->keys->result.keeps_generic;
	bool address = keys && keys->pac_address_keys && !renews;
	bool generic = keys && keys->pac_generic_keys && keeps;
	const struct cr_native_secret secrets[] = {
		{ "stack canary", NULL, 0, of_libc },
		{ "pointer guard", NULL, 0, of_libc },
		{ address ? "address keys" : NULL, "--keys=fresh", 0,
		  "of each thread" },
		{ generic ? "generic key" : NULL,
		  renews ? "--accept=generic" : "--keys=fresh", 0,
		  "of each thread" },
	};
	if (i == sizeof(secrets) / sizeof(secrets[0]))
		return false;
	*ret = secrets[i];
	return true;
}

/* ---- loading ---- */

struct cr_error *cr_load_set(struct cr_thread *thread, uint32_t type)
{
	uint8_t data[CR_ARCH_SET_MAX];
	const struct cr_arch *arch = &cr_arch_aarch64;
	struct cr_arch_task task = { .core = thread->core };
	const struct cr_arch_set *set = arch->sets;
	while (set->fill && set->type != type)
		set++;
	struct cr_regs to;
	cr_regs_init(&to, data, sizeof(data), false);
	if (!set->fill || !set->fill(&to, &task))
		return cr_error_new(CR_ERR_INTERNAL,
				    "register set 0x%x: nothing makes it",
				    (unsigned)type);
	struct cr_error *err = cr_tracee_put(thread, type, data, set->size);
	if (set->secret)
		explicit_bzero(data, sizeof(data));
	return err;
}

// The kernel shows whether it steps, and sets that itself.
static struct cr_error *see_step(struct cr_thread *thread,
				 struct user_regs_struct *regs)
{
	struct user_regs_struct is;
	size_t size = sizeof(is);
	struct cr_error *err = cr_tracee_get(thread, NT_PRSTATUS, &is, &size);
	if (!err)
		regs->pstate |= is.pstate & STEP;
	return err;
}

static struct cr_error *load_general(struct cr_restore *run,
				     struct cr_thread *thread)
{
	const UserAarch64RegsEntry *r = thread->core->ti_aarch64->gpregs;
	struct user_regs_struct regs = {
		.sp = r->sp,
		.pc = r->pc,
		.pstate = r->pstate & ~STEP,
	};
	int32_t no_call = -1; // restart nothing
	for (size_t i = 0; i < r->n_regs; i++)
		regs.regs[i] = r->regs[i];
	cr_keys_registers(run, thread, (uint64_t *)regs.regs, r->n_regs);
	struct cr_error *err = NULL;
	if (thread->comparing)
		err = see_step(thread, &regs);
	if (!err)
		err = cr_tracee_put(thread, NT_PRSTATUS, &regs, sizeof(regs));
	return err ?: cr_tracee_put(thread, NT_ARM_SYSTEM_CALL, &no_call,
				    sizeof(no_call));
}

/*
 * At the end of a call the kernel has put x7 aside to tell the tracer something in
 * it, and puts it back: it has to be set elsewhere.
 */
static struct cr_error *load(struct cr_restore *run, struct cr_thread *thread)
{
	struct cr_error *err = cr_gcs_load(run, thread);
	if (!err && thread->by_syscalls && !thread->comparing)
		err = cr_tracee_leave_call(thread);
	if (!err)
		err = cr_vectors_load(thread);
	if (!err)
		err = cr_load_set(thread, NT_FPREGSET);
	if (!err)
		err = cr_load_set(thread, NT_ARM_TLS);
	if (!err)
		err = cr_pac_load(run, thread);
	return err ?: load_general(run, thread);
}

const struct cr_native cr_native = {
	.name = "aarch64",
	.march = CORE_ENTRY__MARCH__AARCH64,
	.call = SVC,
	.call_size = 4,
	.trampoline = { "__kernel_rt_sigreturn", NOP, 4 },
	.jump_size = 16,
	.jump = jump,
	.ip = ip,
	.plan = plan,
	.part = part,
	.secret = secret,
	.prepare = prepare,
	.result = result,
	.calls = { cr_calls, cr_calls_end,
		   offsetof(struct user_regs_struct, regs[19]) },
	.clear_tid = clear_tid,
	.signing = &cr_pac_signing,
	.space = cr_gcs_make,
	.load = load,
};
