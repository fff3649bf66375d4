// SPDX-License-Identifier: MIT
/*
 * x86_64: CPUID, and what the kernel does with signal frames that are not as it
 * made them.
 *
 * The trial: a pattern in the upper half of ymm7, a signal, and a handler that
 * gives the kernel an edited copy of the extended state to return with. The half
 * is there afterwards, or the kernel has dropped it without a word.
 */
#include <cpuid.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include "lib/machine/native.h"
#include "lib/machine/trial.h"

#define OSXSAVE (1u << 27)
#define XSAVE_LEAF 0xd
#define ARCH_SHSTK_STATUS 0x5005

/* The area that XSAVE writes, with the software's words in it: Linux
 * arch/x86/include/uapi/asm/sigcontext.h, struct _fpx_sw_bytes. */
#define SW_OFF	  464
#define HEAD_OFF  512
#define AVX_END	  832
#define MAGIC1	  0x46505853u
#define MAGIC2	  0x46505845u
#define AREA_SIZE (64 * 1024)

struct sw_bytes {
	uint32_t magic1, extended_size;
	uint64_t xfeatures;
	uint32_t xstate_size, padding[7];
};

/* ---- CPUID ---- */

static uint64_t read_xcr0(void)
{
	uint32_t low, high;
	__asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
	return (uint64_t)high << 32 | low;
}

static void look_xstate(struct cr_machine_x86 *x)
{
	unsigned a, b, c, d;
	if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & OSXSAVE))
		return;
	x->features = read_xcr0();
	if (__get_cpuid_count(XSAVE_LEAF, 0, &a, &b, &c, &d))
		x->size = b;
	/* The first two are in the area that FXSAVE has. */
	x->component[0] = (struct cr_machine_component){ 0, 160 };
	x->component[1] = (struct cr_machine_component){ 160, 256 };
	for (unsigned i = 2; i < CR_NR_XSTATE; i++)
		if (x->features >> i & 1 &&
		    __get_cpuid_count(XSAVE_LEAF, i, &a, &b, &c, &d))
			x->component[i] = (struct cr_machine_component){ b, a };
}

static void look_model(struct cr_machine_x86 *x)
{
	unsigned a, b, c, d;
	if (__get_cpuid(0, &a, &b, &c, &d)) {
		memcpy(x->vendor, &b, 4);
		memcpy(x->vendor + 4, &d, 4);
		memcpy(x->vendor + 8, &c, 4);
	}
	if (!__get_cpuid(1, &a, &b, &c, &d))
		return;
	x->stepping = a & 15;
	x->model = a >> 4 & 15;
	x->family = a >> 8 & 15;
	if (x->family == 6 || x->family == 15)
		x->model |= (a >> 16 & 15) << 4;
	if (x->family == 15)
		x->family += a >> 20 & 0xff;
}

static void look_name(char *name, size_t room)
{
	unsigned brand[12] = { 0 };
	for (unsigned i = 0; i < 3; i++) {
		unsigned *w = brand + 4 * i;
		if (!__get_cpuid(0x80000002 + i, w, w + 1, w + 2, w + 3))
			return;
	}
	const char *text = (const char *)brand;
	while (*text == ' ')
		text++;
	snprintf(name, room, "%.*s", (int)(48 - (text - (char *)brand)), text);
	for (size_t n = strlen(name); n && name[n - 1] == ' '; n--)
		name[n - 1] = 0;
}

static enum cr_trial look_shadow_stacks(void)
{
	uint64_t features = 0;
	return syscall(SYS_arch_prctl, ARCH_SHSTK_STATUS, &features) ?
		       CR_TRIAL_NO :
		       CR_TRIAL_YES;
}

void cr_native_look(struct cr_machine *m)
{
	look_model(&m->x86);
	look_name(m->cpu, sizeof(m->cpu));
	look_xstate(&m->x86);
	m->x86.shadow_stacks = look_shadow_stacks();
}

/* ---- signal frames ---- */

enum shot_kind { SAME, SHORT, LONG };

struct shot {
	enum shot_kind kind;
	struct sw_bytes seen; /* of the frame as it came */
	bool is_edited, is_kept;
	uint8_t in[32], out[32];
	uint8_t area[AREA_SIZE] __attribute__((aligned(64)));
};

