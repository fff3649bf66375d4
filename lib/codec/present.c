// SPDX-License-Identifier: MIT
#include "lib/codec/present.h"

#include <arpa/inet.h>
#include <string.h>
#include <strings.h>
#include <sys/sysmacros.h>

#include "lib/base/num.h"

#define NR(rows) (sizeof(rows) / sizeof((rows)[0]))

// clang-format off

static const struct cr_name mmap_prot[] = {
	{ "PROT_READ",  0x1 },
	{ "PROT_WRITE", 0x2 },
	{ "PROT_EXEC",  0x4 },
};

static const struct cr_name mmap_flags[] = {
	{ "MAP_SHARED",    0x1 },
	{ "MAP_PRIVATE",   0x2 },
	{ "MAP_DROPPABLE", 0x8 },
	{ "MAP_ANON",      0x20 },
	{ "MAP_GROWSDOWN", 0x100 },
};

static const struct cr_name mmap_status[] = {
	{ "VMA_AREA_NONE",            0 },
	{ "VMA_AREA_REGULAR",         1u << 0 },
	{ "VMA_AREA_STACK",           1u << 1 },
	{ "VMA_AREA_VSYSCALL",        1u << 2 },
	{ "VMA_AREA_VDSO",            1u << 3 },
	{ "VMA_AREA_HEAP",            1u << 5 },
	{ "VMA_FILE_PRIVATE",         1u << 6 },
	{ "VMA_FILE_SHARED",          1u << 7 },
	{ "VMA_ANON_SHARED",          1u << 8 },
	{ "VMA_ANON_PRIVATE",         1u << 9 },
	{ "VMA_AREA_SYSVIPC",         1u << 10 },
	{ "VMA_AREA_SOCKET",          1u << 11 },
	{ "VMA_AREA_VVAR",            1u << 12 },
	{ "VMA_AREA_AIORING",         1u << 13 },
	{ "VMA_AREA_MEMFD",           1u << 14 },
	{ "VMA_AREA_SHSTK",           1u << 15 },
	{ "VMA_AREA_UPROBES",         1u << 17 },
	{ "VMA_AREA_NOT_ACCOUNTABLE", 1u << 18 },
	{ "VMA_UNSUPP",               1u << 31 },
};

/* The values of x86 for images of every processor, as the reference tool has
 * it: on AArch64 some names are those of other flags. */
static const struct cr_name rfile_flags[] = {
	{ "O_WRONLY",    01 },
	{ "O_RDWR",      02 },
	{ "O_CREAT",     0100 },
	{ "O_EXCL",      0200 },
	{ "O_NOCTTY",    0400 },
	{ "O_TRUNC",     01000 },
	{ "O_APPEND",    02000 },
	{ "O_NONBLOCK",  04000 },
	{ "O_DSYNC",     010000 },
	{ "FASYNC",      020000 },
	{ "O_DIRECT",    040000 },
	{ "O_LARGEFILE", 0100000 },
	{ "O_DIRECTORY", 0200000 },
	{ "O_NOFOLLOW",  0400000 },
	{ "O_NOATIME",   01000000 },
	{ "O_CLOEXEC",   02000000 },
};

static const struct cr_name seals_flags[] = {
	{ "F_SEAL_SEAL",         0x1 },
	{ "F_SEAL_SHRINK",       0x2 },
	{ "F_SEAL_GROW",         0x4 },
	{ "F_SEAL_WRITE",        0x8 },
	{ "F_SEAL_FUTURE_WRITE", 0x10 },
};

static const struct cr_name pmap_flags[] = {
	{ "PE_PARENT",          1u << 0 },
	{ "PE_LAZY",            1u << 1 },
	{ "PE_PRESENT",         1u << 2 },
	{ "PE_PAYLOAD_ALIGNED", 1u << 3 },
};

/* Until 4.2 the reference tool printed 3 as Zombie and 6 as Stopped. */
static const struct cr_name task_state[] = {
	{ "Alive",   1 },
	{ "Dead",    2 },
	{ "Stopped", 3 },
	{ "Zombie",  6 },
};

static const struct cr_name sk_family[] = {
	{ "UNIX",    1 },
	{ "INET",    2 },
	{ "INET6",   10 },
	{ "NETLINK", 16 },
	{ "PACKET",  17 },
};

static const struct cr_name sk_type[] = {
	{ "STREAM",    1 },
	{ "DGRAM",     2 },
	{ "RAW",       3 },
	{ "SEQPACKET", 5 },
	{ "PACKET",    10 },
};

