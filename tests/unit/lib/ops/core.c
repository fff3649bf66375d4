// SPDX-License-Identifier: MIT
#include "lib/ops/core.h"

#include <elf.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "tests/support/codec.h"
#include "tests/support/main.h"
#include "tests/support/pages.h"

#define JSON(name, json) put(name, cr_test_image_bytes(text(cr_test_quotes(json))))

/* A process, 1, with one thread of AArch64, and what else it takes. */
static void process(const char *tc, const char *more)
{
	put("a/pstree.img",
	    image("PSTREE", entry(num(1, 1), num(2, 0), num(3, 5), num(4, 6),
				  num(5, 1))));
	JSON("a/core-1.img",
	     cr_test_format(
		     "{'magic': 'CORE', 'entries': [{'mtype': 'AARCH64', "
		     "'ti_aarch64': {'clear_tid_addr': 0, 'tls': 0, 'gpregs': "
		     "{'regs': [1], 'sp': 2, 'pc': 3, 'pstate': 4}, 'fpsimd': "
		     "{'vregs': [], 'fpsr': 0, 'fpcr': 0}}, 'tc': {'task_state': "
		     "%s, 'exit_code': 0, 'personality': 0, 'flags': 0, "
		     "'blk_sigset': 2, 'comm': 'demo'%s}}]}",
		     tc, more));
}

/* Anonymous, a hole in the middle; of a file that is not here, one page changed;
 * the kernel's. */
static void memory(void)
{
	put("a/mm-1.img", mm(4096, vma(0x10000, 0x14000, 0x201),
			     vma_of(0x20000, 0x24000, 0x41, 0x3000, 9),
			     vma(0x30000, 0x31000, 0x1001)));
	put("a/pagemap-1.img", pagemap(1, run(0x10000, 1, 4), run(0x12000, 1, 4),
				       run(0x21000, 1, 4)));
	put("a/pages-1.img", cat(page('a'), page('b'), page('c')));
}

static char *findings;

static void found(void *arg, struct cr_error *err)
{
	findings = cr_test_format("%s%s\n", findings, cr_error_text(err));
	cr_error_free(err);
}

/* The core of process 1 as a file's bytes; the error's text in *findings. */
static struct bytes core_of(bool sparse, bool secrets)
{
	struct cr_set set;
	struct cr_memory mem;
	struct cr_pstree tree;
	struct cr_core core = { &mem, &tree, secrets, found, NULL };
	const char *path = cr_test_file("core", text(""), 0600);
	int fd = open(path, O_RDWR | O_CLOEXEC);
	findings = cr_test_format("%s", "");
	ck_assert_ptr_null(cr_set_open(cr_test_path("a"), &set));
	ck_assert_ptr_null(cr_pstree_load(&set, &tree));
	ck_assert_ptr_null(cr_memory_init(&mem, &set, NULL));
	struct cr_error *err = cr_core_write(&core, 1, fd, sparse);
	if (err)
		findings = cr_test_error(err);
	cr_memory_deinit(&mem);
	cr_pstree_free(&tree);
	cr_set_close(&set);
	close(fd);
	struct bytes b = cr_test_content(path);
	unlink(path);
	return b;
}

static Elf64_Ehdr ehdr_of(struct bytes b)
{
	Elf64_Ehdr h;
	ck_assert_uint_ge(b.size, sizeof(h));
	memcpy(&h, b.p, sizeof(h));
	return h;
}

static Elf64_Phdr phdr_of(struct bytes b, size_t i)
{
	Elf64_Phdr h;
	ck_assert_uint_ge(b.size, sizeof(Elf64_Ehdr) + (i + 1) * sizeof(h));
	memcpy(&h, b.p + sizeof(Elf64_Ehdr) + i * sizeof(h), sizeof(h));
	return h;
}

/* "10000+3000/4000 rw-" of each segment: address, bytes, size, rights. */
static const char *segments(struct bytes b)
{
	char *text = cr_test_format("%s", "");
	for (size_t i = 1; i < ehdr_of(b).e_phnum; i++) {
		Elf64_Phdr h = phdr_of(b, i);
		text = cr_test_format(
			"%s%s%llx+%llx/%llx", text, *text ? " " : "",
			(unsigned long long)h.p_vaddr,
			(unsigned long long)h.p_filesz,
			(unsigned long long)h.p_memsz);
		ck_assert_uint_eq(h.p_offset % 4096, 0);
		ck_assert_uint_le(h.p_offset + h.p_filesz, b.size);
	}
	return text;
}

