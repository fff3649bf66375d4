// SPDX-License-Identifier: MIT
#include "lib/ops/tree.h"

#include <stdio.h>
#include <stdlib.h>

#include "tests/support/codec.h"
#include "tests/support/files.h"
#include "tests/support/main.h"

#define UTSNS_ str(1, "host"), str(2, "dom")

/* ---- text ---- */

/* What is read from a text, written again; or the error. */
static char *again(const char *json)
{
	struct cr_out out;
	struct cr_writer w = { .out = &out };
	json_t *v;
	struct cr_error *err = cr_tree_parse(json, strlen(json), &v);
	if (err)
		return cr_test_error(err);
	ck_assert_ptr_null(cr_out_init_mem(&out));
	ck_assert_ptr_null(cr_tree_write(&w, v));
	char *text = cr_test_format("%.*s", (int)cr_out_buffered(&out),
				    out.buf);
	cr_out_deinit(&out);
	json_decref(v);
	return text;
}

#define assert_again(json, want)                                      \
	assert_text(again(cr_test_quotes(json)), cr_test_quotes(want))
#define assert_stays(json) assert_again(json, json)

TEST(every_kind_of_value_comes_back)
{
	assert_stays("{'a': [1, -2, true, false, null, 'x', {}, []]}");
	assert_stays("'\\u0000\\n\\ud83d\\ude00'");
	assert_stays("-9223372036854775808");
	assert_stays("9223372036854775807");
}

TEST(integers_beyond_63_bits_are_text)
{
	assert_again("9223372036854775808", "'9223372036854775808'");
	assert_again("[18446744073709551615]", "['18446744073709551615']");
	assert_again("-9223372036854775809", "'-9223372036854775809'");
}

TEST(in_unknown_fields_they_are_numbers)
{
	assert_stays("{'@unknown': [{'field': 9, 'varint': "
		     "18446744073709551615}, {'field': 10, 'bytes': '1234'}]}");
}

TEST(broken_text_is_refused)
{
	assert_text(again("{\"a\": 1, \"a\": 2}"),
			 "! FORMAT key \"a\" is there twice");
	assert_text(again("1.5"), "! FORMAT a number with a fraction or "
				       "an exponent is no integer");
	assert_text(again("\"\xff\""), "! FORMAT the text is not UTF-8");
	assert_text(again("[1"), "! FORMAT need ']', but the text ends");
	assert_text(again("1 2"), "! FORMAT need the end of the text, "
				       "not '2'");
	assert_text(again("{\"a\\u0000\": 1}"),
			 "! FORMAT a key with a NUL character");
}

TEST(brackets_nest_so_deep_and_no_deeper)
{
	char *deep = cr_test_alloc(1001);
	memset(deep, '[', 208);
	memset(deep + 208, ']', 208);
	assert_text(again(deep), deep);
	memset(deep, '[', 1000);
	deep[1000] = 0;
	assert_text(again(deep), "! FORMAT brackets more than 208 deep");
}

/* ---- entries ---- */

/* The bytes of an entry's message, through a tree. */
static char *through(const char *id, struct bytes msg)
{
	struct cr_tree t;
	struct cr_out out;
	struct cr_tree_aside aside;
	json_t *tree;
	struct cr_tree_entry e = {
		.type = cr_image_type_by_id(id, strlen(id)),
		.msg = msg.p,
		.size = msg.size,
	};
	ck_assert_ptr_null(cr_tree_init(&t));
	ck_assert_ptr_null(cr_out_init_mem(&out));
	struct cr_error *err = cr_tree_load(&t, &e, false, &tree);
	if (!err) {
		err = cr_tree_store(&t, e.type, 0, tree, &out, &aside);
		json_decref(tree);
	}
	char *got = cr_test_error(err);
	if (!*got)
		got = cr_test_dump((struct bytes){ (uint8_t *)out.buf + 4,
						   cr_out_buffered(&out) - 4 });
	cr_out_deinit(&out);
	cr_tree_deinit(&t);
	return got;
}

