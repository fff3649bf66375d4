// SPDX-License-Identifier: MIT
/*
 * Files of memory: memfd_create(2), and anonymous shared memory, which CRIU takes
 * for a memfd with the name "/dev/zero".
 *
 * Open files with the same inode share its memory: it is made with the first of
 * them. Facts: CRIU criu/memfd.c, v4.2; man 2 memfd_create.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "images/memfd.pb-c.h"
#include "lib/base/cleanup.h"
#include "restore/fd/kind.h"
#include "restore/hugetlb.h"
#include "restore/shared.h"

static const MemfdFileEntry *entry(const struct cr_ofile *file)
{
	return (const MemfdFileEntry *)file->opened.msg;
}

struct cr_memfds {
	struct cr_messages messages;
	int *fd; /* of each inode; -1: not made */
};

void cr_memfds_free(struct cr_memfds *memfds)
{
	if (!memfds)
		return;
	cr_messages_free(&memfds->messages);
	free(memfds->fd);
	free(memfds);
}

static struct cr_error *load(struct cr_rplan *plan)
{
	if (plan->memfds)
		return NULL;
	struct cr_memfds *memfds = calloc(1, sizeof(*memfds));
	if (!memfds)
		return cr_enomem;
	plan->memfds = memfds;
	struct cr_error *err = cr_set_load_optionalf(
		&plan->set, &memfd_inode_entry__descriptor, &memfds->messages,
		"memfd.img");
	if (err)
		return err;
	memfds->fd = malloc((memfds->messages.nr + 1) * sizeof(memfds->fd[0]));
	if (!memfds->fd)
		return cr_enomem;
	for (size_t i = 0; i < memfds->messages.nr; i++)
		memfds->fd[i] = -1;
	return NULL;
}

static const MemfdInodeEntry *inode(const struct cr_rplan *plan, size_t i)
{
	return (const MemfdInodeEntry *)plan->memfds->messages.msg[i];
}

bool cr_memfd_object(const struct cr_rplan *plan, size_t i, uint32_t *shmid_ret,
		     uint64_t *size_ret)
{
	if (!plan->memfds || i >= plan->memfds->messages.nr)
		return false;
	*shmid_ret = inode(plan, i)->shmid;
	*size_ret = inode(plan, i)->size;
	return true;
}

void cr_memfds_add_huge(const struct cr_rplan *plan, struct cr_huge *huge)
{
	for (size_t i = 0; plan->memfds && i < plan->memfds->messages.nr; i++) {
		const MemfdInodeEntry *e = inode(plan, i);
		if (e->has_hugetlb_flag)
			cr_huge_add(huge, e->hugetlb_flag, e->size);
	}
}

static struct cr_error *find(struct cr_rplan *plan, const struct cr_ofile *file,
			     size_t *ret)
{
	struct cr_error *err = load(plan);
	if (err)
		return err;
	for (size_t i = 0; i < plan->memfds->messages.nr; i++) {
		if (inode(plan, i)->inode_id != entry(file)->inode_id)
			continue;
		*ret = i;
		return NULL;
	}
	return cr_error_new(CR_ERR_FORMAT, "memfd.img has no inode %u",
			    (unsigned)entry(file)->inode_id);
}

struct cr_error *cr_memfd_plan(struct cr_rplan *plan, struct cr_ofile *file)
{
	size_t i;
	struct cr_error *err = find(plan, file, &i);
	if (!err && inode(plan, i)->size > INT64_MAX)
		err = cr_error_new(CR_ERR_FORMAT, "memfd.img: entry %zu: size",
				   i);
	return err;
}

#define HUGE_SIZE_BITS ((unsigned)MAP_HUGE_MASK << MAP_HUGE_SHIFT)