static const struct cr_name sk_state[] = {
	{ "ESTABLISHED", 1 },
	{ "SYN_SENT",    2 },
	{ "SYN_RECV",    3 },
	{ "FIN_WAIT1",   4 },
	{ "FIN_WAIT2",   5 },
	{ "TIME_WAIT",   6 },
	{ "CLOSE",       7 },
	{ "CLOSE_WAIT",  8 },
	{ "LAST_ACK",    9 },
	{ "LISTEN",      10 },
};

static const struct cr_name sk_proto[] = {
	{ "IP",      0 },
	{ "TCP",     6 },
	{ "UDP",     17 },
	{ "UDPLITE", 136 },
};

static const struct cr_names tables[] = {
	{ CR_FORM_FLAGS, "mmap.prot",   NULL,         mmap_prot,   NR(mmap_prot) },
	{ CR_FORM_FLAGS, "mmap.flags",  NULL,         mmap_flags,  NR(mmap_flags) },
	{ CR_FORM_FLAGS, "mmap.status", NULL,         mmap_status, NR(mmap_status) },
	{ CR_FORM_FLAGS, "rfile.flags", NULL,         rfile_flags, NR(rfile_flags) },
	{ CR_FORM_FLAGS, "seals.flags", NULL,         seals_flags, NR(seals_flags) },
	{ CR_FORM_FLAGS, "pmap.flags",  NULL,         pmap_flags,  NR(pmap_flags) },
	{ CR_FORM_DICT,  "gen",         "task_state", task_state,  NR(task_state) },
	{ CR_FORM_DICT,  "sk",          "family",     sk_family,   NR(sk_family) },
	{ CR_FORM_DICT,  "sk",          "type",       sk_type,     NR(sk_type) },
	{ CR_FORM_DICT,  "sk",          "state",      sk_state,    NR(sk_state) },
	{ CR_FORM_DICT,  "sk",          "proto",      sk_proto,    NR(sk_proto) },
};

// clang-format on

const struct cr_names *cr_names_find(enum cr_form form, const char *arg,
				     const char *field)
{
	for (size_t i = 0; i < NR(tables); i++) {
		const struct cr_names *t = &tables[i];
		if (t->form == form && !strcmp(t->arg, arg) &&
		    (!t->field || !strcmp(t->field, field)))
			return t;
	}
	return NULL;
}

static char *put_text(char *o, const char *text)
{
	size_t size = strlen(text);
	memcpy(o, text, size);
	return o + size;
}

static char *put_hex(char *o, const struct cr_names *names, uint64_t value,
		     bool is_signed)
{
	(void)names;
	if (is_signed && (int64_t)value < 0) {
		*o++ = '-';
		value = 0 - value;
	}
	return cr_put_hex(o, value);
}

static char *put_flags(char *o, const struct cr_names *names, uint64_t value,
		       bool is_signed)
{
	(void)is_signed;
	const char *start = o;
	for (unsigned i = 0; i < names->nr_rows; i++) {
		if (!(value & names->rows[i].value))
			continue;
		if (o > start)
			o = put_text(o, " | ");
		o = put_text(o, names->rows[i].name);
	}
	for (unsigned i = 0; i < names->nr_rows; i++)
		value &= ~names->rows[i].value;
	if (!value)
		return o;
	if (o > start)
		o = put_text(o, " | ");
	return cr_put_hex(o, value);
}

/* include/linux/kdev_t.h: MINORBITS */
#define KERNEL_MINOR_BITS 20

static char *put_dev(char *o, const struct cr_names *names, uint64_t value,
		     bool is_signed)
{
	(void)names, (void)is_signed;
	o = cr_put_u64(o, value >> KERNEL_MINOR_BITS);
	*o++ = ':';
	return cr_put_u64(o, value & ((1u << KERNEL_MINOR_BITS) - 1));
}

static char *put_odev(char *o, const struct cr_names *names, uint64_t value,
		      bool is_signed)
{
	(void)names, (void)is_signed;
	o = cr_put_u64(o, major(value));
	*o++ = ':';
	return cr_put_u64(o, minor(value));
}

static const struct cr_name *name_of(const struct cr_names *names,
				     uint64_t value)
{
	for (unsigned i = 0; i < names->nr_rows; i++)
		if (names->rows[i].value == value)
			return &names->rows[i];
	return NULL;
}

static const struct cr_name *row_of(const struct cr_names *names,
				    const char *text, size_t size)
{
	for (unsigned i = 0; i < names->nr_rows; i++)
		if (strlen(names->rows[i].name) == size &&
		    !memcmp(names->rows[i].name, text, size))
			return &names->rows[i];
	return NULL;
}

