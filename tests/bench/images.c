// SPDX-License-Identifier: MIT
/*
 * Makes the large images that the benchmark runs on:
 *
 *	images OUTDIR
 *
 *	pagemap-1.img	1,000,000 entries, 1 to 8 pages each
 *	files.img	250,000 regular files
 *	mm-1.img	one entry with 250,000 VMAs
 *	core-1.img	one small image
 *	tree/		2,100 images of 300 processes
 *	fds/		a checkpoint of one process with 40,000 descriptors
 *	ps/		a checkpoint of 300 processes
 *
 * Messages are built with protobuf-c, so that this shares no code with what is
 * measured.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "images/core.pb-c.h"
#include "images/fdinfo.pb-c.h"
#include "images/fs.pb-c.h"
#include "images/mm.pb-c.h"
#include "images/pagemap.pb-c.h"
#include "images/pstree.pb-c.h"

static const char *dir;

static FILE *open_image(const char *name, uint32_t magic)
{
	char path[4096];
	uint32_t words[2] = { 0x54564319, magic };
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	FILE *f = fopen(path, "w");
	if (!f || fwrite(words, 4, 2, f) != 2) {
		perror(path);
		exit(1);
	}
	return f;
}

static void put(FILE *f, const ProtobufCMessage *msg)
{
	uint32_t size = (uint32_t)protobuf_c_message_get_packed_size(msg);
	uint8_t *bytes = malloc(size + 1);
	if (!bytes)
		abort();
	protobuf_c_message_pack(msg, bytes);
	if (fwrite(&size, 4, 1, f) != 1 || fwrite(bytes, size, 1, f) != 1) {
		perror("write");
		exit(1);
	}
	free(bytes);
}

static void close_image(FILE *f)
{
	if (fclose(f)) {
		perror("write");
		exit(1);
	}
}

static void make_pagemap(const char *name, unsigned nr)
{
	FILE *f = open_image(name, 0x56084025);
	PagemapHead head = PAGEMAP_HEAD__INIT;
	head.pages_id = 1;
	put(f, &head.base);
	uint64_t vaddr = 0x7f0000000000;
	for (unsigned i = 0; i < nr; i++) {
		PagemapEntry e = PAGEMAP_ENTRY__INIT;
		e.vaddr = vaddr;
		e.has_flags = 1;
		e.flags = 4;
		e.has_nr_pages = 1;
		e.nr_pages = 1 + i % 8;
		vaddr += (e.nr_pages + 1) * 4096;
		put(f, &e.base);
	}
	close_image(f);
}

static void make_files(const char *name, unsigned nr)
{
	FILE *f = open_image(name, 0x56303138);
	for (unsigned i = 0; i < nr; i++) {
		char path[64];
		FownEntry fown = FOWN_ENTRY__INIT;
		RegFileEntry reg = REG_FILE_ENTRY__INIT;
		FileEntry e = FILE_ENTRY__INIT;
		snprintf(path, sizeof(path), "/var/lib/demo/data/%06u.db", i);
		reg.id = i + 1;
		reg.flags = 0100002;
		reg.pos = i * 512ull;
		reg.fown = &fown;
		reg.name = path;
		reg.has_mnt_id = 1;
		reg.mnt_id = 24;
		reg.has_size = 1;
		reg.size = 65536 + i;
		reg.has_mode = 1;
		reg.mode = 0100644;
		e.type = FD_TYPES__REG;
		e.id = i + 1;
		e.reg = &reg;
		put(f, &e.base);
	}
	close_image(f);
}

static void fill_vma(VmaEntry *v, uint64_t i)
{
	vma_entry__init(v);
	v->start = 0x7f0000000000 + i * 8192;
	v->end = v->start + 4096;
	v->prot = 3;
	v->flags = 0x22;
	v->status = 0x201;
	v->fd = -1;
}

static void make_mm(const char *name, unsigned nr)
{
	FILE *f = open_image(name, 0x57492820);
	MmEntry e = MM_ENTRY__INIT;
	VmaEntry *vmas = calloc(nr, sizeof(*vmas));
	VmaEntry **ptrs = calloc(nr, sizeof(*ptrs));
	uint64_t auxv[40] = { 6, 4096 };
	if (!vmas || !ptrs)
		abort();
	for (unsigned i = 0; i < nr; i++) {
		fill_vma(&vmas[i], i);
		ptrs[i] = &vmas[i];
	}
	e.mm_start_code = 0x400000;
	e.mm_brk = 0x555555554000;
	e.n_mm_saved_auxv = 40;
	e.mm_saved_auxv = auxv;
	e.n_vmas = nr;
	e.vmas = ptrs;
	put(f, &e.base);
	free(vmas);
	free(ptrs);
	close_image(f);
}

static void make_core(const char *name, uint64_t seed)
{
	FILE *f = open_image(name, 0x55053847);
	uint64_t regs[31], vregs[64];
	for (unsigned i = 0; i < 64; i++) {
		regs[i % 31] = 0xaaaa00000000 + seed * i;
		vregs[i] = seed * 0x9e3779b97f4a7c15u * i;
	}
	UserAarch64RegsEntry gp = USER_AARCH64_REGS_ENTRY__INIT;
	gp.n_regs = 31;
	gp.regs = regs;
	UserAarch64FpsimdContextEntry fp =
		USER_AARCH64_FPSIMD_CONTEXT_ENTRY__INIT;
	fp.n_vregs = 64;
	fp.vregs = vregs;
	ThreadInfoAarch64 ti = THREAD_INFO_AARCH64__INIT;
	ti.gpregs = &gp;
	ti.fpsimd = &fp;
	SaEntry sa[64], *sas[64];
	for (unsigned i = 0; i < 64; i++) {
		sa_entry__init(&sa[i]);
		sas[i] = &sa[i];
	}
	char comm[] = "worker";
	TaskCoreEntry tc = TASK_CORE_ENTRY__INIT;
	tc.task_state = 1;
	tc.comm = comm;
	tc.n_sigactions = 64;
	tc.sigactions = sas;
	ThreadCoreEntry thread = THREAD_CORE_ENTRY__INIT;
	CoreEntry e = CORE_ENTRY__INIT;
	e.mtype = CORE_ENTRY__MARCH__AARCH64;
	e.ti_aarch64 = &ti;
	e.tc = &tc;
	e.thread_core = &thread;
	put(f, &e.base);
	close_image(f);
}

static void make_small(const char *name, unsigned kind, unsigned i)
{
	if (kind == 0) {
		FILE *f = open_image(name, 0x54432030);
		TaskKobjIdsEntry e = TASK_KOBJ_IDS_ENTRY__INIT;
		e.vm_id = e.files_id = e.fs_id = e.sighand_id = i;
		put(f, &e.base);
		close_image(f);
	} else if (kind == 1) {
		FILE *f = open_image(name, 0x51403912);
		FsEntry e = FS_ENTRY__INIT;
		e.cwd_id = i;
		e.root_id = 1;
		put(f, &e.base);
		close_image(f);
	} else {
		FILE *f = open_image(name, 0x56213732);
		for (unsigned fd = 0; fd < 20; fd++) {
			FdinfoEntry e = FDINFO_ENTRY__INIT;
			e.id = 20 * i + fd;
			e.type = FD_TYPES__REG;
			e.fd = fd;
			put(f, &e.base);
		}
		close_image(f);
	}
}

static void make_tree(unsigned nr)
{
	char path[4096], name[64];
	const char *outer = dir;
	snprintf(path, sizeof(path), "%s/tree", dir);
	if (mkdir(path, 0700) && errno != EEXIST) {
		perror(path);
		exit(1);
	}
	dir = path;
	for (unsigned i = 0; i < nr; i++) {
		snprintf(name, sizeof(name), "core-%u.img", 100 + i);
		make_core(name, i);
		snprintf(name, sizeof(name), "core-%u.img", 10100 + i);
		make_core(name, i);
		snprintf(name, sizeof(name), "mm-%u.img", 100 + i);
		make_mm(name, 30);
		snprintf(name, sizeof(name), "pagemap-%u.img", 100 + i);
		make_pagemap(name, 40);
		snprintf(name, sizeof(name), "ids-%u.img", 100 + i);
		make_small(name, 0, i);
		snprintf(name, sizeof(name), "fs-%u.img", 100 + i);
		make_small(name, 1, i);
		snprintf(name, sizeof(name), "fdinfo-%u.img", 100 + i);
		make_small(name, 2, i);
	}
	dir = outer;
}

/* The directory that images go to from now on; returns the one before. */
static const char *enter(char *path, size_t size, const char *name)
{
	const char *outer = dir;
	snprintf(path, size, "%s/%s", dir, name);
	if (mkdir(path, 0700) && errno != EEXIST) {
		perror(path);
		exit(1);
	}
	dir = path;
	return outer;
}

