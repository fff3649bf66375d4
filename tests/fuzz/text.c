// SPDX-License-Identifier: MIT
/*
 * The forms of text: base64, quoted-printable, UTF-8, display forms, addresses.
 * The first byte chooses one, the second places the cuts or chooses a table.
 */
#include <arpa/inet.h>

#include "lib/base/base64.h"
#include "lib/base/qp.h"
#include "lib/base/utf8.h"
#include "lib/codec/present.h"
#include "tests/fuzz/fuzz.h"

/* The size of the next piece: what the second byte makes of the rest. */
static size_t next_piece(uint8_t cuts, unsigned turn, size_t left)
{
	size_t n = 1 + (turn & 1 ? cuts >> 4 : cuts & 15);
	return cuts && n < left ? n : left;
}

/* Base64 */

/* Whole or in pieces; *bad_ret: where it cannot go on, or size. */
static struct fuzz_bytes feed_base64(struct cr_base64 *state, const char *text,
				     size_t size, uint8_t cuts, size_t *bad_ret)
{
	struct fuzz_bytes got = { malloc(size + 1), 0 };
	*state = (struct cr_base64){ 0 };
	size_t at = 0;
	for (unsigned turn = 0; at < size; turn++) {
		size_t n = next_piece(cuts, turn, size - at);
		uint8_t *room = malloc(n / 4 * 3 + 3), *o = room;
		const char *bad = cr_base64_feed(state, text + at, n, &o);
		memcpy(got.data + got.size, room, (size_t)(o - room));
		got.size += (size_t)(o - room);
		free(room);
		if (bad) {
			at = (size_t)(bad - text);
			break;
		}
		at += n;
	}
	*bad_ret = at;
	return got;
}

/* "\n" as two characters becomes none. */
static size_t without_breaks(char *text, size_t size)
{
	char *o = text;
	for (size_t i = 0; i < size; i++) {
		if (text[i] == '\\')
			i++;
		else
			*o++ = text[i];
	}
	return (size_t)(o - text);
}

static void base64_comes_back(struct fuzz_bytes bytes, bool wrap)
{
	struct cr_base64 state;
	size_t bad;
	char *text = malloc(cr_base64_room(bytes.size));
	size_t size =
		(size_t)(cr_base64_put(text, bytes.data, bytes.size, wrap) -
			 text);
	if (wrap)
		size = without_breaks(text, size);
	struct fuzz_bytes back = feed_base64(&state, text, size, 0, &bad);
	fuzz_check(bad == size && cr_base64_complete(&state),
		   "our own base64 is refused");
	fuzz_check(fuzz_same(back, bytes), "base64 does not come back");
	free(back.data);
	free(text);
}

static void base64(const char *text, size_t size, uint8_t cuts)
{
	struct cr_base64 a, b;
	size_t whole_bad, bad;
	struct fuzz_bytes whole = feed_base64(&a, text, size, 0, &whole_bad);
	struct fuzz_bytes pieces = feed_base64(&b, text, size, cuts, &bad);
	fuzz_check(whole_bad == bad, "base64 in pieces fails elsewhere");
	fuzz_check(fuzz_same(whole, pieces), "base64 in pieces differs");
	fuzz_check(cr_base64_complete(&a) == cr_base64_complete(&b),
		   "base64 in pieces ends elsewhere");
	base64_comes_back(whole, cuts & 1);
	free(whole.data);
	free(pieces.data);
}

/* Quoted-printable */

static void qp_comes_back(struct fuzz_bytes bytes, bool exact)
{
	char *text = malloc(cr_qp_room(bytes.size));
	uint8_t *back = malloc(bytes.size + 1);
	const char *end =
		exact ? cr_qp_put_bytes(text, bytes.data, bytes.size) :
			cr_qp_put_text(text, bytes.data, bytes.size);
	size_t size = (size_t)(end - text);
	bool may_differ = !exact && memchr(bytes.data, '\r', bytes.size);
	/* Text that does not come back may become longer: "\n" to "\r\n". */
	uint8_t *room = may_differ ? malloc(size + 1) : back;
	const uint8_t *back_end = cr_qp_decode(room, text, size);
	fuzz_check(back_end, "our own quoted-printable text is refused");
	fuzz_check(may_differ ||
			   ((size_t)(back_end - back) == bytes.size &&
			    !memcmp(back, bytes.data, bytes.size)),
		   "quoted-printable text does not come back");
	if (may_differ)
		free(room);
	free(back);
	free(text);
}

