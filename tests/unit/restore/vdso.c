// SPDX-License-Identifier: MIT
#include "restore/vdso.h"

#include <elf.h>
#include <string.h>

#include "tests/support/bytes.h"
#include "tests/support/main.h"

#define NAMES "\0gettime\0sigreturn"

/* A file with two functions, and code of instructions that do nothing. */
struct made {
	Elf64_Ehdr e;
	Elf64_Shdr section[3];
	Elf64_Sym symbol[3];
	char names[sizeof(NAMES)];
	_Alignas(8) uint8_t code[64];
};

static const struct cr_trampoline trampoline = { "sigreturn", { 1, 2 }, 2 };
static const struct cr_trampoline no_trampoline;

/* Offsets of the functions in the code. */
static struct made make(size_t gettime, size_t sigreturn)
{
	struct made m = {
		.e = { .e_ident = ELFMAG,
		       .e_shoff = offsetof(struct made, section),
		       .e_shnum = 3 },
		.section = {
			[1] = { .sh_type = SHT_DYNSYM,
				.sh_offset = offsetof(struct made, symbol),
				.sh_size = sizeof(m.symbol),
				.sh_link = 2 },
			[2] = { .sh_type = SHT_STRTAB,
				.sh_offset = offsetof(struct made, names),
				.sh_size = sizeof(NAMES) },
		},
		.symbol = {
			[1] = { .st_name = 1, .st_shndx = 1,
				.st_value = offsetof(struct made, code) +
					    gettime },
			[2] = { .st_name = 9, .st_shndx = 1,
				.st_value = offsetof(struct made, code) +
					    sigreturn },
		},
		.names = NAMES,
	};
	for (size_t i = 0; i < sizeof(m.code); i++)
		m.code[i] = i % 2 ? 2 : 1;
	return m;
}

static bool fits(const struct made *theirs, const struct made *ours)
{
	return cr_vdso_fits(cr_test_tail(theirs, sizeof(*theirs)),
			    cr_test_tail(ours, sizeof(*ours)), sizeof(*ours),
			    &trampoline);
}

static bool jumps(const struct made *theirs, const struct made *ours,
		  struct cr_vdso_jump jump[CR_VDSO_JUMPS_MAX], size_t *nr)
{
	return cr_vdso_jumps(cr_test_tail(theirs, sizeof(*theirs)),
			     sizeof(*theirs), cr_test_tail(ours, sizeof(*ours)),
			     sizeof(*ours), 12, &no_trampoline, jump, nr);
}

TEST(functions_at_the_same_places_fit)
{
	struct made a = make(0, 32), b = make(0, 32);
	b.code[3] = 7;
	ck_assert(fits(&a, &b));
}

TEST(a_function_elsewhere_does_not)
{
	struct made a = make(0, 32), b = make(8, 32);
	ck_assert(!fits(&a, &b));
	ck_assert(!fits(&b, &a));
}

TEST(a_function_that_is_missing_does_not)
{
	struct made a = make(0, 32), b = make(0, 32);
	b.names[1] = 'x';
	ck_assert(!fits(&a, &b));
	b = make(0, 32);
	b.symbol[1].st_shndx = SHN_UNDEF;
	ck_assert(!fits(&a, &b));
}

TEST(a_trampoline_may_have_moved_up_behind_nothing)
{
	struct made a = make(0, 32), b = make(0, 40);
	ck_assert(fits(&a, &b));
	ck_assert(!fits(&b, &a));
	ck_assert(!cr_vdso_fits(&a, &b, sizeof(a), &no_trampoline));
	b.code[35] = 7;
	ck_assert(!fits(&a, &b));
}

TEST(a_broken_file_does_not_fit)
{
	struct made ours = make(0, 32), a = ours;
	a.e.e_ident[0] = 0;
	ck_assert(!fits(&a, &ours));
	a = ours;
	a.e.e_shoff = UINT64_MAX - 8;
	ck_assert(!fits(&a, &ours));
	a = ours;
	a.e.e_shoff = sizeof(a) - 8;
	ck_assert(!fits(&a, &ours));
	a = ours;
	a.section[1].sh_size = UINT64_MAX;
	ck_assert(!fits(&a, &ours));
	a = ours;
	a.section[1].sh_link = 3;
	ck_assert(!fits(&a, &ours));
	a = ours;
	a.section[2].sh_offset = sizeof(a) - 4;
	a.section[2].sh_size = 8;
	ck_assert(!fits(&a, &ours));
}

