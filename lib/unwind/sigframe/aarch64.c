// SPDX-License-Identifier: MIT
/*
 * Frames of AArch64: the registers, then records, of which none may be unknown
 * to the kernel that the handler returns to. What it refuses is SIGSEGV; nothing
 * is lost without a word. Source: parse_user_sigframe() and restore_*_context().
 */
#include <string.h>
#include <sys/mman.h>

#include "lib/unwind/sigframe/kind.h"

/* Bytes above the frame's lowest one: struct rt_sigframe. */
enum {
	SIGNO = 0,
	X29 = 304 + 8 + 29 * 8,
	SP = 304 + 256,
	PC = 304 + 264,
	RECORDS = 304 + 288,
	RECORDS_SIZE = 4096,
	LINK_SIZE = 16, /* x29 and x30, above it */
};

// clang-format off
#define FPSIMD 0x46508001u
#define ESR    0x45535201u
#define EXTRA  0x45585401u
#define SVE    0x53564501u
#define ZA     0x54366345u
#define ZT     0x5a544e01u
#define TPIDR2 0x54504902u
#define FPMR   0x46504d52u
#define POE    0x504f4530u
#define GCS    0x47435300u

enum { HEAD = 8, FPSIMD_SIZE = 0x210, EXTRA_SIZE = 32, EXTRA_MAX = 256 * 1024 };

/* Sizes are those that a kernel insists on; 0: they vary. */
static const struct record {
	uint32_t magic;
	const char *name;
	uint32_t size;
} records[] = {
	{ FPSIMD, "fpsimd", FPSIMD_SIZE },
	{ ESR,    "esr",    0 },
	{ EXTRA,  "extra",  EXTRA_SIZE },
	{ SVE,    "sve",    0 },
	{ ZA,     "za",     0 },
	{ ZT,     "zt",     0 },
	{ TPIDR2, "tpidr2", 16 },
	{ FPMR,   "fpmr",   16 },
	{ POE,    "poe",    16 },
	{ GCS,    "gcs",    32 },
	{ 0 },
};
// clang-format on

static const struct record *find_record(uint32_t magic)
{
	for (const struct record *r = records; r->name; r++)
		if (r->magic == magic)
			return r;
	return NULL;
}

const char *cr_sigframe_record_name(uint32_t magic)
{
	const struct record *r = find_record(magic);
	return r ? r->name : NULL;
}

/* The kernel writes the record of FPSIMD first. */
static bool is_key(const struct cr_sigframes *s, uint64_t word)
{
	(void)s;
	return word == ((uint64_t)FPSIMD_SIZE << 32 | FPSIMD);
}

/* ---- records ---- */

struct walk {
	struct cr_pages *pages;
	struct cr_sigframe_aarch64 *a;
	uint64_t at, limit; /* the next record; the end of where they are */
};

static const char *add_record(struct cr_sigframe_aarch64 *a, const uint8_t *p)
{
	struct cr_sigframe_record r = { .magic = cr_sigframe_u32(p),
					.size = cr_sigframe_u32(p + 4) };
	const struct record *known = find_record(r.magic);
	for (uint32_t i = 0; i < a->nr; i++)
		if (a->record[i].magic == r.magic && r.magic != ESR)
			return "a record comes twice";
	if (a->nr == CR_SIGFRAME_RECORDS_MAX)
		return "it has too many records";
	if (known && known->size && known->size != r.size)
		return "a record has a wrong size";
	if (r.magic == SVE || r.magic == ZA) {
		r.length = (uint16_t)(p[8] | p[9] << 8);
		r.is_streaming = r.magic == SVE && p[10] & 1;
	} else if (r.magic == GCS) {
		r.features = cr_sigframe_u64(p + 16);
	}
	a->record[a->nr++] = r;
	return NULL;
}

