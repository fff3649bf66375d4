// SPDX-License-Identifier: MIT
/* Open files, descriptors, and what belongs to them. CRIU criu/files.c and what
 * it calls, v4.2. */
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "images/file-lock.pb-c.h"
#include "images/fs.pb-c.h"
#include "images/memfd.pb-c.h"
#include "images/pipe-data.pb-c.h"
#include "images/remap-file-path.pb-c.h"
#include "images/sk-packet.pb-c.h"
#include "images/tty.pb-c.h"
#include "lib/image/walk.h"
#include "lib/ops/check/inside.h"

#define EXTERNAL_SOCKET 1 /* USK_EXTERN of criu/sk-unix.c */
#define OLD_GHOST	(1u << 31)
#define SHARED_MAX	64 /* tables that an epoll file is looked for in */

enum { READS = 1, WRITES = 2 };

struct files {
	struct cr_check *c;
	const char *image;	/* being walked */
	uint32_t table;		/* being walked */
	struct cr_keys fds;	/* table, descriptor */
	struct cr_keys epolls;	/* id, table */
	struct cr_keys pipes;	/* pipe_id, READS or WRITES; of fifos both */
	struct cr_keys fifos;	/* pipe_id */
	struct cr_keys sockets; /* inode numbers of unix sockets */
	struct cr_keys ttys;	/* ids of tty-info.img */
	struct cr_keys inodes;	/* of memfd.img */
	struct cr_keys spaces;	/* ids of namespaces */
	const char *where;	/* image of the file looked at */
	int64_t entry;
};

static void add(struct files *f, struct cr_keys *keys, uint64_t key)
{
	if (!cr_keys_add(keys, key))
		cr_check_fail(f->c, cr_enomem);
}

/* ---- tables of descriptors ---- */

static uint32_t type_of(const struct cr_check *c, uint32_t id)
{
	for (uint32_t type = FD_TYPES__REG; type <= FD_TYPES__PIDFD; type++) {
		if (cr_check_has_file(c, type, id))
			return type;
	}
	return FD_TYPES__UND;
}

static const char *type_name(uint32_t type)
{
	return cr_file_type_name(type) ?: "unknown type";
}

static struct cr_error *look_at_fd(void *arg, uint64_t i,
				   const ProtobufCMessage *msg)
{
	struct files *f = arg;
	const FdinfoEntry *e = (const void *)msg;
	uint32_t found;
	add(f, &f->fds, cr_key(f->table, e->fd));
	if (e->type == FD_TYPES__EVENTPOLL)
		add(f, &f->epolls, cr_key(e->id, f->table));
	if (cr_check_has_file(f->c, e->type, e->id))
		return cr_check_stop(f->c);
	found = f->c->files.split ? FD_TYPES__UND : type_of(f->c, e->id);
	if (found)
		cr_check_found(f->c, CR_RULE_FD_WRONG_TYPE, f->image,
			       (int64_t)i,
			       "descriptor %u is a %s, and file %u is a %s",
			       e->fd, type_name(e->type), e->id,
			       type_name(found));
	else
		cr_check_found(f->c, CR_RULE_FD_MISSING_FILE, f->image,
			       (int64_t)i,
			       "descriptor %u: no %s file has id %u", e->fd,
			       type_name(e->type), e->id);
	return cr_check_stop(f->c);
}

static void walk(struct files *f, const char *image,
		 const ProtobufCMessageDescriptor *desc, cr_walk_fn *fn)
{
	f->image = image;
	if (cr_check_name(f->c, "%s", image) && !f->c->err)
		cr_check_walked(f->c, cr_walk(f->c->set, image, desc, fn, f));
}

