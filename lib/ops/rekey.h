// SPDX-License-Identifier: MIT
/*
 * New pointer authentication keys for a checkpoint: every pointer that was signed
 * with the old ones is signed anew, so that the processes run on.
 *
 * A plan comes first: where signed pointers are (lib/unwind/slots.h), and what
 * speaks against touching them. Given new keys, it says which word goes where;
 * who writes them, into images or into a process, is another matter. Nothing is
 * done by halves: what a plan cannot account for refuses the whole, unless that
 * one risk is accepted.
 *
 * Equal keys stay equal, and different ones different: threads that were created
 * with the keys of another keep sharing them, also over fork(2), and one that
 * changed some of its keys shares the rest. A pointer that a thread signed before
 * it changed its keys is signed with what those became.
 *
 * Shadow stacks (GCS) hold plain return addresses; nothing is to be done there.
 *
 * Keys are wiped where this module held them. Images, and what was decoded of
 * them, are in memory of others: who cares for that wipes what is free at its end
 * (lib/base/wipe.h, and mallopt(3), M_PERTURB).
 */
#ifndef CR_LIB_OPS_REKEY_H
#define CR_LIB_OPS_REKEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/error.h"
#include "lib/image/set.h"
#include "lib/ops/change.h"
#include "lib/pac/pac.h"
#include "lib/unwind/sign.h"
#include "lib/unwind/slots.h"
#include "lib/unwind/stacks.h"

/* ---- keys ---- */

/* man 2 prctl, PR_PAC_RESET_KEYS; their bits are 1 << these. */
enum cr_rekey_kind {
	CR_REKEY_IA,
	CR_REKEY_IB,
	CR_REKEY_DA,
	CR_REKEY_DB,
	CR_REKEY_GA,
	CR_NR_REKEY_KINDS,
};

struct cr_rekey_keys {
	uint32_t pid, tid;
	bool has[CR_NR_REKEY_KINDS]; /* in the image */
	struct cr_pac_key old[CR_NR_REKEY_KINDS], new_[CR_NR_REKEY_KINDS];
};

/** Reads the old keys; the new ones are the same. */
void cr_rekey_keys_of(struct cr_rekey_keys *keys, uint32_t pid, uint32_t tid,
		      const CoreEntry *core);

/** Fills in the new keys of threads, those of a process one after the other.
 * fd: 16 bytes are read for each key that is different; -1: from getrandom(2).
 * keeps_generic: GA stays. USAGE: the file ends. */
struct cr_error *cr_rekey_renew(struct cr_rekey_keys *keys, size_t nr, int fd,
				bool keeps_generic) CR_MUST_CHECK;

/** Overwrites those of a core image that was unpacked. */
void cr_rekey_wipe_core(const CoreEntry *core);

/** Overwrites them; accepts NULL. */
void cr_rekey_wipe(struct cr_rekey_keys *keys, size_t nr);

/** Gives all threads of a process the new keys of its first. */
void cr_rekey_unify(struct cr_rekey_keys *keys, size_t nr, bool keeps_generic);

/* ---- the plan ---- */

/* Those that others come from are first. */
enum cr_rekey_risk {
	CR_REKEY_UNSEEN,   /* memory or code is not to be had */
	CR_REKEY_STACK,	   /* a stack cannot be unwound to its end */
	CR_REKEY_FAILED,   /* a pointer does not authenticate */
	CR_REKEY_RESIDUAL, /* a word looks signed, and nothing explains it */
	CR_REKEY_REGISTER, /* code signs other than return addresses */
	CR_REKEY_GENERIC,  /* code uses PACGA, whose results would differ */
	CR_REKEY_UNPROVED, /* to strip: how pointers are signed is not known */
	CR_NR_REKEY_RISKS,
};

/* A pointer to be signed anew: in memory, or in a register of a thread. */
struct cr_rekey_word {
	uint32_t pid, tid; /* tid: in a register */
	bool in_memory, is_key_b;
	uint32_t reg;
	uint64_t vaddr;
	uint64_t old, plain, modifier;
	size_t keys; /* whose, in signs->keys */
	uint64_t new_;
};

struct cr_rekey_plan {
	struct cr_rekey_word *word; /* process by process */
	size_t nr, cap;
	size_t nr_other; /* signed before the thread changed its keys */
	struct cr_rekey_found {
		uint64_t nr;
		struct cr_error *first; /* where, and what */
	} risk[CR_NR_REKEY_RISKS];
	struct cr_rekey_found generic; /* PACGA */
	uint64_t end; /* of the highest mapping of all */
};

