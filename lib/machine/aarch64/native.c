// SPDX-License-Identifier: MIT
/*
 * AArch64: ID registers, which the kernel lets programs read, and trials: how
 * pointers are signed, shadow stacks, vector lengths.
 *
 * The algorithm is proved: a trial signs pointers, reads its own keys by way of a
 * child that has the same ones, and compares with software. No key leaves it.
 * That is the one ptrace(2) in lib, where nothing else is traced: a process cannot
 * ask the kernel for its own keys, the child is the trial's alone, runs none of
 * our code but pause(2), and is killed before the trial answers.
 *
 * Facts: Linux v6.13 arch/arm64/include/uapi/asm/hwcap.h,
 * Documentation/arch/arm64/cpu-feature-registers.rst; Arm ARM C6 (encodings; the
 * assembler need not know them).
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/machine/native.h"
#include "lib/machine/trial.h"
#include "lib/pac/pac.h"

// clang-format off
#define HWCAP_CPUID   (UINT64_C(1) << 11)
#define HWCAP_SVE     (UINT64_C(1) << 22)
#define HWCAP_PACA    (UINT64_C(1) << 30)
#define HWCAP_PACG    (UINT64_C(1) << 31)
#define HWCAP_GCS     (UINT64_C(1) << 32)
#define HWCAP2_SME    (UINT64_C(1) << 23)
#define HWCAP2_SME2   (UINT64_C(1) << 37)
#define HWCAP2_FPMR   (UINT64_C(1) << 48)
#define HWCAP2_POE    (UINT64_C(1) << 63)

/* include/uapi/linux/prctl.h */
#define SVE_SET_VL    50
#define SME_SET_VL    63
#define VL_MASK       0xffff
#define SHADOW_STACK_SET 75
#define SHADOW_STACK_ENABLE 1

#define PACA_KEYS     0x407 /* regset */
// clang-format on

static enum cr_trial has(uint64_t caps, uint64_t bit)
{
	return caps & bit ? CR_TRIAL_YES : CR_TRIAL_NO;
}

void cr_native_look(struct cr_machine *m)
{
	struct cr_machine_aarch64 *a = &m->aarch64;
	a->generic = has(m->hwcap, HWCAP_PACG);
	a->sme2 = has(m->hwcap2, HWCAP2_SME2);
	a->fpmr = has(m->hwcap2, HWCAP2_FPMR);
	a->poe = has(m->hwcap2, HWCAP2_POE);
	a->gcs = has(m->hwcap, HWCAP_GCS);
	if (!(m->hwcap & HWCAP_PACA))
		a->pac = CR_MACHINE_PAC_NONE;
}

/* ---- ID registers ---- */

struct ids {
	uint64_t midr, isar1, isar2;
};

#define READ(reg, to) __asm__ volatile("mrs %0, " reg : "=r"(to))

static void read_ids(void *arg)
{
	struct ids *id = arg;
	READ("s3_0_c0_c0_0", id->midr);
	READ("s3_0_c0_c6_1", id->isar1);
	READ("s3_0_c0_c6_2", id->isar2);
}

static unsigned field(uint64_t reg, unsigned at)
{
	return reg >> at & 15;
}

/* One of the three is not 0. */
static void take_ids(struct cr_machine *m, const struct ids *id)
{
	struct cr_machine_aarch64 *a = &m->aarch64;
	const struct {
		enum cr_machine_pac pac;
		unsigned level;
	} said[] = {
		{ CR_MACHINE_PAC_QARMA5, field(id->isar1, 4) },
		{ CR_MACHINE_PAC_IMPDEF, field(id->isar1, 8) },
		{ CR_MACHINE_PAC_QARMA3, field(id->isar2, 12) },
	};
	a->midr = id->midr;
	snprintf(m->cpu, sizeof(m->cpu), "implementer 0x%x part 0x%x",
		 (unsigned)(id->midr >> 24 & 0xff),
		 (unsigned)(id->midr >> 4 & 0xfff));
	for (size_t i = 0; i < 3 && m->hwcap & HWCAP_PACA; i++) {
		if (!said[i].level)
			continue;
		a->pac = said[i].pac;
		a->pac_level = said[i].level;
	}
}

/* ---- how pointers are signed ---- */

#define NR_SAMPLES 24

struct signing {
	bool has_keys;
	uint64_t field; /* bits that stripping clears */
	bool matches[CR_NR_PAC_ALGORITHMS];
};