static void check_table(struct files *f, uint32_t table)
{
	char image[32];
	f->table = table;
	snprintf(image, sizeof(image), "fdinfo-%u.img", table);
	if (!cr_check_name(f->c, "%s", image))
		cr_check_found(f->c, CR_RULE_FDINFO_MISSING, image, CR_NO_ENTRY,
			       "is not there: a process without descriptors");
	size_t first = f->fds.nr;
	walk(f, image, &fdinfo_entry__descriptor, look_at_fd);
	struct cr_keys mine = { .nr = f->fds.nr - first };
	if (mine.nr)
		mine.key = f->fds.key + first;
	cr_keys_sort(&mine);
	for (size_t i = 1; i < mine.nr; i++) {
		if (mine.key[i] == mine.key[i - 1] &&
		    (i == 1 || mine.key[i] != mine.key[i - 2]))
			cr_check_found(f->c, CR_RULE_FD_TWICE, image,
				       CR_NO_ENTRY,
				       "descriptor %u is there twice",
				       (uint32_t)mine.key[i]);
	}
}

/* Tables are named by id, before 0.4 by pid. task has ids. */
static uint32_t table_of(const struct cr_check *c,
			 const struct cr_check_task *task)
{
	bool by_id = !c->inventory || c->inventory->fdinfo_per_id;
	return by_id ? task->ids->files_id : task->pid;
}

static void check_tables(struct files *f)
{
	struct cr_check *c = f->c;
	struct cr_keys tables = { 0 };
	for (size_t i = 0; i < c->tree.nr; i++) {
		const struct cr_check_task *task = &c->task[i];
		if (task->has_core && !task->zombie && task->ids)
			add(f, &tables, table_of(c, task));
	}
	cr_keys_unique(&tables);
	for (size_t i = 0; i < tables.nr && !c->err; i++)
		check_table(f, (uint32_t)tables.key[i]);
	cr_keys_free(&tables);
}

/* ---- files by kind ---- */

/* A finding at the file that is looked at. */
#define found(f, rule, ...) \
	cr_check_found((f)->c, rule, (f)->where, (f)->entry, __VA_ARGS__)

static void check_reg(struct files *f, const RegFileEntry *e)
{
	struct cr_check *c = f->c;
	if (e->ext)
		found(f, CR_RULE_FILE_EXTERNAL, "%s is from outside", e->name);
	else if (c->has_mounts && e->has_mnt_id && e->mnt_id >= 0 &&
		 !cr_keys_has(&c->mounts, (uint32_t)e->mnt_id))
		found(f, CR_RULE_FILE_MOUNT, "%s is on mount %d, which is not there",
		      e->name, e->mnt_id);
}

static void add_pipe(struct files *f, const PipeEntry *e)
{
	uint32_t mode = e->flags & O_ACCMODE;
	if (mode != O_WRONLY)
		add(f, &f->pipes, cr_key(e->pipe_id, READS));
	if (mode != O_RDONLY)
		add(f, &f->pipes, cr_key(e->pipe_id, WRITES));
}

static void check_fifo(struct files *f, const FifoEntry *e)
{
	add(f, &f->fifos, e->pipe_id);
	if (e->has_regf_id &&
	    !cr_check_has_file(f->c, FD_TYPES__REG, e->regf_id))
		found(f, CR_RULE_FIFO_NO_FILE, "no regular file has id %u",
		      e->regf_id);
}

static void check_tty(struct files *f, const TtyFileEntry *e)
{
	if (!cr_keys_has(&f->ttys, e->tty_info_id))
		found(f, CR_RULE_TTY_NO_INFO, "terminal %u is not in tty-info.img",
		      e->tty_info_id);
	if (e->has_regf_id &&
	    !cr_check_has_file(f->c, FD_TYPES__REG, e->regf_id))
		found(f, CR_RULE_TTY_NO_FILE, "no regular file has id %u",
		      e->regf_id);
}