static void qp(const char *text, size_t size)
{
	struct fuzz_bytes raw = fuzz_copy(text, size);
	qp_comes_back(raw, true);
	qp_comes_back(raw, false);
	struct fuzz_bytes bytes = { malloc(size + 1), 0 };
	uint8_t *end = cr_qp_decode(bytes.data, text, size);
	if (end) {
		bytes.size = (size_t)(end - bytes.data);
		fuzz_check(bytes.size <= size, "quoted-printable text grows");
		qp_comes_back(bytes, true);
		qp_comes_back(bytes, false);
	}
	free(bytes.data);
	free(raw.data);
}

/* UTF-8 */

/* Another way to check: decode, and look at the code. */
static bool is_utf8(const uint8_t *p, size_t size)
{
	static const uint32_t least[] = { 0, 0x80, 0x800, 0x10000 };
	for (size_t i = 0; i < size;) {
		uint8_t c = p[i++];
		size_t more = c < 0x80 ? 0 : c < 0xe0 ? 1 : c < 0xf0 ? 2 : 3;
		if ((c >= 0x80 && c < 0xc0) || c >= 0xf8 || more > size - i)
			return false;
		uint32_t code = more ? c & (0x3fu >> more) : c;
		for (size_t j = 0; j < more; j++, i++) {
			if ((p[i] & 0xc0) != 0x80)
				return false;
			code = code << 6 | (p[i] & 0x3f);
		}
		if (code < least[more] || code > 0x10ffff ||
		    (code >= 0xd800 && code < 0xe000))
			return false;
	}
	return true;
}

static void utf8(const uint8_t *data, size_t size, uint8_t cuts)
{
	struct cr_utf8 state = { 0 };
	bool valid = cr_utf8_valid(data, size), pieces = true;
	size_t at = 0;
	for (unsigned turn = 0; at < size && pieces; turn++) {
		size_t n = next_piece(cuts, turn, size - at);
		struct fuzz_bytes piece = fuzz_copy(data + at, n);
		pieces = cr_utf8_feed(&state, piece.data, n);
		free(piece.data);
		at += n;
	}
	pieces = pieces && cr_utf8_complete(&state);
	fuzz_check(valid == pieces, "UTF-8 in pieces is another thing");
	fuzz_check(valid == is_utf8(data, size), "UTF-8 or not");
	const uint8_t *p = data, *end = data + size;
	while (valid && p < end) {
		uint32_t code;
		char back[4];
		const uint8_t *next = cr_utf8_next(p, &code);
		size_t n = (size_t)(cr_utf8_put(back, code) - back);
		fuzz_check(n == (size_t)(next - p) && !memcmp(back, p, n),
			   "a character does not come back");
		p = next;
	}
}

/* Display forms */

struct shown {
	enum cr_form form;
	const struct cr_names *names;
};

/* Every form, and every table that a field of the schema has. */
static unsigned all_forms(struct shown *ret, unsigned cap)
{
	unsigned nr = 0;
	ret[nr++] = (struct shown){ CR_FORM_NONE, NULL };
	ret[nr++] = (struct shown){ CR_FORM_HEX, NULL };
	ret[nr++] = (struct shown){ CR_FORM_DEV, NULL };
	ret[nr++] = (struct shown){ CR_FORM_ODEV, NULL };
	for (unsigned i = 0; i < cr_nr_message_hints; i++) {
		const struct cr_message_hints *m = &cr_message_hints[i];
		for (unsigned j = 0; j < m->nr_hints && nr < cap; j++) {
			const struct cr_hint *h = &m->hints[j];
			if (h->form != CR_FORM_FLAGS && h->form != CR_FORM_DICT)
				continue;
			const struct cr_names *names = cr_names_find(
				h->form, h->arg,
				protobuf_c_message_descriptor_get_field(
					m->desc, h->number)
					->name);
			unsigned k = 0;
			while (k < nr && ret[k].names != names)
				k++;
			if (names && k == nr)
				ret[nr++] = (struct shown){ h->form, names };
		}
	}
	return nr;
}