/* The contents of a note; size 0: there is none. */
static struct bytes note(struct bytes b, uint32_t type)
{
	Elf64_Phdr h = phdr_of(b, 0);
	ck_assert_uint_le(h.p_offset + h.p_filesz, b.size);
	const uint8_t *p = b.p + h.p_offset, *end = p + h.p_filesz;
	while (p < end) {
		Elf64_Nhdr n;
		memcpy(&n, p, sizeof(n));
		const uint8_t *data = p + 12 + ((n.n_namesz + 3) & ~3u);
		if (n.n_type == type)
			return (struct bytes){ data, n.n_descsz };
		p = data + ((n.n_descsz + 3) & ~3u);
	}
	ck_assert_ptr_eq(p, end);
	return (struct bytes){ NULL, 0 };
}

static uint32_t u32(struct bytes b, size_t off)
{
	uint32_t v;
	ck_assert_uint_ge(b.size, off + sizeof(v));
	memcpy(&v, b.p + off, sizeof(v));
	return v;
}

TEST(pages_of_files_that_are_not_here_have_no_bytes)
{
	process("1", "");
	memory();
	struct bytes b = core_of(true, false);
	assert_text(findings, "");
	assert_text(segments(b), "10000+3000/4000 20000+0/1000 "
				 "21000+1000/1000 22000+0/2000 30000+0/1000");
	Elf64_Phdr h = phdr_of(b, 1);
	ck_assert_uint_eq(b.p[h.p_offset], 'a');
	ck_assert_uint_eq(b.p[h.p_offset + 0x1000], 0);
	ck_assert_uint_eq(b.p[h.p_offset + 0x2fff], 'b');
	ck_assert_uint_eq(b.p[phdr_of(b, 3).p_offset], 'c');
}

TEST(a_pipe_gets_what_a_sparse_file_gets)
{
	process("1", "");
	memory();
	struct bytes b = core_of(true, false);
	assert_bytes(core_of(false, false), b);
}

TEST(much_that_was_never_touched_is_no_part_of_the_file)
{
	process("1", "");
	memory();
	put("a/mm-1.img", mm(4096, vma(0x10000, 0x40000000000, 0x201)));
	put("a/pagemap-1.img",
	    pagemap(1, run(0x10000, 1, 4), run(0x10f000, 1, 4),
		    run(0x300000000, 1, 4)));
	struct bytes b = core_of(false, false);
	assert_text(findings, "");
	assert_text(segments(b), "10000+100000/2ffff0000 "
				 "300000000+1000/3fd00000000");
	ck_assert_uint_eq(b.size, phdr_of(b, 2).p_offset + 0x1000);
}

TEST(what_should_be_here_and_is_not_is_in_no_segment_and_said)
{
	process("1", "");
	memory();
	put("a/pagemap-1.img", pagemap(1, run(0x10000, 1, 4), run(0x11000, 1, 2),
				       run(0x12000, 1, 1)));
	put("a/pages-1.img", page('a'));
	struct bytes b = core_of(true, false);
	assert_text(segments(b), "10000+1000/1000 13000+0/1000 20000+0/4000 "
				 "30000+0/1000");
	assert_text(findings,
		    "0x11000: was left to be sent later (lazy)\n"
		    "pagemap-1.img: the page at 0x12000 is said to be in the "
		    "parent, and there is none\n");
}

/* A block of LZ4 that is none. */
TEST(pages_that_cannot_be_read_are_zeros_and_said)
{
	process("1", "");
	memory();
	JSON("a/pagemap-1.img",
	     "{'magic': 'PAGEMAP', 'entries': [{'pages_id': 1}, {'vaddr': 65536, "
	     "'compat_nr_pages': 0, 'nr_pages': 2, 'flags': 4, 'blocks': "
	     "{'block_sizes': [9, 4096], 'total_payload_size': 4105, "
	     "'pages_per_block': 1}}]}");
	put("a/pages-1.img", cat(fill(0xff, 9), page('b')));
	struct bytes b = core_of(true, false);
	const uint8_t *p = b.p + phdr_of(b, 1).p_offset;
	ck_assert_uint_eq(p[0], 0);
	ck_assert_uint_eq(p[4096], 'b');
	assert_text(findings, "pages-1.img: pagemap-1.img: pages from 0x10000 "
			      "on: block 0: 9 bytes that are no LZ4 block of "
			      "4096\n");
}

