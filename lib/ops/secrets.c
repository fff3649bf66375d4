// SPDX-License-Identifier: MIT
#include "lib/ops/secrets.h"

#include <string.h>

/* Bytes that a secret is made of, as text for a table. */
// clang-format off
#define UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define LOWER "abcdefghijklmnopqrstuvwxyz"
#define DIGIT "0123456789"
#define WORD  UPPER LOWER DIGIT "_"
#define TOKEN UPPER LOWER DIGIT "-._~+/="
#define CRYPT UPPER LOWER DIGIT "./$=,+-"
// clang-format on

struct text {
	const uint8_t *data;
	size_t at, end; /* of the mark; of what may be looked at */
};

struct pattern;

/* Whether there is a secret at the mark; *ret has its size, and may be told
 * another place. */
typedef bool check_fn(const struct pattern *p, const struct text *t,
		      struct cr_secret *ret);

struct pattern {
	const char *kind, *mark;
	check_fn *check;
	const char *of; /* what follows the mark */
	size_t min, max;
};

static check_fn check_run, check_pem, check_mark, check_jwt, check_crypt,
	check_slack, check_variable;

// To add one: a row. The mark has three bytes or more; kinds stand together.
// clang-format off
#define AHEAD CR_SECRETS_AHEAD
static const struct pattern patterns[] = {
	{ "private key",   "-----BEGIN ",        check_pem,      NULL,        0,  0 },
	{ "private key",   "openssh-key-v1",     check_mark,     NULL,        0,  0 },
	{ "JSON web token", "eyJ",               check_jwt,      NULL,        0,  0 },
	{ "AWS key id",    "AKIA",               check_run,      UPPER DIGIT, 16, 16 },
	{ "AWS key id",    "ASIA",               check_run,      UPPER DIGIT, 16, 16 },
	{ "GitHub token",  "ghp_",               check_run,      WORD,        36, AHEAD },
	{ "GitHub token",  "gho_",               check_run,      WORD,        36, AHEAD },
	{ "GitHub token",  "ghu_",               check_run,      WORD,        36, AHEAD },
	{ "GitHub token",  "ghs_",               check_run,      WORD,        36, AHEAD },
	{ "GitHub token",  "ghr_",               check_run,      WORD,        36, AHEAD },
	{ "GitHub token",  "github_pat_",        check_run,      WORD,        22, AHEAD },
	{ "GitLab token",  "glpat-",             check_run,      WORD "-",    20, AHEAD },
	{ "Slack token",   "xox",                check_slack,    WORD "-",    12, AHEAD },
	{ "Google key",    "AIza",               check_run,      WORD "-",    35, 35 },
	{ "Stripe key",    "sk_live_",           check_run,      WORD,        16, AHEAD },
	{ "bearer token",  "Bearer ",            check_run,      TOKEN,       20, AHEAD },
	{ "password hash", "$6$",                check_crypt,    CRYPT,       88, 160 },
	{ "password hash", "$5$",                check_crypt,    CRYPT,       45, 120 },
	{ "password hash", "$y$",                check_crypt,    CRYPT,       45, 160 },
	{ "password hash", "$2a$",               check_crypt,    CRYPT,       56, 56 },
	{ "password hash", "$2b$",               check_crypt,    CRYPT,       56, 56 },
	{ "password hash", "$2y$",               check_crypt,    CRYPT,       56, 56 },
	{ "password hash", "$argon2",            check_crypt,    CRYPT,       40, 300 },
	{ "telling name",  "PASSWORD=",          check_variable, NULL,        4,  AHEAD },
	{ "telling name",  "PASSWD=",            check_variable, NULL,        4,  AHEAD },
	{ "telling name",  "PASSPHRASE=",        check_variable, NULL,        4,  AHEAD },
	{ "telling name",  "TOKEN=",             check_variable, NULL,        4,  AHEAD },
	{ "telling name",  "SECRET=",            check_variable, NULL,        4,  AHEAD },
	{ "telling name",  "API_KEY=",           check_variable, NULL,        4,  AHEAD },
	{ "telling name",  "ACCESS_KEY=",        check_variable, NULL,        4,  AHEAD },
	{ "telling name",  "ACCESS_KEY_ID=",     check_variable, NULL,        4,  AHEAD },
	{ "telling name",  "SECRET_KEY=",        check_variable, NULL,        4,  AHEAD },
	{ "telling name",  "PRIVATE_KEY=",       check_variable, NULL,        4,  AHEAD },
	{ "telling name",  "CREDENTIALS=",       check_variable, NULL,        4,  AHEAD },
};
// clang-format on

