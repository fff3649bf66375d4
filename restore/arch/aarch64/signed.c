// SPDX-License-Identifier: MIT
/*
 * Signed return addresses, found without debug information: functions leave
 * {x29 of the caller, return address} on the stack, with x29 pointing at it, so
 * stacks are chains of such pairs. The modifier of a signature is the stack
 * pointer at the function's entry. That is where the caller's pair is, if
 * that lies at the bottom of the caller's frame, as gcc puts it; or just above the
 * function's own pair, if it lies at the top, as clang puts it.
 *
 * A signature of n bits is right by chance once in 2^n, and one that was made
 * otherwise (assembly, outgoing arguments) never is. So a signer is believed if
 * half of all pairs are right under one key and one such place.
 *
 * Facts: AAPCS64, 6.4.6 (the frame pointer); Arm ARM D8.10.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "lib/base/cleanup.h"
#include "lib/pac/pac.h"
#include "restore/arch/aarch64/native.h"

typedef unsigned long long ull;

const char *cr_signer_text(const struct cr_pac_scheme *scheme, char *buf,
			   size_t size)
{
	static const char *const names[] = {
		[CR_PAC_QARMA5] = "by QARMA5",
		[CR_PAC_QARMA3] = "by QARMA3",
		[CR_PAC_IMPDEF] = "by its maker's algorithm",
	};
	snprintf(buf, size, "%s for addresses of %u bits",
		 names[scheme->algorithm], scheme->va_bits);
	return buf;
}

/* ---- what looks signed ---- */

// How many bits the addresses of a process have: everything is mapped below.
static unsigned used_bits(const struct cr_space *space)
{
	uint64_t top = space->nr ? space->vma[space->nr - 1].end - 1 : 0;
	return top ? 64 - (unsigned)__builtin_clzll(top) : 1;
}

static bool is_code(const struct cr_space *space, uint64_t vaddr)
{
	size_t i = cr_space_find(space, vaddr);
	return i < space->nr && space->vma[i].start <= vaddr &&
	       space->vma[i].prot & PROT_EXEC;
}

// Of user addresses bits 63 to 55 are 0: a tag, and the half.
static bool is_signed(const struct cr_space *space, uint64_t word)
{
	unsigned bits = used_bits(space);
	return bits < 55 && !(word >> 55) && word >> bits &&
	       is_code(space, word & ((UINT64_C(1) << bits) - 1));
}

/* ---- frames ---- */

#define NR_FRAMES   128
#define NR_STEPS    512 // of one thread's chain
#define FRAME_ALIGN 8

struct frame {
	uint64_t ret;
	uint64_t modifier[2];
	const PacAddressKeys *keys;
};

struct frames {
	struct frame frame[NR_FRAMES];
	size_t nr;
};

// A chain ends where it cannot be read.
static void collect(struct frames *f, const struct cr_thread *thread,
		    const PacAddressKeys *keys)
{
	struct cr_pages *pages = &thread->proc->pages;
	uint64_t at = thread->core->ti_aarch64->gpregs->regs[29], pair[2];
	for (int i = 0; i < NR_STEPS && f->nr < NR_FRAMES; i++) {
		if (!at || at % FRAME_ALIGN)
			return;
		struct cr_error *err =
			cr_pages_read(pages, at, pair, sizeof(pair));
		if (err) {
			cr_error_free(err);
			return;
		}
		if (is_signed(&pages->space, pair[1]))
			f->frame[f->nr++] = (struct frame){
				pair[1], { pair[0], at + 16 }, keys
			};
		at = pair[0];
	}
}

/* ---- who signed them ---- */

static bool is_right(const struct frame *f, const struct cr_pac_scheme *scheme,
		     unsigned guess)
{
	const PacAddressKeys *k = f->keys;
	struct cr_pac_key key = { k->apiakey_lo, k->apiakey_hi };
	if (guess & 1)
		key = (struct cr_pac_key){ k->apibkey_lo, k->apibkey_hi };
	bool is = cr_pac_auth(scheme, &key, CR_PAC_CODE, f->ret,
			      f->modifier[guess >> 1]);
	explicit_bzero(&key, sizeof(key));
	return is;
}

// How many are right under the best guess of key and place.
static size_t score(const struct frames *f, const struct cr_pac_scheme *scheme)
{
	size_t best = 0;
	for (unsigned guess = 0; guess < 4; guess++) {
		size_t nr = 0;
		for (size_t i = 0; i < f->nr; i++)
			nr += is_right(&f->frame[i], scheme, guess);
		best = nr > best ? nr : best;
	}
	return best;
}

// n signatures of this many bits are enough to tell.
#define ENOUGH_BITS 14

static bool is_believed(const struct frames *f,
			const struct cr_pac_scheme *scheme)
{
	return score(f, scheme) * 2 >= f->nr;
}

static bool find_signer(const struct frames *f, struct cr_pac_scheme *ret)
{
	static const unsigned bits[] = { 48, 52, 39, 47, 42 };
	for (size_t i = 0; i < sizeof(bits) / sizeof(bits[0]); i++) {
		for (unsigned a = 0; a < CR_NR_PAC_ALGORITHMS; a++) {
			struct cr_pac_scheme s = { a, bits[i],
						   CR_PAC_TAG_LINUX };
			if (!is_believed(f, &s))
				continue;
			*ret = s;
			return true;
		}
	}
	return false;
}