static uint64_t sign_ia(uint64_t ptr, uint64_t modifier)
{
	register uint64_t x0 __asm__("x0") = ptr;
	register uint64_t x1 __asm__("x1") = modifier;
	/* pacia x0, x1 */
	__asm__ volatile(".inst 0xdac10020" : "+r"(x0) : "r"(x1));
	return x0;
}

static uint64_t strip_code(uint64_t ptr)
{
	register uint64_t x0 __asm__("x0") = ptr;
	/* xpaci x0 */
	__asm__ volatile(".inst 0xdac143e0" : "+r"(x0));
	return x0;
}

/* Of a child that is stopped: it has the keys of its parent. */
static bool read_keys(struct cr_pac_key *ia)
{
	uint64_t words[8] = { 0 };
	struct iovec io = { words, sizeof(words) };
	int status;
	pid_t pid = fork();
	if (pid < 0)
		return false;
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			pause();
	}
	bool is = !ptrace(PTRACE_SEIZE, pid, 0, PTRACE_O_EXITKILL) &&
		  !ptrace(PTRACE_INTERRUPT, pid, 0, 0) &&
		  waitpid(pid, &status, 0) == pid && WIFSTOPPED(status) &&
		  !ptrace(PTRACE_GETREGSET, pid, PACA_KEYS, &io) &&
		  io.iov_len == sizeof(words);
	kill(pid, SIGKILL);
	*ia = (struct cr_pac_key){ words[0], words[1] };
	explicit_bzero(words, sizeof(words));
	return is;
}

static bool agrees(enum cr_pac_algorithm algorithm, unsigned va_bits,
		   const struct cr_pac_key *key)
{
	const struct cr_pac_scheme scheme = { algorithm, va_bits,
					      CR_PAC_TAG_LINUX };
	uint64_t ptr = UINT64_C(0x123456789), modifier = 42;
	for (int i = 0; i < NR_SAMPLES; i++) {
		ptr = (ptr * 6364136223846793005u + 1) & 0xfffffffff;
		modifier = modifier * 2862933555777941757u + 3037000493u;
		if (sign_ia(ptr, modifier) !=
		    cr_pac_sign(&scheme, key, CR_PAC_CODE, ptr, modifier))
			return false;
	}
	return true;
}

static void try_signing(void *arg)
{
	struct signing *s = arg;
	struct cr_pac_key key;
	/* Of a user pointer with all bits set. */
	const uint64_t low = (UINT64_C(1) << 55) - 1;
	s->field = low & ~strip_code(low);
	s->has_keys = read_keys(&key);
	unsigned va_bits = s->field ? (unsigned)__builtin_ctzll(s->field) : 0;
	if (!s->has_keys || va_bits < CR_PAC_VA_BITS_MIN ||
	    va_bits > CR_PAC_VA_BITS_MAX)
		return;
	for (unsigned i = 0; i < CR_NR_PAC_ALGORITHMS; i++)
		s->matches[i] = agrees((enum cr_pac_algorithm)i, va_bits, &key);
	explicit_bzero(&key, sizeof(key));
}

static void take_signing(struct cr_machine_aarch64 *a, const struct signing *s)
{
	static const enum cr_machine_pac as[] = {
		[CR_PAC_QARMA5] = CR_MACHINE_PAC_QARMA5,
		[CR_PAC_QARMA3] = CR_MACHINE_PAC_QARMA3,
	};
	if (s->field)
		a->va_bits = (uint32_t)__builtin_ctzll(s->field);
	a->pac_keys = s->has_keys ? CR_TRIAL_YES : CR_TRIAL_NO;
	if (!s->has_keys)
		return;
	a->pac_proved = CR_TRIAL_NO;
	for (unsigned i = 0; i < CR_NR_PAC_ALGORITHMS; i++) {
		if (!s->matches[i])
			continue;
		a->pac = as[i];
		a->pac_proved = CR_TRIAL_YES;
	}
	/* What is said does not hold. */
	if (a->pac_proved == CR_TRIAL_NO && a->pac != CR_MACHINE_PAC_IMPDEF)
		a->pac = CR_MACHINE_PAC_UNKNOWN;
}

/* ---- shadow stacks ---- */