#define NR (sizeof(patterns) / sizeof(patterns[0]))

/* ---- checks ---- */

static size_t run_of(const struct text *t, size_t at, const char *of,
		     size_t max)
{
	size_t n = 0;
	while (n < max && at + n < t->end && t->data[at + n] &&
	       strchr(of, t->data[at + n]))
		n++;
	return n;
}

static bool is_in(const struct text *t, size_t at, const char *of)
{
	return at < t->end && t->data[at] && strchr(of, t->data[at]);
}

/* Not a part of a longer word. */
static bool begins_word(const struct text *t)
{
	return !t->at || !is_in(t, t->at - 1, WORD);
}

static bool check_run(const struct pattern *p, const struct text *t,
		      struct cr_secret *ret)
{
	size_t mark = strlen(p->mark);
	size_t n = run_of(t, t->at + mark, p->of, p->max);
	if (n < p->min || !begins_word(t) ||
	    (p->max < AHEAD && is_in(t, t->at + mark + n, p->of)))
		return false;
	ret->size = mark + n;
	return true;
}

/* "-----BEGIN RSA PRIVATE KEY-----" and so on, up to its end. */
static bool check_pem(const struct pattern *p, const struct text *t,
		      struct cr_secret *ret)
{
	static const char is[] = "PRIVATE KEY", stop[] = "-----END ";
	const uint8_t *begin = t->data + t->at;
	size_t left = t->end - t->at;
	if (!memmem(begin, left < 48 ? left : 48, is, sizeof(is) - 1))
		return false;
	const uint8_t *end = memmem(begin, left, stop, sizeof(stop) - 1);
	const uint8_t *nul = memchr(begin, 0, left);
	ret->size = end ? (size_t)(end - begin) :
		    nul ? (size_t)(nul - begin) :
			  left;
	/* A program that looks for keys has the words and nothing behind. */
	return ret->size >= 64;
}

static bool check_mark(const struct pattern *p, const struct text *t,
		       struct cr_secret *ret)
{
	size_t size = strlen(p->mark), left = t->end - t->at;
	/* The mark's own NUL, and the length of a cipher's name. */
	if (left < size + 8 || t->data[t->at + size] ||
	    t->data[t->at + size + 1] || t->data[t->at + size + 2])
		return false;
	ret->size = left < 256 ? left : 256;
	return t->data[t->at + size + 4] != 0;
}

/* Three parts in base64 with dots between them, the first two of which begin as
 * JSON objects do. */
static bool check_jwt(const struct pattern *p, const struct text *t,
		      struct cr_secret *ret)
{
	static const char of[] = WORD "-";
	size_t head = run_of(t, t->at, of, AHEAD);
	size_t at = t->at + head + 1;
	if (head < 10 || at + 3 > t->end || t->data[at - 1] != '.' ||
	    memcmp(t->data + at, "eyJ", 3))
		return false;
	size_t body = run_of(t, at, of, AHEAD);
	at += body;
	if (at < t->end && t->data[at] == '.')
		at += 1 + run_of(t, at + 1, of, AHEAD);
	ret->size = at - t->at;
	return begins_word(t);
}

/* Salt and hash, with a dollar sign between them but in bcrypt. */
static bool check_crypt(const struct pattern *p, const struct text *t,
			struct cr_secret *ret)
{
	size_t n = run_of(t, t->at + strlen(p->mark), p->of, p->max);
	ret->size = strlen(p->mark) + n;
	return n >= p->min &&
	       (p->mark[1] == '2' ||
		memchr(t->data + t->at + strlen(p->mark), '$', n));
}

/* "xoxb-" and so on. */
static bool check_slack(const struct pattern *p, const struct text *t,
			struct cr_secret *ret)
{
	if (!is_in(t, t->at + 3, "abeoprs") || !is_in(t, t->at + 4, "-"))
		return false;
	return check_run(p, t, ret);
}

/* The whole name, and a value that is no name of another variable, no format
 * and no x for x. */