/* Peers are looked for when all sockets are known. */
static void check_peer(struct files *f, const UnixSkEntry *e)
{
	if (e->peer && !cr_keys_has(&f->sockets, e->peer))
		found(f, CR_RULE_UNIX_NO_PEER,
		      "socket %u is connected to %u, which is not there", e->ino,
		      e->peer);
	if (e->uflags & EXTERNAL_SOCKET)
		found(f, CR_RULE_UNIX_EXTERNAL, "socket %u is outside", e->ino);
}

static bool is_connection(const InetSkEntry *e)
{
	return e->type == SOCK_STREAM && e->proto == IPPROTO_TCP &&
	       e->state != TCP_LISTEN && e->state != TCP_CLOSE && e->state &&
	       e->state != TCP_TIME_WAIT;
}

static void check_inet(struct files *f, const InetSkEntry *e)
{
	struct cr_check *c = f->c;
	if (!is_connection(e) || (c->inventory && c->inventory->tcp_close))
		return;
	if (cr_check_name(c, "tcp-stream-%x.img", e->ino))
		found(f, CR_RULE_TCP_CONNECTION,
		      "port %u is connected to port %u", e->src_port,
		      e->dst_port);
	else
		found(f, CR_RULE_TCP_NO_STREAM,
		      "the connection from port %u to %u needs "
		      "tcp-stream-%x.img",
		      e->src_port, e->dst_port, e->ino);
}

/* A target is a descriptor of a table that has the epoll file. */
static bool has_target(struct files *f, uint32_t id, uint32_t tfd)
{
	const struct cr_keys *k = &f->epolls;
	size_t low = 0, high = k->nr;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (k->key[mid] < cr_key(id, 0))
			low = mid + 1;
		else
			high = mid;
	}
	if (low == k->nr || k->key[low] >> 32 != id)
		return true; /* nobody has it open */
	for (size_t i = 0; low < k->nr && k->key[low] >> 32 == id; low++) {
		if (++i > SHARED_MAX)
			return true;
		if (cr_keys_has(&f->fds, cr_key((uint32_t)k->key[low], tfd)))
			return true;
	}
	return false;
}

static void check_epoll(struct files *f, const EventpollFileEntry *e)
{
	cr_keys_sort(&f->epolls);
	for (size_t i = 0; i < e->n_tfd; i++) {
		if (!has_target(f, e->id, e->tfd[i]->tfd))
			found(f, CR_RULE_EPOLL_NO_TARGET,
			      "epoll file %u watches descriptor %u, which is "
			      "not there",
			      e->id, e->tfd[i]->tfd);
	}
}

static void check_memfd(struct files *f, const MemfdFileEntry *e)
{
	if (!cr_keys_has(&f->inodes, e->inode_id))
		found(f, CR_RULE_MEMFD_NO_INODE,
		      "inode %u is not in memfd.img", e->inode_id);
}

static void check_ns_file(struct files *f, const NsFileEntry *e)
{
	if (!cr_keys_has(&f->spaces, e->ns_id))
		found(f, CR_RULE_NS_FILE, "no process is in namespace %u",
		      e->ns_id);
}

static void check_kind(struct files *f, const struct cr_file_ref *ref,
		       const void *msg)
{
	switch (msg ? ref->type : FD_TYPES__UND) {
	case FD_TYPES__REG:
		check_reg(f, msg);
		break;
	case FD_TYPES__EXT:
		found(f, CR_RULE_FILE_EXTERNAL,
		      "file %u is one that a plugin knows", ref->id);
		break;
	case FD_TYPES__FIFO:
		check_fifo(f, msg);
		break;
	case FD_TYPES__TTY:
		check_tty(f, msg);
		break;
	case FD_TYPES__UNIXSK:
		check_peer(f, msg);
		break;
	case FD_TYPES__INETSK:
		check_inet(f, msg);
		break;
	case FD_TYPES__EVENTPOLL:
		check_epoll(f, msg);
		break;
	case FD_TYPES__MEMFD:
		check_memfd(f, msg);
		break;
	case FD_TYPES__NS:
		check_ns_file(f, msg);
		break;
	}
}