// Signatures for longer addresses leave bits free that those for shorter ones
// fill.
static bool fits(const struct frames *f, const struct cr_space *space,
		 unsigned va_bits)
{
	unsigned used = used_bits(space);
	uint64_t low = 0, field = UINT64_C(0xf) << 48; // 52 bits or less
	for (size_t i = 0; i < f->nr; i++)
		low |= f->frame[i].ret;
	if (va_bits > used &&
	    low >> used & ((UINT64_C(1) << (va_bits - used)) - 1))
		return false;
	return va_bits > 48 || used > 48 || low & field || f->nr < 4;
}

static struct cr_error *refuse(const struct frames *f,
			       const struct cr_pac_scheme *here)
{
	struct cr_pac_scheme there;
	char was[80], is[80];
	cr_signer_text(here, is, sizeof(is));
	if (!find_signer(f, &there))
		return cr_error_new(CR_ERR_UNSUPPORTED,
				    "its pointers were signed otherwise than "
				    "this processor signs, which is %s (see "
				    "--from)",
				    is);
	return cr_error_new(CR_ERR_UNSUPPORTED,
			    "its pointers were signed %s, this processor signs "
			    "%s (see --from)",
			    cr_signer_text(&there, was, sizeof(was)), is);
}

static bool accepts(const struct frames *f, const struct cr_pac_scheme *here)
{
	struct cr_pac_scheme there;
	size_t bits = 55 - here->va_bits;
	if (f->nr * bits < ENOUGH_BITS)
		return true;
	if (here->algorithm != CR_PAC_IMPDEF)
		return is_believed(f, here);
	return !find_signer(f, &there);
}

struct cr_error *cr_signed_check(struct cr_proc *proc,
				 const struct cr_pac_scheme *here)
{
	struct frames f = { .nr = 0 };
	if (here->va_bits < CR_PAC_VA_BITS_MIN ||
	    here->va_bits > CR_PAC_VA_BITS_MAX)
		return NULL;
	cr_proc_each_thread(thread, proc) {
		const PacKeys *keys = thread->core->ti_aarch64->pac_keys;
		if (keys && keys->pac_address_keys)
			collect(&f, thread, keys->pac_address_keys);
	}
	if (fits(&f, &proc->pages.space, here->va_bits) && accepts(&f, here))
		return NULL;
	return refuse(&f, here);
}

/* ---- that nothing is ---- */

static struct cr_error *dead(uint64_t word)
{
	return cr_error_new(CR_ERR_UNSUPPORTED,
			    "0x%llx is a signed pointer, of which the process "
			    "would die",
			    (ull)word);
}

static struct cr_error *check_registers(const struct cr_thread *thread)
{
	const UserAarch64RegsEntry *r = thread->core->ti_aarch64->gpregs;
	for (size_t i = 0; i < r->n_regs; i++) {
		if (is_signed(&thread->proc->pages.space, r->regs[i]))
			return cr_error_at(dead(r->regs[i]), "thread %u: x%zu",
					   (unsigned)thread->vtid, i);
	}
	return NULL;
}

// Where what counts begins: at the lowest stack pointer in it, if there is one.
static uint64_t begin_of(const struct cr_proc *proc, const struct cr_vma *vma)
{
	uint64_t lowest = UINT64_MAX;
	cr_proc_each_thread(thread, proc) {
		uint64_t sp = thread->core->ti_aarch64->gpregs->sp;
		if (sp >= vma->start && sp < vma->end && sp < lowest)
			lowest = sp;
	}
	return lowest == UINT64_MAX ? vma->start : lowest & ~UINT64_C(7);
}

#define CHUNK 65536

static struct cr_error *check_words(struct cr_proc *proc, uint64_t vaddr,
				    const uint64_t *word, size_t nr)
{
	for (size_t i = 0; i < nr; i++) {
		if (is_signed(&proc->pages.space, word[i]))
			return cr_error_at(dead(word[i]), "address 0x%llx",
					   (ull)(vaddr + 8 * i));
	}
	return NULL;
}

static struct cr_error *check_run(struct cr_proc *proc, const struct cr_run *r,
				  uint64_t *buf)
{
	struct cr_error *err = NULL;
	for (uint64_t at = r->start; !err && at < r->end;) {
		size_t size = r->end - at < CHUNK ? r->end - at : CHUNK;
		err = cr_pages_fill(&proc->pages, r, at, buf, size);
		if (!err)
			err = check_words(proc, at, buf, size / 8);
		at += size;
	}
	return err;
}

static struct cr_error *check_mapping(struct cr_proc *proc,
				      const struct cr_vma *vma, uint64_t *buf)
{
	struct cr_error *err = NULL;
	for (uint64_t at = begin_of(proc, vma); !err && at < vma->end;) {
		struct cr_run r;
		err = cr_pages_run(&proc->pages, at, &r);
		if (err)
			return err;
		if (r.end > vma->end)
			r.end = vma->end;
		if (r.kind == CR_RUN_DATA)
			err = check_run(proc, &r, buf);
		at = r.end;
	}
	return err;
}

struct cr_error *cr_signed_none(struct cr_proc *proc)
{
	const struct cr_space *space = &proc->pages.space;
	cr_auto_free uint64_t *buf = malloc(CHUNK);
	struct cr_error *err = NULL;
	if (!buf)
		return cr_enomem;
	cr_proc_each_thread(thread, proc)
		err = err ?: check_registers(thread);
	for (size_t i = 0; !err && i < space->nr; i++) {
		if (space->vma[i].prot & PROT_WRITE)
			err = check_mapping(proc, space->vma + i, buf);
	}
	return err;
}