/* Symbols whose names are nowhere are none. */
TEST(names_end_in_their_section)
{
	struct made ours = make(0, 32), a = ours;
	a.section[2].sh_offset = sizeof(a) - 4;
	a.section[2].sh_size = 4;
	a.symbol[1].st_name = UINT32_MAX;
	a.symbol[2].st_name = 0;
	ck_assert(fits(&a, &ours));
	ck_assert(!fits(&ours, &a));
}

TEST(any_bytes_are_taken)
{
	struct made ours = make(0, 32);
	for (size_t i = 0; i < offsetof(struct made, code); i++) {
		struct made a = ours;
		((uint8_t *)&a)[i] ^= 0xff;
		struct cr_vdso_jump jump[CR_VDSO_JUMPS_MAX];
		size_t nr;
		fits(&a, &ours);
		fits(&ours, &a);
		jumps(&a, &ours, jump, &nr);
		jumps(&ours, &a, jump, &nr);
	}
}

TEST(functions_lead_to_those_with_their_names)
{
	struct made theirs = make(0, 32), ours = make(40, 8);
	struct cr_vdso_jump jump[CR_VDSO_JUMPS_MAX];
	size_t nr = 0;
	ck_assert(jumps(&theirs, &ours, jump, &nr));
	ck_assert_uint_eq(nr, 2);
	ck_assert_uint_eq(jump[0].from, theirs.symbol[1].st_value);
	ck_assert_uint_eq(jump[0].to, ours.symbol[1].st_value);
	ck_assert_uint_eq(jump[1].from, theirs.symbol[2].st_value);
	ck_assert_uint_eq(jump[1].to, ours.symbol[2].st_value);
}

TEST(functions_need_room_for_a_jump)
{
	struct made ours = make(40, 8), theirs = make(0, 11);
	struct cr_vdso_jump jump[CR_VDSO_JUMPS_MAX];
	size_t nr;
	ck_assert(!jumps(&theirs, &ours, jump, &nr));
	theirs = make(0, 0); // two names of one function
	ck_assert(jumps(&theirs, &ours, jump, &nr));
	theirs = make(0, sizeof(theirs.code) - 11);
	ck_assert(!jumps(&theirs, &ours, jump, &nr));
	theirs = make(0, 12);
	ours.symbol[2].st_value = sizeof(ours);
	ck_assert(!jumps(&theirs, &ours, jump, &nr));
	ours.names[1] = 'x';
	ck_assert(!jumps(&theirs, &ours, jump, &nr));
}

TEST(a_trampoline_stays)
{
	struct made theirs = make(0, 32), ours = make(40, 8);
	struct cr_vdso_jump jump[CR_VDSO_JUMPS_MAX];
	size_t nr = 0;
	ours.names[9] = 'x'; // it need not be there
	ck_assert(cr_vdso_jumps(&theirs, sizeof(theirs), &ours, sizeof(ours), 12,
				&trampoline, jump, &nr));
	ck_assert_uint_eq(nr, 2);
	ck_assert_uint_eq(jump[0].to, ours.symbol[1].st_value);
	ck_assert_uint_eq(jump[1].to, CR_VDSO_STAYS);
	// What follows it may follow at once; it may not be overwritten.
	theirs = make(34, 32);
	ck_assert(cr_vdso_jumps(&theirs, sizeof(theirs), &ours, sizeof(ours), 12,
				&trampoline, jump, &nr));
	theirs = make(32, 34);
	ck_assert(!cr_vdso_jumps(&theirs, sizeof(theirs), &ours, sizeof(ours), 12,
				 &trampoline, jump, &nr));
}

TEST_MAIN("restore/vdso")