/* Calls fn for every file of a kind that is known; msg may be NULL. */
static void each_file(struct files *f,
		      void (*fn)(struct files *f, const struct cr_file_ref *ref,
				 const void *msg))
{
	const struct cr_files *files = &f->c->files;
	for (size_t i = 0; i < files->nr && !f->c->err; i++) {
		const struct cr_file_ref *ref = &files->ref[i];
		const struct cr_file_kind *kind = cr_file_kind(ref->type);
		struct cr_opened opened = { 0 };
		if (!kind)
			continue;
		f->where = files->split ? kind->image : "files.img";
		f->entry = ref->i;
		struct cr_error *err = cr_files_open(files, ref, &opened);
		if (err)
			cr_check_walked(f->c, err);
		else
			fn(f, ref, opened.msg);
		cr_opened_free(&opened);
	}
}

/* An entry by itself; and what others refer to, before any is checked. */
static void gather(struct files *f, const struct cr_file_ref *ref,
		   const void *msg)
{
	if (!msg)
		found(f, CR_RULE_FILE_EMPTY, "%s file %u has no member %s",
		      type_name(ref->type), ref->id,
		      cr_file_kind(ref->type)->member);
	else if (ref->type == FD_TYPES__PIPE)
		add_pipe(f, msg);
	else if (ref->type == FD_TYPES__UNIXSK)
		add(f, &f->sockets, ((const UnixSkEntry *)msg)->ino);
}

static void check_refs(struct files *f)
{
	const struct cr_files *files = &f->c->files;
	for (size_t i = 0; i < files->nr && !f->c->err; i++) {
		const struct cr_file_ref *ref = &files->ref[i];
		const struct cr_file_kind *kind = cr_file_kind(ref->type);
		f->where = files->split && kind ? kind->image : "files.img";
		f->entry = ref->i;
		if (!kind)
			found(f, CR_RULE_FILE_KIND, "file %u is of type %u",
			      ref->id, ref->type);
		else if (i && ref[-1].type == ref->type &&
			 ref[-1].id == ref->id)
			found(f, CR_RULE_FILE_TWICE,
			      "%s file %u is there twice, see entry %u",
			      type_name(ref->type), ref->id, ref[-1].i);
	}
}

/* ---- images beside them ---- */

static struct cr_error *add_tty(void *arg, uint64_t i,
				const ProtobufCMessage *msg)
{
	struct files *f = arg;
	const TtyInfoEntry *e = (const void *)msg;
	add(f, &f->ttys, e->id);
	if (e->type == TTY_TYPE__EXT_TTY)
		cr_check_found(f->c, CR_RULE_TTY_EXTERNAL, f->image,
			       (int64_t)i, "terminal %u is outside", e->id);
	return cr_check_stop(f->c);
}

static struct cr_error *add_inode(void *arg, uint64_t i,
				  const ProtobufCMessage *msg)
{
	struct files *f = arg;
	add(f, &f->inodes,
	    ((const MemfdInodeEntry *)(const void *)msg)->inode_id);
	return cr_check_stop(f->c);
}

static void check_remap(struct files *f, int64_t i,
			const RemapFilePathEntry *e, const char *image)
{
	struct cr_check *c = f->c;
	bool ghost = e->has_remap_type ? e->remap_type == REMAP_TYPE__GHOST :
					 e->remap_id & OLD_GHOST;
	bool linked = e->has_remap_type ?
			      e->remap_type == REMAP_TYPE__LINKED :
			      !ghost;
	uint32_t id = e->remap_id & ~OLD_GHOST;
	if (!cr_check_has_file(c, FD_TYPES__REG, e->orig_id))
		cr_check_found(c, CR_RULE_REMAP_NO_FILE, image, i,
			       "no regular file has id %u", e->orig_id);
	if (linked && !cr_check_has_file(c, FD_TYPES__REG, e->remap_id))
		cr_check_found(c, CR_RULE_REMAP_NO_FILE, image, i,
			       "file %u is at that of id %u, which is not there",
			       e->orig_id, e->remap_id);
	if (ghost && !cr_check_name(c, "ghost-file-%x.img", id))
		cr_check_found(c, CR_RULE_GHOST_MISSING, image, i,
			       "file %u needs ghost-file-%x.img", e->orig_id,
			       id);
}

