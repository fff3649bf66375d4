// SPDX-License-Identifier: MIT
#include "lib/unwind/expr.h"

#include "lib/base/cursor.h"

// clang-format off
enum op {
	OP_ADDR = 0x03, OP_DEREF = 0x06,
	OP_CONST1U = 0x08, OP_CONST1S, OP_CONST2U, OP_CONST2S, OP_CONST4U,
	OP_CONST4S, OP_CONST8U, OP_CONST8S, OP_CONSTU, OP_CONSTS,
	OP_DUP = 0x12, OP_DROP, OP_OVER, OP_PICK, OP_SWAP, OP_ROT,
	OP_ABS = 0x19, OP_AND, OP_DIV, OP_MINUS, OP_MOD, OP_MUL, OP_NEG,
	OP_NOT, OP_OR, OP_PLUS, OP_PLUS_UCONST, OP_SHL, OP_SHR, OP_SHRA,
	OP_XOR, OP_BRA, OP_EQ, OP_GE, OP_GT, OP_LE, OP_LT, OP_NE, OP_SKIP,
	OP_LIT0 = 0x30, OP_LIT31 = 0x4f,
	OP_BREG0 = 0x70, OP_BREG31 = 0x8f,
	OP_BREGX = 0x92, OP_DEREF_SIZE = 0x94, OP_NOP = 0x96,
};
// clang-format on

struct machine {
	const struct cr_expr_world *world;
	struct cr_cursor code;
	uint64_t stack[CR_EXPR_DEPTH];
	unsigned nr;
	const char *fault; /* what is wrong with the operation */
	struct cr_error *err; /* of the world */
};

static uint64_t trim(const struct machine *m, uint64_t v)
{
	return m->world->address_size == 4 ? (uint32_t)v : v;
}

/* Comparisons and division are signed, in the width of an address. */
static int64_t as_signed(const struct machine *m, uint64_t v)
{
	return m->world->address_size == 4 ? (int32_t)v : (int64_t)v;
}

static void push(struct machine *m, uint64_t v)
{
	if (m->nr == CR_EXPR_DEPTH)
		m->fault = "the stack is full";
	else
		m->stack[m->nr++] = trim(m, v);
}

static uint64_t pop(struct machine *m)
{
	if (m->nr)
		return m->stack[--m->nr];
	m->fault = "the stack is empty";
	return 0;
}

static void push_reg(struct machine *m, uint64_t nr, int64_t off)
{
	uint64_t value = 0;
	m->err = m->world->reg(m->world->arg, nr, &value);
	push(m, value + (uint64_t)off);
}

static void deref(struct machine *m, uint64_t size)
{
	uint64_t vaddr = pop(m), value = 0;
	if (!size || size > m->world->address_size)
		m->fault = "reads more than a word";
	else if (!m->fault)
		m->err = m->world->read(m->world->arg, vaddr, (unsigned)size,
					&value);
	push(m, value);
}

static void pick(struct machine *m, uint64_t depth)
{
	if (depth >= m->nr)
		m->fault = "the stack is not that deep";
	else
		push(m, m->stack[m->nr - 1 - depth]);
}

/* The top one becomes the third. */
static void rotate(struct machine *m)
{
	uint64_t a = pop(m), b = pop(m), c = pop(m);
	push(m, a);
	push(m, c);
	push(m, b);
}

static void jump(struct machine *m, int64_t by)
{
	int64_t to = (int64_t)cr_cursor_off(&m->code) + by;
	if (to < 0 || to > m->code.end - m->code.start)
		m->fault = "jumps out of the expression";
	else
		m->code.p = m->code.start + to;
}

static int64_t divide(struct machine *m, int64_t a, int64_t b)
{
	if (b == 0)
		m->fault = "divides by zero";
	/* The one quotient that does not fit is its own negative. */
	return b == 0 || b == -1 ? (int64_t)(0 - (uint64_t)a) : a / b;
}

/* Shifts by the width or more leave nothing, or nothing but signs. */
static uint64_t shift(const struct machine *m, enum op op, uint64_t v,
		      uint64_t by)
{
	if (op == OP_SHRA)
		return (uint64_t)(as_signed(m, v) >> (by < 64 ? by : 63));
	if (by >= 64)
		return 0;
	return op == OP_SHL ? v << by : v >> by;
}

/* Two values to one. */
static uint64_t combine(struct machine *m, enum op op, uint64_t a, uint64_t b)
{
	int64_t sa = as_signed(m, a), sb = as_signed(m, b);

	// clang-format off
	switch (op) {
	case OP_AND:   return a & b;
	case OP_OR:    return a | b;
	case OP_XOR:   return a ^ b;
	case OP_PLUS:  return a + b;
	case OP_MINUS: return a - b;
	case OP_MUL:   return a * b;
	case OP_DIV:   return (uint64_t)divide(m, sa, sb);
	case OP_EQ:    return sa == sb;
	case OP_NE:    return sa != sb;
	case OP_GE:    return sa >= sb;
	case OP_GT:    return sa > sb;
	case OP_LE:    return sa <= sb;
	case OP_LT:    return sa < sb;
	default:       return shift(m, op, a, b);
	}
	// clang-format on
}