static int digit(char c, unsigned base)
{
	int v = c >= '0' && c <= '9' ? c - '0' :
		c >= 'a' && c <= 'f' ? c - 'a' + 10 :
		c >= 'A' && c <= 'F' ? c - 'A' + 10 :
				       99;
	return v < (int)base ? v : -1;
}

/* 123, 0x7b, 0o173, 0b1111011; no leading zeros, as in Python. */
static bool parse_number(const char *p, size_t size, struct cr_int *ret)
{
	const char *end = p + size;
	struct cr_int v = { 0 };
	if (p < end && *p == '-') {
		v.negative = true;
		p++;
	}
	unsigned base = 10;
	if (end - p > 2 && p[0] == '0') {
		char c = (char)(p[1] | 0x20);
		base = c == 'x' ? 16 : c == 'o' ? 8 : c == 'b' ? 2 : 10;
		if (base != 10)
			p += 2;
	}
	if (p == end || (base == 10 && *p == '0' && end - p > 1))
		return false;
	for (; p < end; p++) {
		int d = digit(*p, base);
		if (d < 0 ||
		    __builtin_mul_overflow(v.magnitude, base, &v.magnitude) ||
		    __builtin_add_overflow(v.magnitude, (unsigned)d,
					   &v.magnitude))
			return false;
	}
	v.negative &= v.magnitude != 0;
	*ret = v;
	return true;
}

static struct cr_error *bad_text(const char *what, const char *text,
				 size_t size)
{
	int shown = size > 60 ? 60 : (int)size;
	return cr_error_new(CR_ERR_FORMAT, "\"%.*s\" is not %s", shown, text,
			    what);
}

static struct cr_error *parse_hex(const struct cr_names *names,
				  const char *text, size_t size,
				  struct cr_int *ret)
{
	(void)names;
	if (parse_number(text, size, ret))
		return NULL;
	return bad_text("an integer of at most 64 bits", text, size);
}

static struct cr_error *parse_flag(const struct cr_names *names,
				   const char *text, size_t size,
				   struct cr_int *sum)
{
	struct cr_int v = { 0 };
	const struct cr_name *row = row_of(names, text, size);
	if (row)
		v.magnitude = row->value;
	else if (!parse_number(text, size, &v) || v.negative)
		return bad_text("a flag or a number", text, size);
	if (v.magnitude & sum->magnitude)
		return cr_error_new(CR_ERR_FORMAT, "flag \"%.*s\" is there twice",
				    (int)size, text);
	sum->magnitude |= v.magnitude;
	return NULL;
}

static struct cr_error *parse_flags(const struct cr_names *names,
				    const char *text, size_t size,
				    struct cr_int *ret)
{
	struct cr_int sum = { 0 };
	const char *end = text + size;
	while (text < end) {
		const char *bar = memchr(text, '|', (size_t)(end - text));
		const char *stop = bar ? bar : end;
		const char *a = text, *b = stop;
		while (a < b && *a == ' ')
			a++;
		while (b > a && b[-1] == ' ')
			b--;
		struct cr_error *err =
			parse_flag(names, a, (size_t)(b - a), &sum);
		if (err)
			return err;
		text = bar ? bar + 1 : end;
	}
	*ret = sum;
	return NULL;
}

/* "8:1" to its two numbers. */
static bool parse_pair(const char *text, size_t size, struct cr_int *a,
		       struct cr_int *b)
{
	const char *colon = size ? memchr(text, ':', size) : NULL;
	if (!colon)
		return false;
	size_t head = (size_t)(colon - text);
	return parse_number(text, head, a) &&
	       parse_number(colon + 1, size - head - 1, b) && !a->negative &&
	       !b->negative;
}

static struct cr_error *parse_dev(const struct cr_names *names,
				  const char *text, size_t size,
				  struct cr_int *ret)
{
	struct cr_int a, b;
	if (parse_number(text, size, ret))
		return NULL;
	if (!parse_pair(text, size, &a, &b) ||
	    a.magnitude >> (64 - KERNEL_MINOR_BITS) ||
	    b.magnitude >> KERNEL_MINOR_BITS)
		return bad_text("a device number like 8:1", text, size);
	*ret = (struct cr_int){ a.magnitude << KERNEL_MINOR_BITS | b.magnitude,
				false };
	return NULL;
}

static struct cr_error *parse_odev(const struct cr_names *names,
				   const char *text, size_t size,
				   struct cr_int *ret)
{
	struct cr_int a, b;
	if (parse_number(text, size, ret))
		return NULL;
	if (!parse_pair(text, size, &a, &b) || a.magnitude >> 32 ||
	    b.magnitude >> 32)
		return bad_text("a device number like 8:1", text, size);
	*ret = (struct cr_int){ makedev((unsigned)a.magnitude,
					(unsigned)b.magnitude),
				false };
	return NULL;
}