#define assert_through(id, ...)                                     \
	do {                                                        \
		struct bytes b_ = cat(__VA_ARGS__);                 \
		assert_text(through(id, b_), cr_test_dump(b_)); \
	} while (0)

TEST(usual_messages_come_back)
{
	assert_through("UTSNS", UTSNS_);
	assert_through("PSTREE", num(1, 1), num(2, 0), num(3, 1), num(4, 1),
		       num(5, 1), num(5, 2));
}

TEST(unusual_messages_come_back)
{
	/* unknown fields, one of 64 bits */
	assert_through("UTSNS", UTSNS_, num(9, UINT64_MAX), str(10, "x"),
		       f64(11, UINT64_MAX), f32(12, 5));
	/* a required field is missing */
	assert_through("UTSNS", str(1, "host"));
	/* fields out of order, twice, in a long form */
	assert_through("UTSNS", str(2, "dom"), str(1, "a"), str(1, "host"));
	assert_through("PSTREE", hex("08 81 00"), num(2, 0), num(3, 1),
		       num(4, 1));
	/* packed against the schema */
	assert_through("PSTREE", num(1, 1), num(2, 0), num(3, 1), num(4, 1),
		       len(5, hex("01 02")));
	/* text that is not UTF-8, or has a NUL */
	assert_through("UTSNS", len(1, hex("ff 00 'x'")), str(2, ""));
	/* an enum's number without a name, integers of 64 bits */
	assert_through("FDINFO", num(1, 2), num(2, 0), num(3, 99), num(4, 0));
	assert_through("MM", num(1, UINT64_MAX), num(2, 1ull << 63));
}

TEST(a_broken_message_is_an_error)
{
	assert_text(through("UTSNS", hex("0a 05 'x'")),
			 "! FORMAT byte 0: field 1 claims 5 bytes, the message has 1 left");
}

TEST(fields_are_found_by_a_quick_look)
{
	struct cr_tree t;
	const struct cr_plan *plan;
	struct bytes b = cat(num(4, 1), num(1, 1), str(90, "x"));
	ck_assert_ptr_null(cr_tree_init(&t));
	ck_assert_ptr_null(cr_tree_plan(
		&t, cr_image_type_by_id("PSTREE", 6), 0, &plan));
	ck_assert_uint_eq(cr_tree_fields(plan, b.p, b.size), 1 | 8);
	ck_assert_uint_eq(cr_tree_fields(plan, b.p, b.size - 1), UINT64_MAX);
	ck_assert_uint_eq(cr_tree_fields(plan, b.p, 0), 0);
	cr_tree_deinit(&t);
}

/* ---- values ---- */

enum how { FROM_JSON, FROM_TEXT };

/* A field's value made usual: plain, then shown, then as text. */
static char *value_of(const char *id, const char *field, bool element,
		      enum how how, const char *text)
{
	struct cr_tree t;
	struct cr_out out;
	struct cr_writer w = { .out = &out };
	const struct cr_plan *plan;
	json_t *raw = NULL, *v = NULL, *shown;
	ck_assert_ptr_null(cr_tree_init(&t));
	ck_assert_ptr_null(cr_out_init_mem(&out));
	ck_assert_ptr_null(cr_tree_plan(
		&t, cr_image_type_by_id(id, strlen(id)), 1, &plan));
	const struct cr_field *f = cr_plan_by_name(plan, field, strlen(field));
	ck_assert_ptr_nonnull(f);
	struct cr_error *err =
		how == FROM_JSON ?
			cr_tree_parse(text, strlen(text), &raw) :
			cr_tree_from_text(f, element, text, strlen(text), &raw);
	if (!err)
		err = cr_tree_value(&t, plan, f, element, raw, &v);
	if (!err) {
		ck_assert_ptr_null(cr_tree_write(&w, v));
		ck_assert_ptr_null(cr_out_put(&out, " ", 1));
		ck_assert_ptr_null(
			cr_tree_show(&t, plan, f, element, v, &shown));
		ck_assert_ptr_null(cr_tree_write(&w, shown));
		json_decref(shown);
		ck_assert_ptr_null(cr_out_put(&out, " ", 1));
		ck_assert_ptr_null(
			cr_tree_to_text(&t, plan, f, element, v, &out));
	}
	char *got = cr_test_error(err);
	if (!*got)
		got = cr_test_format("%.*s", (int)cr_out_buffered(&out),
				     out.buf);
	json_decref(raw);
	json_decref(v);
	cr_out_deinit(&out);
	cr_tree_deinit(&t);
	return got;
}

