// SPDX-License-Identifier: MIT
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "lib/ops/rekey.h"

void cr_rekey_keys_of(struct cr_rekey_keys *keys, uint32_t pid, uint32_t tid,
		      const CoreEntry *core)
{
	const ThreadInfoAarch64 *info = core->ti_aarch64;
	const PacKeys *pac = info ? info->pac_keys : NULL;
	const PacAddressKeys *a = pac ? pac->pac_address_keys : NULL;
	const PacGenericKeys *g = pac ? pac->pac_generic_keys : NULL;
	*keys = (struct cr_rekey_keys){ .pid = pid, .tid = tid };
	for (unsigned i = 0; i < CR_REKEY_GA; i++)
		keys->has[i] = a;
	keys->has[CR_REKEY_GA] = g;
	if (a) {
		keys->old[CR_REKEY_IA] = (struct cr_pac_key){ a->apiakey_lo,
							      a->apiakey_hi };
		keys->old[CR_REKEY_IB] = (struct cr_pac_key){ a->apibkey_lo,
							      a->apibkey_hi };
		keys->old[CR_REKEY_DA] = (struct cr_pac_key){ a->apdakey_lo,
							      a->apdakey_hi };
		keys->old[CR_REKEY_DB] = (struct cr_pac_key){ a->apdbkey_lo,
							      a->apdbkey_hi };
	}
	if (g)
		keys->old[CR_REKEY_GA] = (struct cr_pac_key){ g->apgakey_lo,
							      g->apgakey_hi };
	memcpy(keys->new_, keys->old, sizeof(keys->old));
}

void cr_rekey_wipe_core(const CoreEntry *core)
{
	const ThreadInfoAarch64 *info = core->ti_aarch64;
	PacKeys *pac = info ? info->pac_keys : NULL;
	PacAddressKeys *a = pac ? pac->pac_address_keys : NULL;
	PacGenericKeys *g = pac ? pac->pac_generic_keys : NULL;
	/* The message's head stays. */
	if (a)
		explicit_bzero((uint8_t *)a + sizeof(a->base),
			       sizeof(*a) - sizeof(a->base));
	if (g)
		explicit_bzero((uint8_t *)g + sizeof(g->base),
			       sizeof(*g) - sizeof(g->base));
}

void cr_rekey_wipe(struct cr_rekey_keys *keys, size_t nr)
{
	if (keys)
		explicit_bzero(keys, nr * sizeof(keys[0]));
}

/* ---- new ones ---- */

/* A key of a thread; equal ones stand beside each other when sorted. */
struct ref {
	unsigned kind;
	struct cr_pac_key key;
	size_t at; /* thread */
};

static int compare(const void *a, const void *b)
{
	const struct ref *x = a, *y = b;
	if (x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	int order = memcmp(&x->key, &y->key, sizeof(x->key));
	return order ? order : (x->at > y->at) - (x->at < y->at);
}

static struct cr_error *draw(int fd, struct cr_pac_key *ret)
{
	uint8_t *p = (uint8_t *)ret;
	size_t done = 0;
	if (fd < 0)
		return getentropy(ret, sizeof(*ret)) ?
			       cr_error_sys("getrandom") :
			       NULL;
	while (done < sizeof(*ret)) {
		ssize_t n = read(fd, p + done, sizeof(*ret) - done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return cr_error_sys("reading keys");
		if (!n)
			return cr_error_new(CR_ERR_USAGE,
					    "the file has fewer keys, of 16 "
					    "bytes each, than are needed");
		done += (size_t)n;
	}
	return NULL;
}

/* first[]: for each key, the thread that has the same one first. */
static void link_equal(struct ref *ref, size_t nr, size_t *first)
{
	size_t head = 0;
	qsort(ref, nr, sizeof(ref[0]), compare);
	for (size_t i = 0; i < nr; i++) {
		if (ref[i].kind != ref[head].kind ||
		    memcmp(&ref[i].key, &ref[head].key, sizeof(ref[i].key)))
			head = i;
		first[ref[i].at * CR_NR_REKEY_KINDS + ref[i].kind] =
			ref[head].at;
	}
}

static size_t list_keys(const struct cr_rekey_keys *keys, size_t nr,
			bool keeps_generic, struct ref *ref)
{
	size_t nr_refs = 0;
	for (size_t i = 0; i < nr; i++)
		for (unsigned kind = 0; kind < CR_NR_REKEY_KINDS; kind++)
			if (keys[i].has[kind] &&
			    !(kind == CR_REKEY_GA && keeps_generic))
				ref[nr_refs++] = (struct ref){
					kind, keys[i].old[kind], i
				};
	return nr_refs;
}

/* Threads in their order, so that a file's keys come in it, too. */
static struct cr_error *draw_all(struct cr_rekey_keys *keys, size_t nr, int fd,
				 bool keeps_generic, const size_t *first)
{
	struct cr_error *err = NULL;
	for (size_t i = 0; !err && i < nr * CR_NR_REKEY_KINDS; i++) {
		size_t at = i / CR_NR_REKEY_KINDS;
		unsigned kind = i % CR_NR_REKEY_KINDS;
		if (!keys[at].has[kind] ||
		    (kind == CR_REKEY_GA && keeps_generic))
			continue;
		if (first[i] == at)
			err = draw(fd, &keys[at].new_[kind]);
		else
			keys[at].new_[kind] = keys[first[i]].new_[kind];
	}
	return err;
}

struct cr_error *cr_rekey_renew(struct cr_rekey_keys *keys, size_t nr, int fd,
				bool keeps_generic)
{
	struct ref *ref = calloc(nr * CR_NR_REKEY_KINDS + 1, sizeof(ref[0]));
	size_t *first = calloc(nr * CR_NR_REKEY_KINDS + 1, sizeof(first[0]));
	struct cr_error *err = ref && first ? NULL : cr_enomem;
	if (!err) {
		link_equal(ref, list_keys(keys, nr, keeps_generic, ref), first);
		err = draw_all(keys, nr, fd, keeps_generic, first);
	}
	if (ref)
		explicit_bzero(ref, nr * CR_NR_REKEY_KINDS * sizeof(ref[0]));
	free(ref);
	free(first);
	return err;
}

void cr_rekey_unify(struct cr_rekey_keys *keys, size_t nr, bool keeps_generic)
{
	size_t leader = 0;
	for (size_t i = 0; i < nr; i++) {
		if (keys[i].pid != keys[leader].pid)
			leader = i;
		for (unsigned kind = 0; kind < CR_NR_REKEY_KINDS; kind++)
			if (keys[i].has[kind] && keys[leader].has[kind] &&
			    !(kind == CR_REKEY_GA && keeps_generic))
				keys[i].new_[kind] = keys[leader].new_[kind];
	}
}