static bool check_variable(const struct pattern *p, const struct text *t,
			   struct cr_secret *ret)
{
	size_t start = t->at, value = t->at + strlen(p->mark), end = value;
	bool told = false;
	while (start && t->at - start < CR_SECRETS_BEFORE &&
	       is_in(t, start - 1, UPPER DIGIT "_"))
		start--;
	while (end < t->end && end - value < p->max && t->data[end] > ' ' &&
	       t->data[end] < 0x7f)
		told |= t->data[end++] != 'x';
	ret->off = start;
	ret->size = end - start;
	ret->named = true;
	return told && end - value >= p->min && !is_in(t, value, "%$<{'\"");
}

/* ---- finding them ---- */

static uint16_t pair_at(const void *p)
{
	uint16_t pair;
	memcpy(&pair, p, 2);
	return pair;
}

/* Candidate 2 i + k is pattern i, met k bytes behind its beginning: one of the
 * two is at a place that is looked at. */
static bool has_pair(size_t candidate, uint16_t pair)
{
	return pair_at(patterns[candidate / 2].mark + candidate % 2) == pair;
}

_Static_assert(2 * NR < 255, "candidates are bytes");

void cr_secrets_init(struct cr_secrets *secrets)
{
	memset(secrets->first, 0, sizeof(secrets->first));
	for (size_t c = 2 * NR; c-- > 0;)
		secrets->first[pair_at(patterns[c / 2].mark + c % 2)] =
			(uint8_t)(c + 1);
}

struct found {
	cr_secrets_fn *fn;
	void *arg;
	const uint8_t *data;
	size_t start, stop; /* places where marks may begin */
	size_t size;
};

static struct cr_error *try_pattern(const struct found *f,
				    const struct pattern *p, size_t at)
{
	size_t size = strlen(p->mark);
	if (at < f->start || at >= f->stop || f->size - at < size ||
	    memcmp(f->data + at, p->mark, size))
		return NULL;
	/* As far as every window reaches. */
	size_t end = f->size - at > AHEAD ? at + AHEAD : f->size;
	struct text t = { f->data, at, end };
	struct cr_secret secret = { .kind = p->kind, .off = at };
	return p->check(p, &t, &secret) ? f->fn(f->arg, f->data, &secret) :
					  NULL;
}

static struct cr_error *try_place(const struct cr_secrets *secrets,
				  const struct found *f, size_t at)
{
	uint16_t pair = pair_at(f->data + at);
	struct cr_error *err = NULL;
	for (size_t c = secrets->first[pair] - 1u; c < 2 * NR && !err; c++)
		if (has_pair(c, pair) && at >= c % 2)
			err = try_pattern(f, &patterns[c / 2], at - c % 2);
	return err;
}

struct cr_error *cr_secrets_find(const struct cr_secrets *secrets,
				 const uint8_t *data, size_t size, size_t seen,
				 bool ends, cr_secrets_fn *fn, void *arg)
{
	const uint8_t *first = secrets->first;
	struct found f = { fn, arg, data, 0, size, size };
	struct cr_error *err = NULL;
	if (seen > AHEAD)
		f.start = seen - AHEAD;
	if (!ends)
		f.stop = size > AHEAD ? size - AHEAD : 0;
	/* A mark is met at its first byte or its second one. */
	size_t end = size - f.stop > 2 ? f.stop + 2 : size;
	size_t i = f.start;
	for (; i + 9 <= end && !err; i += 8) {
		if (!(first[pair_at(data + i)] | first[pair_at(data + i + 2)] |
		      first[pair_at(data + i + 4)] |
		      first[pair_at(data + i + 6)]))
			continue;
		for (size_t k = 0; k < 8 && !err; k += 2)
			if (first[pair_at(data + i + k)])
				err = try_place(secrets, &f, i + k);
	}
	for (; i + 2 <= end && !err; i += 2)
		if (first[pair_at(data + i)])
			err = try_place(secrets, &f, i);
	return err;
}

const char *cr_secrets_kind(unsigned i)
{
	const char *last = "";
	for (size_t k = 0; k < NR; k++) {
		if (strcmp(patterns[k].kind, last) && !i--)
			return patterns[k].kind;
		last = patterns[k].kind;
	}
	return NULL;
}