/* The rest is behind the terminator that follows. */
static const char *enter_extra(struct walk *w, const uint8_t *p)
{
	uint8_t end[HEAD];
	uint64_t data = cr_sigframe_u64(p + 8);
	uint32_t size = cr_sigframe_u32(p + 16);
	if (w->a->has_extra)
		return "it has extra space twice";
	w->a->has_extra = true;
	w->at += EXTRA_SIZE;
	if (w->limit - w->at < 16 ||
	    !cr_sigframe_bytes(w->pages, w->at, end, sizeof(end)) ||
	    cr_sigframe_u64(end))
		return "nothing ends the records before the extra space";
	if (data != w->at + 16 || size % 16 || size > EXTRA_MAX)
		return "its extra space is not where it should be";
	w->at = data;
	w->limit = data + size;
	return NULL;
}

/* One record. *end_ret: it was the terminator. */
static const char *walk_record(struct walk *w, bool *end_ret)
{
	uint8_t p[EXTRA_SIZE] = { 0 };
	uint64_t left = w->limit - w->at;
	if (left < HEAD || !cr_sigframe_bytes(w->pages, w->at, p, HEAD))
		return "its records do not end";
	uint32_t magic = cr_sigframe_u32(p), size = cr_sigframe_u32(p + 4);
	*end_ret = !magic && !size;
	if (!magic)
		return size ? "its terminator has a size" : NULL;
	if (size < HEAD || size > left || size % 16)
		return "a record has a wrong size";
	size_t n = size < sizeof(p) ? size : sizeof(p);
	if (!cr_sigframe_bytes(w->pages, w->at, p, n))
		return "its records do not end";
	const char *fault = add_record(w->a, p);
	if (fault)
		return fault;
	if (magic == EXTRA)
		return enter_extra(w, p);
	w->at += size;
	return NULL;
}

/* Each step goes on by 16 bytes or more, or ends it. */
static void walk_records(struct cr_pages *pages, uint64_t at,
			 struct cr_sigframe_aarch64 *a)
{
	struct walk w = { pages, a, at, at + RECORDS_SIZE };
	bool has_ended = false;
	while (!a->fault && !has_ended)
		a->fault = walk_record(&w, &has_ended);
	a->end = a->has_extra && !a->fault ? w.limit : at + RECORDS_SIZE;
}

/* Contexts of getcontext(3) have the same form, but not x29 and x30 once more,
 * above the records. */
static bool looks_real(struct cr_pages *pages, const struct cr_sigframe *frame,
		       const uint8_t *bytes)
{
	uint8_t link[LINK_SIZE];
	const struct cr_vma *code = cr_sigframe_vma(pages, frame->pc);
	/* The stack may have been empty: its end is in no mapping then. */
	return code && code->prot & PROT_EXEC &&
	       cr_sigframe_vma(pages, frame->sp - 1) &&
	       cr_sigframe_bytes(pages, frame->aarch64.end, link,
				 sizeof(link)) &&
	       !memcmp(link, bytes + X29, sizeof(link));
}

static bool read_frame(struct cr_pages *pages, struct cr_sigframe *frame,
		       bool is_certain)
{
	uint8_t bytes[RECORDS];
	struct cr_sigframe_aarch64 *a = &frame->aarch64;
	if (frame->at > UINT64_MAX / 2 ||
	    !cr_sigframe_bytes(pages, frame->at, bytes, sizeof(bytes)))
		return false;
	*a = (struct cr_sigframe_aarch64){ 0 };
	frame->signo = cr_sigframe_signo(cr_sigframe_u32(bytes + SIGNO));
	frame->sp = cr_sigframe_u64(bytes + SP);
	frame->pc = cr_sigframe_u64(bytes + PC);
	walk_records(pages, frame->at + RECORDS, a);
	frame->size = a->end + LINK_SIZE - frame->at;
	return is_certain || looks_real(pages, frame, bytes);
}

/* ---- what becomes of it ---- */

/* Bytes of a record with registers of this length; its head alone is enough where
 * they are not live. Z registers, predicates, FFR; ZA is square. */