static struct cr_error *look_at_remap(void *arg, uint64_t i,
				      const ProtobufCMessage *msg)
{
	struct files *f = arg;
	check_remap(f, (int64_t)i, (const void *)msg, f->image);
	return cr_check_stop(f->c);
}

static struct cr_error *look_at_lock(void *arg, uint64_t i,
				     const ProtobufCMessage *msg)
{
	struct files *f = arg;
	struct cr_check *c = f->c;
	const FileLockEntry *e = (const void *)msg;
	const struct cr_task *task = cr_pstree_find(&c->tree, (uint32_t)e->pid);
	const struct cr_check_task *mine =
		task ? &c->task[cr_pstree_entry(&c->tree, task)] : NULL;
	if (!mine || mine->zombie || !mine->ids ||
	    !cr_keys_has(&f->fds, cr_key(table_of(c, mine), (uint32_t)e->fd)))
		cr_check_found(c, CR_RULE_LOCK_ORPHAN, f->image, (int64_t)i,
			       "process %d has no descriptor %d", e->pid, e->fd);
	return cr_check_stop(c);
}

static void check_queues(struct files *f)
{
	static const uint32_t kinds[] = { FD_TYPES__UNIXSK, FD_TYPES__NETLINKSK,
					  FD_TYPES__INETSK, FD_TYPES__PACKETSK };
	struct cr_check *c = f->c;
	struct cr_messages queues;
	cr_check_messages(c, &sk_packet_entry__descriptor, &queues,
			  "sk-queues.img");
	for (size_t i = 0; i < queues.nr && !c->err; i++) {
		const SkPacketEntry *e = (const void *)queues.msg[i];
		bool has = false;
		for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++)
			has |= cr_check_has_file(c, kinds[k], e->id_for);
		if (!has)
			cr_check_found(c, CR_RULE_QUEUE_ORPHAN, "sk-queues.img",
				       (int64_t)i,
				       "is a packet for socket %u, which is not "
				       "there",
				       e->id_for);
		for (size_t s = 0; s < e->n_scm; s++) {
			for (size_t r = 0; r < e->scm[s]->n_rights; r++) {
				uint32_t id = e->scm[s]->rights[r];
				if (!type_of(c, id))
					cr_check_found(
						c, CR_RULE_QUEUE_NO_FILE,
						"sk-queues.img", (int64_t)i,
						"passes file %u, which is not "
						"there",
						id);
			}
		}
	}
	cr_messages_free(&queues);
}

static void check_pipe_data(struct files *f, const char *image,
			    struct cr_keys *pipes, struct cr_keys *others)
{
	struct cr_messages data;
	cr_check_messages(f->c, &pipe_data_entry__descriptor, &data, "%s",
			  image);
	for (size_t i = 0; i < data.nr; i++) {
		uint32_t id = ((const PipeDataEntry *)(const void *)data.msg[i])
				      ->pipe_id;
		if (!cr_keys_has(pipes, id) &&
		    !cr_keys_has(others, cr_key(id, READS)) &&
		    !cr_keys_has(others, cr_key(id, WRITES)))
			cr_check_found(f->c, CR_RULE_PIPE_DATA_ORPHAN, image,
				       (int64_t)i, "no pipe has id %u", id);
	}
	cr_messages_free(&data);
}