#define assert_value(id, field, text, want) \
	assert_text(value_of(id, field, false, FROM_TEXT, text), want)
#define assert_element(id, field, text, want) \
	assert_text(value_of(id, field, true, FROM_TEXT, text), want)

TEST(numbers_in_every_form)
{
	assert_value("VMAS", "prot", "PROT_READ | PROT_EXEC",
		     "5 \"PROT_READ | PROT_EXEC\" PROT_READ | PROT_EXEC");
	assert_value("VMAS", "prot", "0x5",
		     "5 \"PROT_READ | PROT_EXEC\" PROT_READ | PROT_EXEC");
	assert_value("VMAS", "prot", "5",
		     "5 \"PROT_READ | PROT_EXEC\" PROT_READ | PROT_EXEC");
	assert_value("VMAS", "start", "18446744073709551615",
		     "\"18446744073709551615\" \"0xffffffffffffffff\" "
		     "0xffffffffffffffff");
	assert_value("FDINFO", "type", "REG", "\"REG\" \"REG\" REG");
	assert_value("FDINFO", "type", "1", "\"REG\" \"REG\" REG");
	assert_value("FDINFO", "type", "99", "99 99 99");
}

TEST(values_that_do_not_fit)
{
	assert_value("FDINFO", "id", "-1",
		     "! FORMAT -1 is out of range for uint32");
	assert_value("FDINFO", "id", "4294967296",
		     "! FORMAT 4294967296 is out of range for uint32");
	assert_value("FDINFO", "type", "REGG",
		     "! FORMAT \"REGG\" is no value of fd_types");
	assert_value("VMAS", "prot", "PROT_REED",
		     "! FORMAT \"PROT_REED\" is not a flag or a number");
	assert_element("PSTREE", "threads", "x",
		       "! FORMAT \"x\" is not an integer of at most 64 bits");
	assert_value("PSTREE", "threads", "5",
		     "! FORMAT need '[', not '5'");
	assert_value("PSTREE", "threads", "a b",
		     "! FORMAT need JSON for a list: need a number, not 'a'");
}

TEST(text_and_its_escapes)
{
	assert_value("UTSNS", "nodename", "host", "\"host\" \"host\" host");
	assert_value("UTSNS", "nodename", "12", "\"12\" \"12\" 12");
	assert_value("UTSNS", "nodename", "\"a\\u0020b\"",
		     "\"a b\" \"a b\" a b");
	/* begins like JSON, and is none */
	assert_value("UTSNS", "nodename", "\"x",
		     "\"\\\"x\" \"\\\"x\" \"\\\"x\"");
	assert_value("UTSNS", "nodename", "caf\xe9",
		     "{\"@qp\": \"caf=E9\"} {\"@qp\": \"caf=E9\"} "
		     "{\"@qp\": \"caf=E9\"}");
	assert_value("UTSNS", "nodename", "a\nb",
		     "\"a\\nb\" \"a\\nb\" \"a\\nb\"");
}

TEST(bytes_in_every_form)
{
	assert_value("TTY_DATA", "data", "hex:00 fF", "\"AP8=\\n\" \"AP8=\\n\" AP8=");
	assert_value("TTY_DATA", "data", "AP8=", "\"AP8=\\n\" \"AP8=\\n\" AP8=");
	assert_value("TTY_DATA", "data", "text:hi", "\"aGk=\\n\" \"aGk=\\n\" aGk=");
	assert_value("TTY_DATA", "data", "hex:0",
		     "! FORMAT need two hexadecimal digits for each byte");
	assert_value("TTY_DATA", "data", "A",
		     "! FORMAT base64 that is cut off");
}

