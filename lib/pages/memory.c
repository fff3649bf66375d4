// SPDX-License-Identifier: MIT
#include "lib/pages/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "images/memfd.pb-c.h"
#include "images/regfile.pb-c.h"
#include "lib/base/cleanup.h"

struct cr_error *cr_memory_init(struct cr_memory *memory, struct cr_set *set,
				const char *sysroot)
{
	*memory = (struct cr_memory){ .set = set, .sysroot_fd = -1 };
	if (sysroot) {
		memory->sysroot_fd =
			open(sysroot, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (memory->sysroot_fd < 0)
			return cr_error_sys("sysroot %s", sysroot);
	}
	struct cr_error *err = cr_chain_init(&memory->chain, set->store);
	if (err)
		cr_memory_deinit(memory);
	return err;
}

static void destroy_object(void *p)
{
	cr_object_deinit(p);
	free(p);
}

void cr_memory_deinit(struct cr_memory *memory)
{
	if (!memory->set)
		return;
	if (memory->shared)
		tdestroy(memory->shared, destroy_object);
	for (size_t i = 0; i < memory->nr_memfds; i++)
		free(memory->memfd[i].name);
	free(memory->memfd);
	cr_contents_deinit(&memory->contents);
	cr_files_free(&memory->files);
	cr_chain_deinit(&memory->chain);
	if (memory->sysroot_fd >= 0)
		close(memory->sysroot_fd);
	*memory = (struct cr_memory){ .sysroot_fd = -1 };
}

/* ---- what there is ---- */

struct ids {
	const char *prefix;
	struct cr_memory_ids list;
	size_t cap;
};

static struct cr_error *add_id(struct ids *ids, uint32_t id)
{
	if (ids->list.nr == ids->cap) {
		size_t cap = ids->cap ? 2 * ids->cap : 64;
		void *more = realloc(ids->list.id, cap * sizeof(uint32_t));
		if (!more)
			return cr_enomem;
		ids->list.id = more;
		ids->cap = cap;
	}
	ids->list.id[ids->list.nr++] = id;
	return NULL;
}

/* PREFIX-NUMBER.img, as CRIU writes the number. */
static struct cr_error *look_at_name(void *arg, const char *name)
{
	struct ids *ids = arg;
	size_t size = strlen(ids->prefix);
	if (strncmp(name, ids->prefix, size))
		return NULL;
	char *end;
	const char *digits = name + size;
	if (*digits < '0' || *digits > '9')
		return NULL;
	errno = 0;
	unsigned long id = strtoul(digits, &end, 10);
	if (strcmp(end, ".img") || errno || id > UINT32_MAX ||
	    (digits[0] == '0' && end > digits + 1))
		return NULL;
	return add_id(ids, (uint32_t)id);
}

static int compare_ids(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	return x < y ? -1 : x > y;
}

static struct cr_error *list_ids(struct cr_memory *memory,
				 const char *const *prefixes,
				 struct cr_memory_ids *ret)
{
	struct ids ids = { .prefix = NULL };
	struct cr_error *err = NULL;
	for (; !err && *prefixes; prefixes++) {
		ids.prefix = *prefixes;
		err = cr_store_each(memory->set->store, look_at_name, &ids);
	}
	if (err) {
		free(ids.list.id);
		return err;
	}
	struct cr_memory_ids *list = &ids.list;
	size_t nr = 0;
	if (list->nr)
		qsort(list->id, list->nr, sizeof(uint32_t), compare_ids);
	for (size_t i = 0; i < list->nr; i++)
		if (!nr || list->id[nr - 1] != list->id[i])
			list->id[nr++] = list->id[i];
	list->nr = nr;
	*ret = *list;
	return NULL;
}

struct cr_error *cr_memory_pids(struct cr_memory *memory,
				struct cr_memory_ids *ret)
{
	/* A pre-dump has pagemaps alone; a process without pages, mm alone. */
	static const char *const prefixes[] = { "mm-", "pagemap-", NULL };
	return list_ids(memory, prefixes, ret);
}

struct cr_error *cr_memory_objects(struct cr_memory *memory,
				   struct cr_memory_ids *ret)
{
	static const char *const prefixes[] = { "pagemap-shmem-", NULL };
	return list_ids(memory, prefixes, ret);
}

/* ---- pagemaps ---- */

void cr_object_init(struct cr_object *object, const char *kind, uint32_t id,
		    uint32_t page_size)
{
	*object = (struct cr_object){ .id = id, .page_size = page_size };
	snprintf(object->name, sizeof(object->name), "%s-%u.img", kind,
		 (unsigned)id);
}

void cr_object_deinit(struct cr_object *object)
{
	for (unsigned i = 0; i < object->nr; i++)
		cr_pagemap_deinit(&object->layer[i].map);
	free(object->layer);
	cr_error_free(object->fault);
	*object = (struct cr_object){ 0 };
}

static struct cr_error *load_layer(struct cr_object *object,
				   struct cr_memory *memory, unsigned layer)
{
	struct cr_store *store;
	struct cr_error *err = cr_chain_layer(&memory->chain, layer, &store);
	if (err)
		return err;
	void *grown =
		realloc(object->layer, (layer + 1) * sizeof(object->layer[0]));
	if (!grown)
		return cr_enomem;
	object->layer = grown;
	struct cr_object_layer l = { .absent = false };
	err = cr_pagemap_init(&l.map, store, object->name, object->page_size);
	if (cr_error_catch(&err, CR_ERR_NOT_FOUND))
		l.absent = true;
	if (err)
		return cr_chain_at(&memory->chain, layer, err);
	object->layer[object->nr++] = l;
	return NULL;
}

struct cr_error *cr_object_map(struct cr_object *object,
			       struct cr_memory *memory, unsigned layer,
			       const struct cr_pagemap **ret)
{
	while (layer >= object->nr) {
		if (!object->fault)
			object->fault = load_layer(object, memory, object->nr);
		if (object->fault)
			return cr_error_new(cr_error_code(object->fault), "%s",
					    cr_error_text(object->fault));
	}
	*ret = object->layer[layer].absent ? NULL : &object->layer[layer].map;
	return NULL;
}

static int compare_objects(const void *a, const void *b)
{
	const struct cr_object *x = a, *y = b;
	return x->id < y->id ? -1 : x->id > y->id;
}

struct cr_error *cr_memory_shared(struct cr_memory *memory, uint32_t id,
				  uint32_t page_size, struct cr_object **ret)
{
	struct cr_object key = { .id = id };
	struct cr_object **found =
		tfind(&key, &memory->shared, compare_objects);
	if (found) {
		*ret = *found;
		return NULL;
	}
	cr_auto_free struct cr_object *object = malloc(sizeof(*object));
	if (!object)
		return cr_enomem;
	cr_object_init(object, "pagemap-shmem", id, page_size);
	if (!tsearch(object, &memory->shared, compare_objects))
		return cr_enomem;
	*ret = cr_take_ptr(object);
	return NULL;
}

/* ---- what is mapped ---- */

static struct cr_error *need_files(struct cr_memory *memory)
{
	struct cr_error *err = NULL;
	if (!memory->has_files)
		err = cr_files_load(memory->set, &memory->files);
	memory->has_files = !err;
	return err;
}

static int compare_memfds(const void *a, const void *b)
{
	const struct cr_memfd *x = a, *y = b;
	return x->inode_id < y->inode_id ? -1 : x->inode_id > y->inode_id;
}

struct cr_error *cr_memory_load_memfds(struct cr_memory *memory)
{
	struct cr_messages m;
	if (memory->has_memfds)
		return NULL;
	struct cr_error *err = cr_set_load_optionalf(
		memory->set, &memfd_inode_entry__descriptor, &m, "memfd.img");
	if (err)
		return err;
	memory->memfd = calloc(m.nr + 1, sizeof(memory->memfd[0]));
	if (!memory->memfd)
		err = cr_enomem;
	for (size_t i = 0; !err && i < m.nr; i++) {
		const MemfdInodeEntry *e = (const MemfdInodeEntry *)m.msg[i];
		struct cr_memfd *memfd = &memory->memfd[memory->nr_memfds++];
		memfd->inode_id = e->inode_id;
		memfd->shmid = e->shmid;
		memfd->name = strdup(e->name);
		if (!memfd->name)
			err = cr_enomem;
	}
	cr_messages_free(&m);
	if (!err && memory->nr_memfds)
		qsort(memory->memfd, memory->nr_memfds,
		      sizeof(memory->memfd[0]), compare_memfds);
	memory->has_memfds = !err;
	return err;
}

/* The memfd that a mapping's file id leads to; NULL if the images do not say.
 */
static struct cr_error *find_memfd(struct cr_memory *memory,
				   const struct cr_vma *vma,
				   const struct cr_memfd **ret)
{
	struct cr_opened opened = { 0 };
	struct cr_error *err = need_files(memory);
	if (!err)
		err = cr_memory_load_memfds(memory);
	if (!err)
		err = cr_files_get(&memory->files, FD_TYPES__MEMFD,
				   (uint32_t)vma->shmid, &opened);
	if (err)
		return err;
	const MemfdFileEntry *e = (const MemfdFileEntry *)opened.msg;
	struct cr_memfd key = { .inode_id = e ? e->inode_id : 0 };
	*ret = NULL;
	if (e && memory->nr_memfds)
		*ret = bsearch(&key, memory->memfd, memory->nr_memfds,
			       sizeof(key), compare_memfds);
	cr_opened_free(&opened);
	return NULL;
}

struct cr_error *cr_memory_shmid(struct cr_memory *memory,
				 const struct cr_vma *vma, bool *is_ret,
				 uint32_t *id_ret)
{
	const struct cr_memfd *memfd;
	*is_ret = false;
	if (vma->status & (CR_VMA_ANON_SHARED | CR_VMA_SYSVIPC)) {
		*is_ret = vma->shmid <= UINT32_MAX;
		*id_ret = (uint32_t)vma->shmid;
		return NULL;
	}
	if (!(vma->status & CR_VMA_MEMFD))
		return NULL;
	struct cr_error *err = find_memfd(memory, vma, &memfd);
	if (err || !memfd)
		return err;
	*is_ret = true;
	*id_ret = memfd->shmid;
	return NULL;
}

static struct cr_error *make_name(const char *fmt, const char *text,
				  uint64_t id, char **ret)
{
	char buf[64];
	if (text) {
		size_t size = strlen(fmt) + strlen(text) + 3;
		*ret = malloc(size);
		if (*ret)
			snprintf(*ret, size, "%s%s%s", fmt, text,
				 *fmt ? "]" : "");
	} else {
		snprintf(buf, sizeof(buf), "%s %llu]", fmt,
			 (unsigned long long)id);
		*ret = strdup(buf);
	}
	return *ret ? NULL : cr_enomem;
}

static struct cr_error *file_name(struct cr_memory *memory,
				  const struct cr_vma *vma, char **ret)
{
	struct cr_opened opened = { 0 };
	struct cr_error *err = need_files(memory);
	if (!err)
		err = cr_files_get(&memory->files, FD_TYPES__REG,
				   (uint32_t)vma->shmid, &opened);
	if (err)
		return err;
	const RegFileEntry *e = (const RegFileEntry *)opened.msg;
	if (e && e->name)
		err = make_name("", e->name, 0, ret);
	else
		err = make_name("[file", NULL, vma->shmid, ret);
	cr_opened_free(&opened);
	return err;
}

struct cr_error *cr_memory_name(struct cr_memory *memory,
				const struct cr_vma *vma, char **ret)
{
	// clang-format off
	static const struct {
		uint32_t status;
		const char *name;
	} special[] = {
		{ CR_VMA_HEAP,     "[heap]" },
		{ CR_VMA_STACK,    "[stack]" },
		{ CR_VMA_VDSO,     "[vdso]" },
		{ CR_VMA_VVAR,     "[vvar]" },
		{ CR_VMA_VSYSCALL, "[vsyscall]" },
		{ CR_VMA_SHSTK,    "[shadow stack]" },
		{ CR_VMA_AIORING,  "[aio]" },
		{ CR_VMA_SOCKET,   "[packet socket]" },
		{ CR_VMA_UPROBES,  "[uprobes]" },
	};
	// clang-format on
	const struct cr_memfd *memfd = NULL;
	if (cr_vma_is_file(vma))
		return file_name(memory, vma, ret);
	if (vma->status & CR_VMA_SYSVIPC)
		return make_name("[sysv", NULL, vma->shmid, ret);
	if (vma->status & CR_VMA_ANON_SHARED)
		return make_name("[shm", NULL, vma->shmid, ret);
	if (vma->status & CR_VMA_MEMFD) {
		struct cr_error *err = find_memfd(memory, vma, &memfd);
		if (err)
			return err;
		return make_name(memfd ? "[memfd " : "[memfd",
				 memfd ? memfd->name : NULL, vma->shmid, ret);
	}
	const char *name = "";
	for (size_t i = 0; i < sizeof(special) / sizeof(special[0]); i++)
		if (vma->status & special[i].status)
			name = special[i].name;
	*ret = strdup(name);
	return *ret ? NULL : cr_enomem;
}

struct cr_error *cr_memory_open_file(struct cr_memory *memory,
				     const struct cr_vma *vma, int *fd_ret)
{
	struct open_how how = {
		.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};
	struct stat st;
	cr_auto_free char *name = NULL;
	*fd_ret = -1;
	if (memory->sysroot_fd < 0)
		return NULL;
	struct cr_error *err = cr_memory_name(memory, vma, &name);
	if (err)
		return err;
	cr_auto_close int fd = (int)syscall(SYS_openat2, memory->sysroot_fd,
					    name, &how, sizeof(how));
	if (fd < 0 && errno == ENOSYS)
		return cr_error_new(CR_ERR_UNSUPPORTED,
				    "this kernel has no openat2(2) to look "
				    "into a sysroot with");
	if (fd >= 0 && !fstat(fd, &st) && S_ISREG(st.st_mode))
		*fd_ret = cr_take_fd(&fd);
	return NULL;
}