/* It is empty once it is on: nothing here may return. */
static void try_gcs(void *arg)
{
	register long x8 __asm__("x8") = SYS_prctl;
	register long x0 __asm__("x0") = SHADOW_STACK_SET;
	register long x1 __asm__("x1") = SHADOW_STACK_ENABLE;
	register long x2 __asm__("x2") = 0;
	register long x3 __asm__("x3") = 0;
	register long x4 __asm__("x4") = 0;
	__asm__ volatile("svc #0\n\t"
			 "str x0, [%[to]]\n\t"
			 "mov x0, #0\n\t"
			 "mov x8, %[exit]\n\t"
			 "svc #0"
			 : "+r"(x0), "+r"(x8)
			 : "r"(x1), "r"(x2), "r"(x3), "r"(x4), [to] "r"(arg),
			   [exit] "i"(SYS_exit_group)
			 : "memory");
	__builtin_unreachable();
}

/* ---- vector lengths ---- */

struct vectors {
	int set; /* prctl(2) */
	struct cr_lengths lengths;
};

/* The one after SET is GET. A length that is not there gives the next smaller
 * one. */
static void try_lengths(void *arg)
{
	struct vectors *v = arg;
	struct cr_lengths *l = &v->lengths;
	int usual = prctl(v->set + 1);
	if (usual < 0)
		return;
	l->usual = (uint32_t)usual & VL_MASK;
	for (unsigned vl = 16; vl <= 256 && l->nr < CR_NR_LENGTHS; vl += 16) {
		int got = prctl(v->set, (unsigned long)vl);
		if (got >= 0 && ((unsigned)got & VL_MASK) == vl)
			l->length[l->nr++] = vl;
	}
}

static struct cr_error *try_vectors(int set, struct cr_lengths *ret,
				    int limit_ms)
{
	struct vectors v = { .set = set };
	bool ended;
	struct cr_error *err =
		cr_trial_run(try_lengths, &v, sizeof(v), limit_ms, &ended);
	if (!err && ended)
		*ret = v.lengths;
	return err;
}

/* ---- addresses ---- */

/* Where nothing is signed: the highest address that can be mapped. */
static void try_addresses(void *arg)
{
	uint32_t *va_bits = arg;
	size_t size = (size_t)sysconf(_SC_PAGESIZE);
	for (unsigned n = CR_PAC_VA_BITS_MIN; n <= CR_PAC_VA_BITS_MAX; n++) {
		uintptr_t at = UINT64_C(1) << (n - 1);
		void *map = mmap((void *)at, size, PROT_NONE,
				 MAP_PRIVATE | MAP_ANONYMOUS |
					 MAP_FIXED_NOREPLACE,
				 -1, 0);
		if (map == (void *)at || (map == MAP_FAILED && errno == EEXIST))
			*va_bits = n;
	}
}

/* ---- all of it ---- */

static struct cr_error *try_pac(struct cr_machine *m, int limit_ms)
{
	struct ids ids = { 0 };
	struct signing signing = { 0 };
	struct cr_error *err = NULL;
	bool ended;
	if (m->hwcap & HWCAP_CPUID) {
		err = cr_trial_run(read_ids, &ids, sizeof(ids), limit_ms,
				   &ended);
		if (!err && ended)
			take_ids(m, &ids);
	}
	if (err || !(m->hwcap & HWCAP_PACA))
		return err;
	err = cr_trial_run(try_signing, &signing, sizeof(signing), limit_ms,
			   &ended);
	if (!err && ended)
		take_signing(&m->aarch64, &signing);
	return err;
}

struct cr_error *cr_native_try(struct cr_machine *m, int limit_ms)
{
	struct cr_machine_aarch64 *a = &m->aarch64;
	bool ended;
	struct cr_error *err = try_pac(m, limit_ms);
	if (!err && !a->va_bits)
		err = cr_trial_run(try_addresses, &a->va_bits,
				   sizeof(a->va_bits), limit_ms, &ended);
	if (!err && m->hwcap & HWCAP_GCS) {
		const long nothing = 1;
		long said = nothing;
		err = cr_trial_run(try_gcs, &said, sizeof(said), limit_ms,
				   &ended);
		a->gcs = said == nothing ? CR_TRIAL_UNKNOWN :
			 said		 ? CR_TRIAL_NO :
					   CR_TRIAL_YES;
	}
	if (!err && m->hwcap & HWCAP_SVE)
		err = try_vectors(SVE_SET_VL, &a->sve, limit_ms);
	if (!err && m->hwcap2 & HWCAP2_SME)
		err = try_vectors(SME_SET_VL, &a->sme, limit_ms);
	return err;
}