static void check_pipes(struct files *f)
{
	const struct cr_keys *k = &f->pipes;
	struct cr_keys none = { 0 };
	cr_keys_sort(&f->pipes);
	for (size_t i = 0; i < k->nr;) {
		uint32_t id = (uint32_t)(k->key[i] >> 32), ends = 0;
		for (; i < k->nr && k->key[i] >> 32 == id; i++)
			ends |= (uint32_t)k->key[i];
		if (ends != (READS | WRITES))
			cr_check_found(f->c, CR_RULE_PIPE_ONE_END,
				       f->c->files.split ? "pipes.img" :
							   "files.img",
				       CR_NO_ENTRY,
				       "pipe %u has only the end that is %s", id,
				       ends == READS ? "read" : "written");
	}
	check_pipe_data(f, "pipes-data.img", &none, &f->pipes);
	check_pipe_data(f, "fifo-data.img", &f->fifos, &none);
}

static void check_dirs(struct files *f)
{
	struct cr_check *c = f->c;
	for (size_t i = 0; i < c->tree.nr && !c->err; i++) {
		const struct cr_check_task *task = &c->task[i];
		char image[32];
		if (!task->has_core || task->zombie)
			continue;
		snprintf(image, sizeof(image), "fs-%u.img", task->pid);
		FsEntry *e =
			cr_check_message(c, &fs_entry__descriptor, "%s", image);
		if (e && !cr_check_has_file(c, FD_TYPES__REG, e->cwd_id))
			cr_check_found(c, CR_RULE_FS_MISSING_FILE, image, 0,
				       "cwd_id: no regular file has id %u",
				       e->cwd_id);
		if (e && !cr_check_has_file(c, FD_TYPES__REG, e->root_id))
			cr_check_found(c, CR_RULE_FS_MISSING_FILE, image, 0,
				       "root_id: no regular file has id %u",
				       e->root_id);
		cr_message_free(e);
	}
}

static void add_spaces(struct files *f, const TaskKobjIdsEntry *ids)
{
	if (!ids)
		return;
	add(f, &f->spaces, ids->pid_ns_id);
	add(f, &f->spaces, ids->net_ns_id);
	add(f, &f->spaces, ids->ipc_ns_id);
	add(f, &f->spaces, ids->uts_ns_id);
	add(f, &f->spaces, ids->mnt_ns_id);
	add(f, &f->spaces, ids->user_ns_id);
	add(f, &f->spaces, ids->cgroup_ns_id);
	add(f, &f->spaces, ids->time_ns_id);
}

static void check_all(struct files *f)
{
	struct cr_check *c = f->c;
	check_refs(f);
	check_tables(f);
	walk(f, "tty-info.img", &tty_info_entry__descriptor, add_tty);
	walk(f, "memfd.img", &memfd_inode_entry__descriptor, add_inode);
	for (size_t i = 0; i < c->tree.nr; i++)
		add_spaces(f, c->task[i].ids);
	add_spaces(f, c->inventory ? c->inventory->root_ids : NULL);
	each_file(f, gather);
	each_file(f, check_kind);
	walk(f, "remap-fpath.img", &remap_file_path_entry__descriptor,
	     look_at_remap);
	walk(f, "filelocks.img", &file_lock_entry__descriptor, look_at_lock);
	check_queues(f);
	check_pipes(f);
	check_dirs(f);
}

void cr_check_files(struct cr_check *c)
{
	struct files f = { .c = c };
	struct cr_error *err = cr_files_load(c->set, &c->files);
	if (err) {
		cr_check_took(c, CR_RULE_IMAGE_BROKEN, err);
		c->no_files = true;
	}
	if (c->tree.nr)
		check_all(&f);
	cr_keys_free(&f.fds);
	cr_keys_free(&f.epolls);
	cr_keys_free(&f.pipes);
	cr_keys_free(&f.fifos);
	cr_keys_free(&f.sockets);
	cr_keys_free(&f.ttys);
	cr_keys_free(&f.inodes);
	cr_keys_free(&f.spaces);
}