/* The frame that the kernel is to take. False: there is no room. */
static bool edit_frame(struct shot *s, const uint8_t *fp)
{
	struct sw_bytes sw = s->seen;
	const uint32_t magic2 = MAGIC2;
	uint32_t size = sw.xstate_size;
	uint64_t have;
	if (size < AVX_END || size > AREA_SIZE - 128)
		return false;
	memcpy(s->area, fp, s->kind == SHORT ? AVX_END : size);
	if (s->kind == SHORT) {
		size = AVX_END;
		sw.xfeatures = 7;
		memcpy(&have, s->area + HEAD_OFF, sizeof(have));
		have &= 7;
		memcpy(s->area + HEAD_OFF, &have, sizeof(have));
	} else if (s->kind == LONG) {
		size += 64;
	}
	sw.xstate_size = size;
	sw.extended_size = size + (uint32_t)sizeof(magic2);
	memcpy(s->area + SW_OFF, &sw, sizeof(sw));
	memcpy(s->area + size, &magic2, sizeof(magic2));
	return true;
}

/* What is to be done comes with the signal: there is no global state. */
static void handle(int nr, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;
	struct shot *s = info->si_value.sival_ptr;
	uint8_t *fp = (uint8_t *)uc->uc_mcontext.fpregs;
	(void)nr;
	if (!fp)
		return;
	memcpy(&s->seen, fp + SW_OFF, sizeof(s->seen));
	if (s->seen.magic1 != MAGIC1 || !edit_frame(s, fp))
		return;
	uc->uc_mcontext.fpregs = (void *)s->area;
	s->is_edited = true;
}

static void fire(void *arg)
{
	struct shot *s = arg;
	struct sigaction action = { .sa_sigaction = handle,
				    .sa_flags = SA_SIGINFO };
	siginfo_t info = { .si_signo = SIGUSR1, .si_code = SI_QUEUE };
	long ret = SYS_rt_sigqueueinfo;
	info.si_value.sival_ptr = s;
	sigaction(SIGUSR1, &action, NULL);
	memset(s->in, 0x5a, sizeof(s->in));
	/* The signal comes before the call returns. */
	__asm__ volatile("vmovdqu (%[in]), %%ymm7\n\t"
			 "syscall\n\t"
			 "vmovdqu %%ymm7, (%[out])"
			 : "+a"(ret)
			 : "D"((long)getpid()), "S"((long)SIGUSR1), "d"(&info),
			   [in] "r"(s->in), [out] "r"(s->out)
			 : "rcx", "r11", "xmm7", "memory");
	s->is_kept = !memcmp(s->in, s->out, sizeof(s->in));
}

static struct cr_error *try_frame(struct shot *s, enum shot_kind kind,
				  int limit_ms, enum cr_trial *ret)
{
	bool ended;
	*s = (struct shot){ .kind = kind };
	struct cr_error *err =
		cr_trial_run(fire, s, sizeof(*s), limit_ms, &ended);
	*ret = CR_TRIAL_UNKNOWN;
	if (!err && ended && s->is_edited)
		*ret = s->is_kept ? CR_TRIAL_YES : CR_TRIAL_NO;
	return err;
}

struct cr_error *cr_native_try(struct cr_machine *m, int limit_ms)
{
	static const uint64_t avx = 7;
	struct cr_machine_x86 *x = &m->x86;
	struct shot *s;
	enum cr_trial same;
	if ((x->features & avx) != avx)
		return NULL;
	if (posix_memalign((void **)&s, 64, sizeof(*s)))
		return cr_enomem;
	struct cr_error *err = try_frame(s, SAME, limit_ms, &same);
	if (!err) {
		x->frame_size = s->seen.xstate_size;
		x->frame_features = s->seen.xfeatures;
	}
	/* A frame with no more than AVX cannot be shorter and keep it. */
	if (!err && same == CR_TRIAL_YES && x->frame_size > AVX_END)
		err = try_frame(s, SHORT, limit_ms, &x->short_frames);
	if (!err && same == CR_TRIAL_YES)
		err = try_frame(s, LONG, limit_ms, &x->long_frames);
	free(s);
	return err;
}
