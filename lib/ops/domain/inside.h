// SPDX-License-Identifier: MIT
/*
 * What the edits of lib/ops/domain.h share: words, rules OLD=NEW, remarks.
 */
#ifndef CR_LIB_OPS_DOMAIN_INSIDE_H
#define CR_LIB_OPS_DOMAIN_INSIDE_H

#include "lib/ops/domain.h"
#include "lib/ops/mean.h"

#define CR_PID_MAX 4194304 /* Linux include/linux/threads.h, PID_MAX_LIMIT */

/** Tells the user something; text may hold anything. */
void cr_domain_remark(const struct cr_domain *d, const char *fmt, ...)
	CR_PRINTF(2, 3);

/** An error unless what is not there is none. */
struct cr_error *cr_domain_missing(const struct cr_domain *d, const char *fmt,
				   ...) CR_PRINTF(2, 3) CR_MUST_CHECK;

/** A whole number from min to max, decimal or 0x...; false: it is none. */
bool cr_domain_number(const char *text, uint64_t min, uint64_t max,
		      uint64_t *ret);

/** An unsigned integer of a tree; false: it is none, or not there. */
bool cr_domain_u64(const json_t *value, uint64_t *ret);

/** Whether the edit is for a process. */
bool cr_domain_is_meant(const struct cr_domain *d, uint64_t pid);

/** Member of a message as such an integer, `otherwise` without one. */
uint64_t cr_domain_get(const json_t *message, const char *key,
		       uint64_t otherwise);

/** The N of "STEM-N.img"; false: the name is not so. */
bool cr_domain_name_number(const char *name, const char *stem, uint64_t *ret);

/** Calls fn for the entries of every image STEM-*.img. nr_ret, which may be
 * NULL: how many images. */
struct cr_error *cr_domain_each(const struct cr_domain *d, const char *stem,
				cr_rewrite_fn *fn, void *arg, size_t *nr_ret)
	CR_MUST_CHECK;

/* ---- OLD=NEW ---- */

struct cr_rule {
	char *old, *to; /* to NULL: there was no equals sign */
	size_t old_size, to_size;
	uint64_t hits;
};

struct cr_rules {
	struct cr_rule *rule;
	size_t nr;
};

/**
 * Splits words at their first equals sign; `\=` and `\\` are such characters.
 * USAGE: no equals sign, an empty half, or an OLD given twice. Free with
 * cr_rules_free().
 */
struct cr_error *cr_rules_parse(char *const *word, size_t nr,
				struct cr_rules *ret) CR_MUST_CHECK;

/** Accepts zeroed rules. */
void cr_rules_free(struct cr_rules *rules);

/** Slashes at the end of paths, which mean nothing, are dropped. */
void cr_rules_trim(struct cr_rules *rules);

/**
 * What becomes of a path: the rule whose OLD is the longest that is the path, or
 * leads to it by whole components, puts NEW there. All rules look at what was
 * there before, so they may swap names. *ret NULL: none fits. The caller frees
 * it; it ends with a NUL that does not count. Counts hits.
 */
struct cr_error *cr_rules_apply(struct cr_rules *rules, const char *path,
				size_t size, char **ret, size_t *size_ret)
	CR_MUST_CHECK;

/** The rule that would be applied, or NULL. */
struct cr_rule *cr_rules_find(const struct cr_rules *rules, const char *path,
			      size_t size);

/** The rule whose OLD is exactly this, or NULL. */
struct cr_rule *cr_rules_find_exact(const struct cr_rules *rules,
				    const void *text, size_t size);

/** NOT_FOUND for the first rule that met nothing, unless that is no error. */
struct cr_error *cr_rules_met(const struct cr_domain *d,
			      const struct cr_rules *rules) CR_MUST_CHECK;

/** Renames what control groups are called: in the rules' paths, of one
 * controller or (NULL) of all. */
struct cr_error *cr_cgroup_rename(const struct cr_domain *d,
				  struct cr_rules *rules,
				  const char *controller) CR_MUST_CHECK;

/** How often texts occur in the memory of processes: remarked on, one line a
 * text. */
struct cr_error *cr_domain_remember(const struct cr_domain *d,
				    const struct cr_rules *rules) CR_MUST_CHECK;

#endif