static void step_constant(struct machine *m, enum op op)
{
	struct cr_cursor *c = &m->code;

	// clang-format off
	switch (op) {
	case OP_ADDR:    return push(m, cr_cursor_uint(c, m->world->address_size));
	case OP_CONST1U: return push(m, cr_cursor_uint(c, 1));
	case OP_CONST1S: return push(m, (uint64_t)cr_cursor_int(c, 1));
	case OP_CONST2U: return push(m, cr_cursor_uint(c, 2));
	case OP_CONST2S: return push(m, (uint64_t)cr_cursor_int(c, 2));
	case OP_CONST4U: return push(m, cr_cursor_uint(c, 4));
	case OP_CONST4S: return push(m, (uint64_t)cr_cursor_int(c, 4));
	case OP_CONST8U:
	case OP_CONST8S: return push(m, cr_cursor_uint(c, 8));
	case OP_CONSTU:  return push(m, cr_cursor_uleb(c));
	default:         return push(m, (uint64_t)cr_cursor_sleb(c));
	}
	// clang-format on
}

static void step_one(struct machine *m, enum op op)
{
	uint64_t v = pop(m);

	if (op == OP_ABS)
		push(m, as_signed(m, v) < 0 ? 0 - v : v);
	else if (op == OP_NEG)
		push(m, 0 - v);
	else if (op == OP_NOT)
		push(m, ~v);
	else
		push(m, v + cr_cursor_uleb(&m->code));
}

static void step_two(struct machine *m, enum op op)
{
	uint64_t b = pop(m), a = pop(m);

	if (op == OP_MOD) {
		if (!b)
			m->fault = "divides by zero";
		push(m, b ? a % b : 0);
	} else if (op == OP_SWAP) {
		push(m, b);
		push(m, a);
	} else {
		push(m, combine(m, op, a, b));
	}
}

static void step(struct machine *m, enum op op)
{
	struct cr_cursor *c = &m->code;

	switch (op) {
	case OP_LIT0 ... OP_LIT31:
		return push(m, op - OP_LIT0);
	case OP_BREG0 ... OP_BREG31:
		return push_reg(m, op - OP_BREG0, cr_cursor_sleb(c));
	case OP_BREGX: {
		uint64_t nr = cr_cursor_uleb(c);
		return push_reg(m, nr, cr_cursor_sleb(c));
	}
	case OP_ADDR:
	case OP_CONST1U ... OP_CONSTS:
		return step_constant(m, op);
	case OP_DEREF:
		return deref(m, m->world->address_size);
	case OP_DEREF_SIZE:
		return deref(m, cr_cursor_uint(c, 1));
	case OP_DUP:
		return pick(m, 0);
	case OP_OVER:
		return pick(m, 1);
	case OP_PICK:
		return pick(m, cr_cursor_uint(c, 1));
	case OP_DROP:
		pop(m);
		return;
	case OP_ROT:
		return rotate(m);
	case OP_ABS:
	case OP_NEG:
	case OP_NOT:
	case OP_PLUS_UCONST:
		return step_one(m, op);
	case OP_SWAP:
	case OP_AND ... OP_MUL:
	case OP_OR:
	case OP_PLUS:
	case OP_SHL ... OP_XOR:
	case OP_EQ ... OP_NE:
		return step_two(m, op);
	case OP_SKIP:
		return jump(m, cr_cursor_int(c, 2));
	case OP_BRA: {
		int64_t by = cr_cursor_int(c, 2);
		if (pop(m))
			jump(m, by);
		return;
	}
	case OP_NOP:
		return;
	}
	m->fault = "nothing that may stand here";
}

struct cr_error *cr_expr_run(const struct cr_expr_world *world,
			     const void *expr, size_t size,
			     const uint64_t *first, uint64_t *ret)
{
	struct machine m = { .world = world };
	m.code = cr_cursor_init(expr, size, world->big_endian);
	if (first)
		push(&m, *first);
	for (unsigned steps = 0; m.code.p < m.code.end; steps++) {
		size_t off = cr_cursor_off(&m.code);
		unsigned op = (unsigned)cr_cursor_uint(&m.code, 1);
		step(&m, op);
		if (steps == CR_EXPR_STEPS)
			m.fault = "too many operations";
		if (m.code.failed)
			m.fault = "ends early";
		if (m.err)
			return m.err;
		if (m.fault)
			return cr_error_new(CR_ERR_FORMAT,
					    "expression: byte %zu: operation "
					    "0x%02x: %s", off, op, m.fault);
	}
	if (!m.nr)
		return cr_error_new(CR_ERR_FORMAT,
				    "expression: leaves nothing");
	*ret = m.stack[m.nr - 1];
	return NULL;
}
