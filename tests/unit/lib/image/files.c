// SPDX-License-Identifier: MIT
#include "lib/image/files.h"

#include "tests/support/main.h"
#include "tests/unit/lib/image/checkpoint.h"

#define FOWN num(1, 0), num(2, 0), num(3, 0), num(4, 0), num(5, 0)

static struct bytes reg(uint32_t id, const char *name)
{
	return cat(num(1, id), num(2, 0), num(3, 0), len(5, FOWN),
		   str(6, name));
}

static struct bytes pipe_(uint32_t id, uint32_t pipe_id)
{
	return cat(num(1, id), num(2, pipe_id), num(3, 0), len(4, FOWN));
}

#define reg_file(id, name)     \
	entry(num(1, FD_TYPES__REG), num(2, id), len(3, reg(id, name)))
#define pipe_file(id, pipe_id) \
	entry(num(1, FD_TYPES__PIPE), num(2, id), len(18, pipe_(id, pipe_id)))

/* What is found, as text. */
static const char *get(const struct cr_files *files, uint32_t type, uint32_t id)
{
	struct cr_opened opened;
	struct cr_error *err = cr_files_get(files, type, id, &opened);
	const char *got = "none";

	if (err)
		return cr_test_error(err);
	if (opened.msg && type == FD_TYPES__REG)
		got = cr_test_format("%s",
				     ((const RegFileEntry *)(const void *)
					      opened.msg)
					     ->name);
	else if (opened.msg && type == FD_TYPES__PIPE)
		got = cr_test_format("pipe %u",
				     ((const PipeEntry *)(const void *)
					      opened.msg)
					     ->pipe_id);
	else if (opened.whole)
		got = "no member";
	cr_opened_free(&opened);
	return got;
}

static struct cr_files load(struct cr_set *set)
{
	struct cr_files files;

	assert_text(cr_test_error(cr_files_load(set, &files)), "");
	return files;
}

TEST(files_are_found_by_kind_and_id_in_any_order)
{
	struct cr_set set = checkpoint(
		"files.img",
		image("FILES", reg_file(9, "/nine"), pipe_file(4, 44),
		      reg_file(2, "/two")));
	struct cr_files files = load(&set);

	assert_text(get(&files, FD_TYPES__REG, 9), "/nine");
	assert_text(get(&files, FD_TYPES__REG, 2), "/two");
	assert_text(get(&files, FD_TYPES__PIPE, 4), "pipe 44");
	assert_text(get(&files, FD_TYPES__REG, 4), "none");
	assert_text(get(&files, FD_TYPES__REG, 3), "none");
	assert_text(get(&files, 4711, 4), "none");
	ck_assert(!files.split);
	cr_files_free(&files);
	close_checkpoint(&set);
}

TEST(no_images_are_no_files)
{
	struct cr_set set = checkpoint("pstree.img", header("PSTREE"));
	struct cr_files files = load(&set);

	ck_assert_uint_eq(files.nr, 0);
	assert_text(get(&files, FD_TYPES__REG, 1), "none");
	cr_files_free(&files);
	close_checkpoint(&set);
}

TEST(old_images_have_ids_of_their_own_in_each_kind)
{
	struct cr_set set = checkpoint(
		"reg-files.img", image("REG_FILES", entry(reg(1, "/one")),
				       entry(reg(5, "/five"))));
	struct cr_files files;

	add_image("pipes.img", image("PIPES", entry(pipe_(1, 11))));
	files = load(&set);
	ck_assert(files.split);
	assert_text(get(&files, FD_TYPES__REG, 1), "/one");
	assert_text(get(&files, FD_TYPES__PIPE, 1), "pipe 11");
	assert_text(get(&files, FD_TYPES__PIPE, 5), "none");
	cr_files_free(&files);
	close_checkpoint(&set);
}

TEST(old_images_do_not_count_beside_files_img)
{
	struct cr_set set = checkpoint("files.img",
				       image("FILES", reg_file(1, "/new")));
	struct cr_files files;

	add_image("reg-files.img",
		  image("REG_FILES", entry(reg(1, "/old")),
			entry(reg(2, "/older"))));
	files = load(&set);
	assert_text(get(&files, FD_TYPES__REG, 1), "/new");
	assert_text(get(&files, FD_TYPES__REG, 2), "none");
	cr_files_free(&files);
	close_checkpoint(&set);
}

TEST(of_two_files_with_one_id_the_first_counts)
{
	struct cr_set set = checkpoint(
		"files.img",
		image("FILES", reg_file(1, "/first"), reg_file(1, "/second"),
		      pipe_file(1, 11)));
	struct cr_files files = load(&set);

	assert_text(get(&files, FD_TYPES__REG, 1), "/first");
	assert_text(get(&files, FD_TYPES__PIPE, 1), "pipe 11");
	cr_files_free(&files);
	close_checkpoint(&set);
}

TEST(an_entry_without_its_kinds_member)
{
	struct cr_set set = checkpoint(
		"files.img",
		image("FILES", entry(num(1, FD_TYPES__REG), num(2, 1),
				     len(18, pipe_(1, 11)))));
	struct cr_files files = load(&set);

	assert_text(get(&files, FD_TYPES__REG, 1), "no member");
	cr_files_free(&files);
	close_checkpoint(&set);
}

TEST(a_broken_entry_is_named)
{
	struct cr_set set = checkpoint(
		"files.img",
		image("FILES", reg_file(1, "/good"),
		      entry(num(1, FD_TYPES__REG), num(2, 2), str(3, "x"))));
	struct cr_files files = load(&set);

	assert_text(get(&files, FD_TYPES__REG, 1), "/good");
	assert_text(get(&files, FD_TYPES__REG, 2),
		    "! FORMAT files.img: entry 1: broken file_entry, or it "
		    "lacks a required field");
	cr_files_free(&files);
	close_checkpoint(&set);
}

TEST(a_cut_image_is_an_error)
{
	struct cr_set set = checkpoint(
		"files.img", cat(header("FILES"), reg_file(1, "/a"), word(9)));
	struct cr_files files;

	assert_text(cr_test_error(cr_files_load(&set, &files)),
		    "! FORMAT files.img: entry 1: byte 40: size 9 is more than "
		    "the file has left");
	close_checkpoint(&set);
}

TEST(every_kind_has_its_member_and_its_id_in_field_one)
{
	const ProtobufCEnumDescriptor *types = &fd_types__descriptor;
	unsigned nr = 0;

	for (unsigned i = 0; i < types->n_values; i++) {
		const struct cr_file_kind *kind =
			cr_file_kind((uint32_t)types->values[i].value);
		const ProtobufCFieldDescriptor *field;

		if (!kind)
			continue;
		nr++;
		field = protobuf_c_message_descriptor_get_field_by_name(
			&file_entry__descriptor, kind->member);
		ck_assert_ptr_nonnull(field);
		ck_assert_ptr_eq(field->descriptor, kind->desc);
		field = protobuf_c_message_descriptor_get_field(kind->desc, 1);
		ck_assert_str_eq(field->name, "id");
		ck_assert_str_eq(cr_file_type_name(kind->type),
				 types->values[i].name);
	}
	/* All but UND and the two that CRIU keeps to itself. */
	ck_assert_uint_eq(nr, types->n_values - 3);
	ck_assert_ptr_null(cr_file_type_name(4711));
}

TEST_MAIN("lib/image/files")