static void make_pstree(unsigned nr)
{
	FILE *f = open_image("pstree.img", 0x50273030);
	for (unsigned i = 0; i < nr; i++) {
		uint32_t tid = 100 + i;
		PstreeEntry e = PSTREE_ENTRY__INIT;
		e.pid = tid;
		e.ppid = i ? 100 + (i - 1) / 4 : 0;
		e.pgid = e.sid = 100;
		e.n_threads = 1;
		e.threads = &tid;
		put(f, &e.base);
	}
	close_image(f);
}

static void make_fdinfo(const char *name, unsigned nr)
{
	FILE *f = open_image(name, 0x56213732);
	for (unsigned i = 0; i < nr; i++) {
		FdinfoEntry e = FDINFO_ENTRY__INIT;
		e.id = i + 1;
		e.type = FD_TYPES__REG;
		e.fd = i;
		put(f, &e.base);
	}
	close_image(f);
}

static void make_fds(unsigned nr)
{
	char path[4096];
	const char *outer = enter(path, sizeof(path), "fds");
	make_pstree(1);
	make_core("core-100.img", 1);
	make_small("ids-100.img", 0, 1);
	make_small("fs-100.img", 1, 1);
	make_fdinfo("fdinfo-1.img", nr);
	make_files("files.img", nr);
	dir = outer;
}

static void make_ps(unsigned nr)
{
	char path[4096], name[64];
	const char *outer = enter(path, sizeof(path), "ps");
	make_pstree(nr);
	for (unsigned i = 0; i < nr; i++) {
		snprintf(name, sizeof(name), "core-%u.img", 100 + i);
		make_core(name, i);
	}
	dir = outer;
}

int main(int argc, char **argv)
{
	if (argc != 2) {
		fprintf(stderr, "usage: images OUTDIR\n");
		return 2;
	}
	dir = argv[1];
	make_pagemap("pagemap-1.img", 1000000);
	make_files("files.img", 250000);
	make_mm("mm-1.img", 250000);
	make_core("core-1.img", 1);
	make_tree(300);
	make_fds(40000);
	make_ps(300);
	return 0;
}