TEST(ids_and_masks_of_a_thread)
{
	process("1", "");
	memory();
	struct bytes b = note(core_of(true, false), NT_PRSTATUS);
	ck_assert_uint_eq(b.size, 392);
	ck_assert_uint_eq(u32(b, 12), 0); /* pr_cursig */
	ck_assert_uint_eq(u32(b, 24), 2); /* pr_sighold */
	ck_assert_uint_eq(u32(b, 32), 1); /* pid, ppid, pgrp, sid */
	ck_assert_uint_eq(u32(b, 36), 0);
	ck_assert_uint_eq(u32(b, 40), 5);
	ck_assert_uint_eq(u32(b, 44), 6);
	ck_assert_uint_eq(u32(b, 112), 1); /* x0 */
}

/* 128 bytes that begin with a number, in base64. */
static char *siginfo(unsigned no)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "abcdefghijklmnopqrstuvwxyz0123456789+/";
	char *t = cr_test_format("%c%cAAAA", digits[no >> 2],
				 digits[(no & 3) << 4]);
	for (int i = 0; i < 27; i++)
		t = cr_test_format("%sAAAAAA", t);
	return cr_test_format("%sAA==", t);
}

static uint32_t signal_of(const char *state, const char *queue)
{
	process(state, queue);
	memory();
	struct bytes b = core_of(true, false);
	assert_text(findings, "");
	ck_assert_uint_eq(u32(note(b, NT_PRSTATUS), 0),
			  u32(note(b, NT_PRSTATUS), 12));
	if (*queue && u32(note(b, NT_PRSTATUS), 0))
		ck_assert_uint_eq(u32(note(b, NT_SIGINFO), 0),
				  u32(note(b, NT_PRSTATUS), 0));
	else
		ck_assert_uint_eq(note(b, NT_SIGINFO).size, 0);
	return u32(note(b, NT_PRSTATUS), 12);
}

/* A pending signal; SIGHUP and SIGQUIT have no handler, SIGINT (which is
 * blocked) neither, and SIGCHLD would do no harm. */
static uint32_t with_pending(unsigned no)
{
	char *all = cr_test_format("%s", "");
	for (int i = 1; i <= 62; i++)
		all = cr_test_format(
			"%s%s{'sigaction': %d, 'flags': 0, 'restorer': 0, "
			"'mask': 0}",
			all, *all ? ", " : "", i == 10 ? 4096 : 0);
	return signal_of("1", cr_test_format(
				      ", 'signals_s': {'signals': [{'siginfo': "
				      "'%s'}]}, 'sigactions': [%s]",
				      siginfo(no), all));
}

TEST(a_stopped_process_has_the_signal_that_stopped_it)
{
	ck_assert_uint_eq(signal_of("1", ""), 0);
	process("3", "");
	ck_assert_uint_eq(signal_of("3", ""), 19);
	process("3", ", 'stop_signo': 20");
	memory();
	ck_assert_uint_eq(u32(note(core_of(true, false), NT_PRSTATUS), 12), 20);
}

TEST(a_signal_that_will_end_the_process_is_its_signal)
{
	ck_assert_uint_eq(with_pending(1), 1);
	ck_assert_uint_eq(with_pending(3), 3);
	ck_assert_uint_eq(with_pending(9), 9);
	ck_assert_uint_eq(with_pending(2), 0);	/* blocked */
	ck_assert_uint_eq(with_pending(17), 0); /* harmless */
	ck_assert_uint_eq(with_pending(11), 0); /* handled: 10th of the list */
	ck_assert_uint_eq(with_pending(12), 12);
	ck_assert_uint_eq(with_pending(0), 0);
	ck_assert_uint_eq(with_pending(255), 0);
}

TEST(a_file_note_counts_in_pages)
{
	process("1", "");
	memory();
	struct bytes b = note(core_of(true, false), NT_FILE);
	ck_assert_uint_eq(u32(b, 0), 1);
	ck_assert_uint_eq(u32(b, 8), 4096);
	ck_assert_uint_eq(u32(b, 16), 0x20000);
	ck_assert_uint_eq(u32(b, 24), 0x24000);
	ck_assert_uint_eq(u32(b, 32), 3);
	assert_text((const char *)b.p + 40, "[file 9]");
}

TEST(a_zombie_and_an_unknown_processor_are_refused)
{
	process("6", "");
	core_of(true, false);
	assert_text(findings, "! NOT_FOUND core-1.img: was a zombie, which has no "
			      "memory");
	JSON("a/core-1.img", "{'magic': 'CORE', 'entries': [{'mtype': 99}]}");
	core_of(true, false);
	assert_text(findings, "! UNSUPPORTED core-1.img: has no registers of a "
			      "processor that is known (mtype unknown)");
}

TEST_MAIN("lib/ops/core")