/** Adds a process with its slots. Returns NOMEM, or faults of the images. */
struct cr_error *cr_rekey_look(struct cr_rekey_plan *plan,
			       struct cr_stacks *stacks,
			       const struct cr_slots *slots,
			       const struct cr_signs *signs) CR_MUST_CHECK;

/** Fills in what the words become; keys is parallel to signs->keys. to NULL:
 * they are stripped. UNSUPPORTED: an address does not fit. */
struct cr_error *cr_rekey_sign(struct cr_rekey_plan *plan,
			       const struct cr_pac_scheme *to,
			       const struct cr_rekey_keys *keys) CR_MUST_CHECK;

/** The first risk that is not among those accepted (bits 1 << risk), as an error
 * with its place; NULL: none. */
struct cr_error *cr_rekey_refuse(const struct cr_rekey_plan *plan,
				 unsigned accept) CR_MUST_CHECK;

/** Accepts a zeroed one. */
void cr_rekey_plan_deinit(struct cr_rekey_plan *plan);

/** "residual", ...; *what_ret, unless NULL: what accepting it does. */
const char *cr_rekey_risk_name(enum cr_rekey_risk risk, const char **what_ret);

/** Reads "residual,stack": bits 1 << risk. NULL is "". USAGE: one is none. */
struct cr_error *cr_rekey_read_risks(const char *list, unsigned *ret)
	CR_MUST_CHECK;

/** Reads "qarma5/48". USAGE: it is none. */
struct cr_error *cr_rekey_read_scheme(const char *text,
				      struct cr_pac_scheme *ret) CR_MUST_CHECK;

/* ---- a checkpoint ---- */

enum cr_rekey_mode {
	CR_REKEY_FRESH,
	CR_REKEY_SAVED, /* the keys stay; pointers may be signed another way */
	CR_REKEY_STRIP, /* nothing is signed, all keys are disabled */
};

struct cr_rekey_opts {
	enum cr_rekey_mode mode;
	int keys_fd;			   /* FRESH: see cr_rekey_renew() */
	bool has_algorithm;		   /* else the same */
	enum cr_pac_algorithm algorithm;
	unsigned va_bits;		   /* 0: the same */
	bool unify;			   /* one key set for a process */
	const struct cr_pac_scheme *from;  /* NULL: as the frames prove */
	const struct cr_pac_engine *engine; /* tries what software cannot; or NULL */
	unsigned accept;		   /* bits 1 << risk */
	const char *sysroot;
};

struct cr_rekey_result {
	bool is_proved;
	struct cr_pac_scheme from, to; /* if it is; to is not set of STRIP */
	size_t nr_processes, nr_threads; /* that have keys */
	size_t nr_words, nr_other;
	bool keeps_generic;
	uint64_t nr_risks[CR_NR_REKEY_RISKS]; /* that were accepted */
};

/* A checkpoint that is looked at: nothing is changed. Several may get keys by one
 * view: it is read-only from cr_rekey_view_judge() on. */
struct cr_rekey_view {
	struct cr_signs signs;
	struct cr_rekey_keys *keys; /* parallel to signs.keys */
	struct cr_rekey_plan plan;
};

/** Looks at all processes. NOT_FOUND: none has keys. FORMAT and the like: images
 * are broken. To be closed in any case. */
struct cr_error *cr_rekey_view_open(struct cr_rekey_view *view,
				    struct cr_set *set,
				    const struct cr_rekey_opts *opts)
	CR_MUST_CHECK;

/** Accepts a zeroed one. Wipes its keys. */
void cr_rekey_view_close(struct cr_rekey_view *view);

/** Says what will be done, or refuses: UNSUPPORTED, a risk that is not accepted,
 * with its place, or how pointers are signed is not known. */
struct cr_error *cr_rekey_view_judge(struct cr_rekey_view *view,
				     const struct cr_rekey_opts *opts,
				     struct cr_rekey_result *ret) CR_MUST_CHECK;

/** Fills in the new keys, of view->keys or of a copy of all of it. USAGE: the
 * file ends. */
struct cr_error *cr_rekey_view_renew(const struct cr_rekey_view *view,
				     const struct cr_rekey_opts *opts,
				     const struct cr_rekey_result *result,
				     struct cr_rekey_keys *keys) CR_MUST_CHECK;

/**
 * Makes it pending. USAGE: the options do not go together. NOT_FOUND: no process
 * has keys. UNSUPPORTED: a risk that is not accepted, with its place, or how
 * pointers are signed is not known. FORMAT and the like: images are broken.
 */
struct cr_error *cr_rekey(struct cr_change *change,
			  const struct cr_rekey_opts *opts,
			  struct cr_rekey_result *ret) CR_MUST_CHECK;

#endif