static bool is_too_short(const struct cr_sigframe_record *r)
{
	uint32_t q = r->length / 16;
	uint32_t need = r->magic == SVE ? 546 * q : (uint32_t)r->length * r->length;
	return r->size > 16 && r->size < 16 + need;
}

static void judge_vectors(const struct cr_sigframe_record *r,
			  const struct cr_lengths *has, const char *what,
			  struct cr_sigframe_fate *ret)
{
	const char *name = cr_sigframe_record_name(r->magic);
	if (!has->nr)
		cr_sigframe_say(ret, CR_FATE_FAULT,
				"record %s: the machine has no %s", name,
				what);
	else if (!cr_lengths_has(has, r->length))
		cr_sigframe_say(ret, CR_FATE_FAULT,
				"record %s: the machine has no vectors of %u "
				"bytes",
				name, r->length);
	else if (is_too_short(r))
		cr_sigframe_say(ret, CR_FATE_FAULT,
				"record %s is shorter than its registers",
				name);
	else if (has->usual != r->length)
		cr_sigframe_say(ret, CR_FATE_OK,
				"if the %s length of the thread is set to %u",
				what, r->length);
}

static void need(enum cr_trial has, const struct cr_sigframe_record *r,
		 struct cr_sigframe_fate *ret)
{
	const char *name = cr_sigframe_record_name(r->magic);
	if (has == CR_TRIAL_NO)
		cr_sigframe_say(ret, CR_FATE_FAULT,
				"record %s: the machine does not have that",
				name);
	else if (has == CR_TRIAL_UNKNOWN)
		cr_sigframe_say(ret, CR_FATE_UNKNOWN,
				"record %s: whether the machine has that is "
				"not known",
				name);
}

static void judge_record(const struct cr_sigframe_record *r,
			 const struct cr_machine_aarch64 *m,
			 struct cr_sigframe_fate *ret)
{
	switch (r->magic) {
	case FPSIMD:
	case ESR:
	case EXTRA:
		break;
	case SVE:
		if (r->is_streaming)
			judge_vectors(r, &m->sme, "SME", ret);
		else
			judge_vectors(r, &m->sve, "SVE", ret);
		break;
	case ZA:
		judge_vectors(r, &m->sme, "SME", ret);
		break;
	case TPIDR2:
		need(m->sme.nr ? CR_TRIAL_YES : CR_TRIAL_NO, r, ret);
		break;
	case ZT:
		need(m->sme2, r, ret);
		break;
	case FPMR:
		need(m->fpmr, r, ret);
		break;
	case POE:
		need(m->poe, r, ret);
		break;
	case GCS:
		need(m->gcs, r, ret);
		break;
	default:
		cr_sigframe_say(ret, CR_FATE_FAULT,
				"no kernel is known to take record 0x%x",
				r->magic);
	}
}

static void judge(const struct cr_sigframe *frame, const struct cr_machine *m,
		  struct cr_sigframe_fate *ret)
{
	const struct cr_sigframe_aarch64 *a = &frame->aarch64;
	bool has_fpsimd = false;
	for (uint32_t i = 0; i < a->nr; i++)
		has_fpsimd |= a->record[i].magic == FPSIMD;
	if (a->fault) {
		cr_sigframe_say(ret, CR_FATE_FAULT, "%s", a->fault);
		return;
	}
	if (!has_fpsimd) {
		cr_sigframe_say(ret, CR_FATE_FAULT, "it has no record fpsimd");
		return;
	}
	for (uint32_t i = 0; i < a->nr && ret->fate != CR_FATE_FAULT; i++)
		judge_record(&a->record[i], &m->aarch64, ret);
}

const struct cr_sigframe_kind cr_sigframe_aarch64 = {
	.arch = &cr_arch_aarch64,
	.key_off = RECORDS,
	.is_key = is_key,
	.read = read_frame,
	.judge = judge,
};