TEST(addresses)
{
	assert_value("INETSK", "src_addr", "127.0.0.1",
		     "[16777343] [\"127.0.0.1\"] [\"127.0.0.1\"]");
	assert_value("INETSK", "src_addr", "[\"::1\"]",
		     "[0, 0, 0, 16777216] [\"::1\"] [\"::1\"]");
	assert_element("INETSK", "src_addr", "16777343",
		       "16777343 16777343 16777343");
	assert_element("INETSK", "src_addr", "::1",
		       "! FORMAT makes 4 elements, not one");
}

/* ---- images ---- */

/* A checkpoint with one image, and a change of it. */
static struct cr_change *begin(const char *name, struct bytes img)
{
	struct cr_change_opts opts = { .out = NULL };
	struct cr_change *change;
	cr_test_file(name, img, 0600);
	struct cr_error *err = cr_change_open(cr_test_dir(), &opts, &change);
	ck_assert_msg(!err, "%s", err ? cr_error_text(err) : "");
	return change;
}

static struct cr_error *add_note(void *arg, const struct cr_change_note *n)
{
	char **all = arg;
	*all = cr_test_format("%s%s%llu %s: %s -> %s%s", *all,
			      **all ? "; " : "", (unsigned long long)n->entry,
			      n->field ?: "-", n->old ?: "-", n->new_ ?: "-",
			      n->secret ? " (secret)" : "");
	return NULL;
}

static char *notes(const struct cr_change *change)
{
	char *all = cr_test_format("%s", "");
	ck_assert_ptr_null(cr_change_each_note(change, add_note, &all));
	return all;
}

/* Commits, and gives what the file holds. */
static struct bytes end(struct cr_change *change, const char *name)
{
	struct cr_error *err = cr_change_commit(change);
	ck_assert_msg(!err, "%s", err ? cr_error_text(err) : "");
	cr_change_close(change);
	return cr_test_content(cr_test_path(name));
}

/* Does to the entry what its number says. */
struct plan_of_test {
	enum cr_rewrite what[4];
	const char *set; /* "key": value, in those that are changed */
	const char *insert;
	unsigned nr_seen;
};

static struct cr_error *do_plan(void *arg, const struct cr_rewrite_at *at,
				json_t *entry, enum cr_rewrite *ret)
{
	struct plan_of_test *p = arg;
	json_t *v;
	p->nr_seen++;
	*ret = p->what[at->i];
	if (*ret == CR_REWRITE_CHANGED) {
		char *set = cr_test_quotes(p->set);
		ck_assert_ptr_null(cr_tree_parse(set, strlen(set), &v));
		json_object_update(entry, v);
		json_decref(v);
	}
	if (!p->insert)
		return NULL;
	char *insert = cr_test_quotes(p->insert);
	p->insert = NULL;
	ck_assert_ptr_null(cr_tree_parse(insert, strlen(insert), &v));
	struct cr_error *err = cr_rewrite_insert(at, v);
	json_decref(v);
	return err;
}

#define P(pid, ...) entry(num(1, pid), num(2, 0), num(3, 1), num(4, 1), \
			  ##__VA_ARGS__)
/* In a form that only its bytes have. */
#define ODD entry(hex("08 85 00"), num(4, 1), num(2, 0), num(3, 1))

TEST(what_is_not_touched_is_the_same_bytes)
{
	struct plan_of_test p = { .what = { 0, 1, 0 }, .set = "{'pid': 9}" };
	struct cr_change *change =
		begin("pstree.img", image("PSTREE", ODD, P(2, num(5, 7)), ODD));
	ck_assert_ptr_null(
		cr_rewrite(change, "pstree.img", NULL, do_plan, &p));
	assert_text(notes(change), "1 pid: 2 -> 9");
	assert_bytes(end(change, "pstree.img"),
		     image("PSTREE", ODD, P(9, num(5, 7)), ODD));
}

TEST(nothing_different_is_no_change)
{
	struct plan_of_test p = { .what = { 1, 1 }, .set = "{'ppid': 0}" };
	struct cr_change *change =
		begin("pstree.img", image("PSTREE", ODD, P(2)));
	ck_assert_ptr_null(
		cr_rewrite(change, "pstree.img", NULL, do_plan, &p));
	ck_assert(cr_change_is_empty(change));
	assert_text(notes(change), "");
	cr_change_close(change);
}