static struct cr_error *create(struct cr_restore *run,
			       const MemfdInodeEntry *e, int *fd_ret)
{
	const char *name = e->name;
	unsigned flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
	if (!strcmp(name, "/dev/zero") && e->size && e->size % 4096 == 0)
		return cr_shared_anonymous(run, e->size, MAP_NORESERVE, fd_ret);
	// The size of pages stands where mmap(2) has it.
	if (!strcmp(name, "/anon_hugepage") && e->size && e->has_hugetlb_flag)
		return cr_shared_anonymous(
			run, e->size,
			MAP_HUGETLB | (int)(e->hugetlb_flag & HUGE_SIZE_BITS),
			fd_ret);
	if (e->has_hugetlb_flag)
		flags |= MFD_HUGETLB | e->hugetlb_flag;
	int fd = memfd_create(name, flags);
	if (fd < 0)
		return cr_error_sys("make memory file %s", name);
	if (ftruncate(fd, (off_t)e->size)) {
		struct cr_error *err = cr_error_sys("make memory file %s", name);
		close(fd);
		return err;
	}
	struct cr_error *err = cr_fds_stash(run, &fd);
	if (!err)
		*fd_ret = fd;
	return err;
}

static struct cr_error *own(const MemfdInodeEntry *e, int fd)
{
	struct stat st;
	if (fstat(fd, &st))
		return cr_error_sys("memory file %s", e->name);
	if ((e->uid != st.st_uid || e->gid != st.st_gid) &&
	    fchown(fd, e->uid, e->gid))
		return cr_error_sys("memory file %s: give it away", e->name);
	if (e->has_mode && (e->mode & 07777) != (st.st_mode & 07777) &&
	    fchmod(fd, e->mode & 07777))
		return cr_error_sys("memory file %s: set its mode", e->name);
	return NULL;
}

static struct cr_error *seal(const MemfdInodeEntry *e, int fd)
{
	int seals = fcntl(fd, F_GET_SEALS);
	if (seals < 0 || (unsigned)seals == e->seals || !e->seals)
		return NULL;
	if (fcntl(fd, F_ADD_SEALS, (int)e->seals))
		return cr_error_sys("memory file %s: seal it", e->name);
	return NULL;
}

// The memory itself, as a file in the stash.
static struct cr_error *make(struct cr_restore *run, struct cr_ofile *file,
			     int *fd_ret)
{
	size_t i;
	struct cr_error *err = find(run->plan, file, &i);
	if (err)
		return err;
	const MemfdInodeEntry *e = inode(run->plan, i);
	int *fd = &run->plan->memfds->fd[i];
	if (*fd < 0) {
		err = create(run, e, fd);
		if (!err)
			err = cr_shared_fill(run, e->shmid, e->size, *fd);
		if (!err)
			err = own(e, *fd);
		if (!err)
			err = seal(e, *fd);
	}
	if (!err)
		*fd_ret = *fd;
	return err;
}

struct cr_error *cr_memfd_make(struct cr_restore *run, struct cr_ofile *file)
{
	int fd;
	return make(run, file, &fd);
}

struct cr_error *cr_memfd_again(struct cr_restore *run, struct cr_ofile *file,
				int flags, int *fd_ret)
{
	int fd;
	struct cr_error *err = make(run, file, &fd);
	return err ?: cr_fd_reopen(fd, flags & (O_ACCMODE | O_APPEND),
				   fd_ret);
}

struct cr_error *cr_memfd_open(struct cr_restore *run, struct cr_ofile *file)
{
	const MemfdFileEntry *e = entry(file);
	int fd;
	struct cr_error *err = cr_memfd_again(run, file, cr_fd_flags(e->flags),
					      &fd);
	if (err)
		return err;
	if (e->pos && lseek(fd, (off_t)e->pos, SEEK_SET) < 0)
		err = cr_error_sys("go to byte %llu",
				   (unsigned long long)e->pos);
	if (!err)
		err = cr_fd_set_flags(fd, e->flags);
	if (err)
		close(fd);
	return err ?: cr_ofile_has(run, file, fd);
}