static struct cr_error *parse_dict(const struct cr_names *names,
				   const char *text, size_t size,
				   struct cr_int *ret)
{
	const struct cr_name *row = row_of(names, text, size);
	if (!row) {
		if (parse_number(text, size, ret))
			return NULL;
		return bad_text("a known name or a number", text, size);
	}
	*ret = (struct cr_int){ row->value, false };
	return NULL;
}

/* One row a form that one integer can have. */
static const struct {
	char *(*put)(char *o, const struct cr_names *names, uint64_t value,
		     bool is_signed);
	struct cr_error *(*parse)(const struct cr_names *names,
				  const char *text, size_t size,
				  struct cr_int *ret);
} forms[] = {
	[CR_FORM_NONE] = { put_hex, parse_hex },
	[CR_FORM_HEX] = { put_hex, parse_hex },
	[CR_FORM_FLAGS] = { put_flags, parse_flags },
	[CR_FORM_DEV] = { put_dev, parse_dev },
	[CR_FORM_ODEV] = { put_odev, parse_odev },
	[CR_FORM_DICT] = { NULL, parse_dict },
	[CR_FORM_IPADD] = { put_hex, parse_hex },
	[CR_FORM_CONV] = { put_hex, parse_hex },
};

char *cr_present_put(char *o, enum cr_form form, const struct cr_names *names,
		     uint64_t value, bool is_signed)
{
	if (form == CR_FORM_DICT) {
		const struct cr_name *row = name_of(names, value);
		if (!row)
			return is_signed ? cr_put_i64(o, (int64_t)value) :
					   cr_put_u64(o, value);
		*o++ = '"';
		o = put_text(o, row->name);
	} else {
		*o++ = '"';
		o = forms[form].put(o, names, value, is_signed);
	}
	*o++ = '"';
	return o;
}

struct cr_error *cr_present_parse(enum cr_form form,
				  const struct cr_names *names,
				  const char *text, size_t size,
				  struct cr_int *ret)
{
	return forms[form].parse(names, text, size, ret);
}

/* RFC 5952: lower case, the first longest run of zero groups as "::". */
static char *put_ipv6(char *o, const uint16_t group[8])
{
	int best = -1, best_size = 1;
	for (int i = 0; i < 8; i++) {
		int n = 0;
		while (i + n < 8 && !group[i + n])
			n++;
		if (n > best_size) {
			best = i;
			best_size = n;
		}
	}
	for (int i = 0; i < 8; i++) {
		if (i == best) {
			o = put_text(o, "::");
			i += best_size - 1;
			continue;
		}
		if (i && o[-1] != ':')
			*o++ = ':';
		char hex[CR_NUM_MAX];
		size_t size = (size_t)(cr_put_hex(hex, group[i]) - hex) - 2;
		memcpy(o, hex + 2, size);
		o += size;
	}
	return o;
}

static char *put_ipv4(char *o, uint32_t word)
{
	uint8_t b[4];
	memcpy(b, &word, 4);
	for (int i = 0; i < 4; i++) {
		if (i)
			*o++ = '.';
		o = cr_put_u64(o, b[i]);
	}
	return o;
}

char *cr_present_address(char *o, const uint32_t *words, unsigned nr,
			 bool dotted)
{
	*o++ = '"';
	if (nr == 1) {
		o = put_ipv4(o, words[0]);
	} else if (dotted && !words[0] && !words[1] &&
		   words[2] == htonl(0xffff)) {
		o = put_ipv4(put_text(o, "::ffff:"), words[3]);
	} else {
		uint16_t group[8];
		memcpy(group, words, sizeof(group));
		for (int i = 0; i < 8; i++)
			group[i] = ntohs(group[i]);
		o = put_ipv6(o, group);
	}
	*o++ = '"';
	return o;
}

struct cr_error *cr_present_parse_address(const char *text, size_t size,
					  uint32_t words_ret[4],
					  unsigned *nr_ret)
{
	char copy[INET6_ADDRSTRLEN];
	if (size < sizeof(copy) && !memchr(text, 0, size)) {
		memcpy(copy, text, size);
		copy[size] = 0;
		if (inet_pton(AF_INET, copy, words_ret) == 1) {
			*nr_ret = 1;
			return NULL;
		}
		if (inet_pton(AF_INET6, copy, words_ret) == 1) {
			*nr_ret = 4;
			return NULL;
		}
	}
	return bad_text("an IP address", text, size);
}