TEST(entries_go_and_come)
{
	struct plan_of_test p = {
		.what = { 2, 0, 2 },
		.insert = "{'pid': 7, 'ppid': 0, 'pgid': 1, 'sid': 1}",
	};
	struct cr_change *change =
		begin("pstree.img", image("PSTREE", P(1), ODD, P(3)));
	json_t *v = json_pack("{sisisisi}", "pid", 8, "ppid", 0, "pgid", 1,
			      "sid", 1);
	ck_assert_ptr_null(
		cr_rewrite(change, "pstree.img", NULL, do_plan, &p));
	ck_assert_ptr_null(cr_tree_append(change, "pstree.img", v));
	json_decref(v);
	assert_text(
		notes(change),
		"0 -: - -> {\"pid\": 7, \"ppid\": 0, \"pgid\": 1, \"sid\": 1}; "
		"0 -: {\"pid\": 1, \"ppid\": 0, \"pgid\": 1, \"sid\": 1} -> -; "
		"2 -: {\"pid\": 3, \"ppid\": 0, \"pgid\": 1, \"sid\": 1} -> -; "
		"2 -: - -> {\"pid\": 8, \"ppid\": 0, \"pgid\": 1, \"sid\": 1}");
	assert_bytes(end(change, "pstree.img"),
		     image("PSTREE", P(7), ODD, P(8)));
}

TEST(only_what_is_wanted_is_looked_at)
{
	struct plan_of_test p = { .what = { 0 } };
	struct cr_rewrite_opts opts = { .first = 1, .end = 3 };
	struct cr_change *change =
		begin("pstree.img", image("PSTREE", P(1), P(2), P(3), P(4)));
	ck_assert_ptr_null(
		cr_rewrite(change, "pstree.img", &opts, do_plan, &p));
	ck_assert_uint_eq(p.nr_seen, 2);
	cr_change_close(change);
}

TEST(a_tree_that_does_not_fit_is_refused_and_nothing_changed)
{
	struct plan_of_test p = { .what = { 1 }, .set = "{'pid': -1}" };
	struct cr_change *change =
		begin("pstree.img", image("PSTREE", P(1), P(2)));
	assert_text(cr_test_error(cr_rewrite(change, "pstree.img", NULL,
						  do_plan, &p)),
			 "! FORMAT pstree.img: entry 0: pid: -1 is out of range "
			 "for uint32");
	ck_assert(cr_change_is_empty(change));
	cr_change_close(change);
}

#define PIPE(id, size, body) \
	entry(num(1, id), num(2, size)), text(body)

TEST(a_payload_stays_aside)
{
	struct plan_of_test p = { .what = { 0, 1, 0 },
				  .set = "{'pipe_id': 300}" };
	struct cr_change *change =
		begin("pipes-data.img",
		      image("PIPES_DATA", PIPE(1, 3, "abc"), PIPE(2, 2, "de"),
			    PIPE(3, 1, "f")));
	ck_assert_ptr_null(
		cr_rewrite(change, "pipes-data.img", NULL, do_plan, &p));
	assert_text(notes(change), "1 pipe_id: 2 -> 300");
	assert_bytes(end(change, "pipes-data.img"),
		     image("PIPES_DATA", PIPE(1, 3, "abc"), PIPE(300, 2, "de"),
			   PIPE(3, 1, "f")));
}

TEST(a_payload_is_replaced)
{
	struct plan_of_test p = { .what = { 0, 1, 0 },
				  .set = "{'bytes': 1, 'extra': 'eA=='}" };
	struct cr_change *change =
		begin("pipes-data.img",
		      image("PIPES_DATA", PIPE(1, 3, "abc"), PIPE(2, 2, "de")));
	ck_assert_ptr_null(
		cr_rewrite(change, "pipes-data.img", NULL, do_plan, &p));
	assert_text(notes(change), "1 bytes: 2 -> 1; 1 extra: \"2 bytes\" "
					"-> \"1 bytes\"");
	assert_bytes(end(change, "pipes-data.img"),
		     image("PIPES_DATA", PIPE(1, 3, "abc"), PIPE(2, 1, "x")));
}