static void shown_comes_back(struct shown s, uint64_t value, bool is_signed)
{
	char *text = malloc(CR_PRESENT_MAX);
	const char *p = text;
	const char *end =
		cr_present_put(text, s.form, s.names, value, is_signed);
	fuzz_check(end - text <= CR_PRESENT_MAX, "more text than room");
	if (*p == '"') {
		fuzz_check(end - p >= 2 && end[-1] == '"', "quotes");
		p++;
		end--;
	}
	struct fuzz_bytes exact = fuzz_copy(p, (size_t)(end - p));
	struct cr_int back;
	struct cr_error *err = cr_present_parse(
		s.form, s.names, (char *)exact.data, exact.size, &back);
	if (err)
		fuzz_fail("our own text is refused", err);
	fuzz_check((back.negative ? 0 - back.magnitude : back.magnitude) ==
			   value,
		   "a value does not come back");
	free(exact.data);
	free(text);
}

static void present(const char *text, size_t size, uint8_t which)
{
	static struct shown forms[64];
	static unsigned nr;
	if (!nr)
		nr = all_forms(forms, 64);
	struct shown s = forms[which % nr];
	/* Only hex has a sign of its own; so have numbers without a name. */
	bool has_sign = s.form <= CR_FORM_HEX || s.form == CR_FORM_DICT;
	struct cr_int v;
	struct cr_error *err =
		cr_present_parse(s.form, s.names, text, size, &v);
	if (!err && !v.negative)
		shown_comes_back(s, v.magnitude, false);
	else if (!err && has_sign && v.magnitude <= 1ull << 63)
		shown_comes_back(s, 0 - v.magnitude, true);
	cr_error_free(err);
	uint64_t value = 0;
	memcpy(&value, text, size < 8 ? size : 8);
	shown_comes_back(s, value, has_sign && which & 128);
}

/* Addresses */

static void address_comes_back(const uint32_t *words, unsigned nr, bool dotted)
{
	uint32_t back[4];
	unsigned back_nr = 0;
	char *text = malloc(48);
	const char *end = cr_present_address(text, words, nr, dotted);
	fuzz_check(end - text >= 2 && *text == '"' && end[-1] == '"', "quotes");
	struct cr_error *err = cr_present_parse_address(
		text + 1, (size_t)(end - text) - 2, back, &back_nr);
	if (err)
		fuzz_fail("our own address is refused", err);
	fuzz_check(back_nr == nr && !memcmp(back, words, 4 * nr),
		   "an address does not come back");
	free(text);
}

static void address(const char *text, size_t size, bool dotted)
{
	uint32_t words[4] = { 0 };
	unsigned nr;
	struct cr_error *err =
		cr_present_parse_address(text, size, words, &nr);
	if (!err)
		address_comes_back(words, nr, dotted);
	cr_error_free(err);
	memset(words, 0, sizeof(words));
	memcpy(words, text, size < 16 ? size : 16);
	address_comes_back(words, 1, dotted);
	address_comes_back(words, 4, dotted);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2)
		return 0;
	struct fuzz_bytes b = fuzz_copy(data + 2, size - 2);
	const char *text = (const char *)b.data;
	switch (data[0] % 5) {
	case 0:
		base64(text, b.size, data[1]);
		break;
	case 1:
		qp(text, b.size);
		break;
	case 2:
		utf8(b.data, b.size, data[1]);
		break;
	case 3:
		present(text, b.size, data[1]);
		break;
	case 4:
		address(text, b.size, data[1] & 1);
		break;
	}
	free(b.data);
	return 0;
}