TEST(a_payload_is_as_long_as_its_message_says)
{
	struct plan_of_test p = { .what = { 1 }, .set = "{'bytes': 2}" };
	struct cr_change *change = begin(
		"pipes-data.img", image("PIPES_DATA", PIPE(1, 3, "abc")));
	assert_text(
		cr_test_error(cr_rewrite(change, "pipes-data.img", NULL,
					 do_plan, &p)),
		"! FORMAT pipes-data.img: entry 0: bytes: must stay 3, as long "
		"as \"extra\" is not changed with it");
	p.set = "{'extra': ''}";
	assert_text(
		cr_test_error(cr_rewrite(change, "pipes-data.img", NULL,
					 do_plan, &p)),
		"! FORMAT pipes-data.img: entry 0: \"extra\" has 0 bytes, but "
		"\"bytes\" is 3");
	cr_change_close(change);
}

TEST(a_file_that_holds_the_rest_takes_no_further_entry)
{
	struct cr_change *change = begin(
		"ghost-file-1.img",
		image("GHOST_FILE",
		      entry(num(1, 0), num(2, 0), num(3, 1), num(4, 2),
			    num(5, 0100644)),
		      text("content")));
	json_t *v = json_object();
	assert_text(
		cr_test_error(cr_tree_append(change, "ghost-file-1.img", v)),
		"! FORMAT ghost-file-1.img: the last entry holds the rest of "
		"the file, so none can follow");
	json_decref(v);
	cr_change_close(change);
}

TEST(a_new_image)
{
	struct cr_change *change = begin("pstree.img", image("PSTREE", P(1)));
	json_t *list = json_pack("[{sssi}]", "nodename", "h", "x", 1);
	json_t *good = json_pack("[{ssss}]", "nodename", "h", "domainname", "d");
	const struct cr_image_type *type = cr_image_type_by_id("UTSNS", 5);
	assert_text(cr_test_error(cr_tree_create(change, "utsns-1.img",
						      type, list)),
			 "! FORMAT utsns-1.img: entry 0: unknown key \"x\"");
	ck_assert_ptr_null(cr_tree_create(change, "utsns-1.img", type, good));
	json_decref(list);
	json_decref(good);
	assert_bytes(end(change, "utsns-1.img"),
		     image("UTSNS", entry(str(1, "h"), str(2, "d"))));
}

TEST(broken_images_are_refused)
{
	struct plan_of_test p = { .what = { 0 } };
	struct cr_change *change =
		begin("pstree.img", cat(image("PSTREE", P(1)), word(99),
					hex("08 01")));
	assert_text(cr_test_error(cr_rewrite(change, "pstree.img", NULL,
						  do_plan, &p)),
			 "! FORMAT pstree.img: entry 1: byte 24: the message "
			 "needs 99 bytes, more than the file has left");
	assert_text(cr_test_error(cr_rewrite(change, "nope.img", NULL,
						  do_plan, &p)),
			 "! NOT_FOUND nope.img: no such file");
	cr_change_close(change);
}

TEST(key_material_is_marked)
{
	struct plan_of_test p = {
		.what = { 1 },
		.set = "{'mtype': 'AARCH64', 'ti_aarch64': {'@missing': "
		       "['clear_tid_addr', 'tls', 'gpregs', 'fpsimd'], "
		       "'pac_keys': {'pac_generic_keys': {'apgakey_lo': 1, "
		       "'apgakey_hi': 2}}}}",
	};
	struct cr_change *change =
		begin("core-1.img", image("CORE", entry(num(1, 3))));
	struct cr_error *err =
		cr_rewrite(change, "core-1.img", NULL, do_plan, &p);
	ck_assert_msg(!err, "%s", err ? cr_error_text(err) : "");
	ck_assert_ptr_nonnull(strstr(notes(change), "(secret)"));
	cr_change_close(change);
}

TEST_MAIN("lib/ops/tree")
