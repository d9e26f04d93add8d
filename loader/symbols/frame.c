/* SPDX-License-Identifier: Apache-2.0 */
/*
 * .eh_frame of x86-64: augmentations "z", "R", "P", "L", "S", pointers absolute, pc-relative or
 * relative to .eh_frame_hdr. Only the rules for the CFA and for where rbp is kept are followed;
 * those for other registers are skipped over.
 */
#include <errno.h>
#include <stdlib.h>

#include "lib/cursor.h"
#include "loader/symbols/frame.h"

#define ROWS_MAX 65536
#define STATES_MAX 64

enum {
	PE_OMIT = 0xff,
	PE_FORM = 0x0f,
	PE_UDATA4 = 0x03,
	PE_TABLE = 0x3b, /* data-relative sdata4: the one form of the search table in use */
};

/* A section's bytes that knows its address. */
struct place {
	struct cursor cursor;
	const uint8_t *start;
	uint64_t address;
};

static struct place place_at(const uint8_t *bytes, uint64_t address, size_t size, uint64_t at)
{
	struct place place = {.start = bytes, .address = address};
	uint64_t inside = at - address;

	if (!bytes || inside > size) {
		place.cursor.bad = true;
		return place;
	}
	place.cursor = cursor_over(bytes + inside, size - inside);
	return place;
}

static uint64_t place_address(const struct place *place)
{
	return place->address + (uint64_t)(place->cursor.at - place->start);
}

static int64_t read_sleb(struct cursor *cursor)
{
	uint64_t value = 0;
	unsigned shift = 0;
	uint8_t byte;

	do {
		byte = cursor_u8(cursor);
		if (shift < 64)
			value |= (uint64_t)(byte & 0x7f) << shift;
		shift += 7;
	} while (byte & 0x80 && !cursor->bad);
	if (shift < 64 && byte & 0x40)
		value |= ~0ull << shift;
	return (int64_t)value;
}

static uint64_t read_encoded(struct place *place, uint8_t encoding)
{
	struct cursor *cursor = &place->cursor;
	uint64_t here = place_address(place), value;

	switch (encoding & PE_FORM) {
	case 0x0:
	case 0x4:
	case 0xc:
		value = cursor_le64(cursor);
		break;
	case 0x1:
		value = cursor_varint(cursor);
		break;
	case 0x2:
		value = cursor_le16(cursor);
		break;
	case 0x3:
		value = cursor_le32(cursor);
		break;
	case 0x9:
		value = (uint64_t)read_sleb(cursor);
		break;
	case 0xa:
		value = (uint64_t)(int64_t)(int16_t)cursor_le16(cursor);
		break;
	case 0xb:
		value = (uint64_t)(int64_t)(int32_t)cursor_le32(cursor);
		break;
	default:
		cursor->bad = true;
		return 0;
	}
	/* Indirection (0x80) concerns the personality alone, whose value nobody needs. */
	return (encoding & 0x70) == 0x10 && value ? value + here : value;
}

struct cie {
	uint64_t code_align;
	int64_t data_align;
	uint8_t pointer_encoding, lsda_encoding;
	bool augmented;
	struct cursor program;
};

static int read_cie(const struct frame_table *table, uint64_t at, struct cie *cie)
{
	struct place place = place_at(table->frames, table->frames_at, table->frames_size, at);
	struct cursor *cursor = &place.cursor;
	const char *letters;
	uint32_t size = cursor_le32(cursor);
	size_t left;

	if (size < 4 || size > cursor_left(cursor) || cursor_le32(cursor) != 0)
		return -EINVAL;
	cursor->end = cursor->at + size - 4;
	if (cursor_u8(cursor) != 1)
		return -EINVAL;
	left = cursor_left(cursor);
	letters = (const char *)cursor_take(cursor, strnlen((const char *)cursor->at, left) + 1);
	cie->code_align = cursor_varint(cursor);
	cie->data_align = read_sleb(cursor);
	cursor_u8(cursor); /* the return address's register */
	cie->pointer_encoding = 0;
	cie->lsda_encoding = PE_OMIT;
	cie->augmented = letters && *letters == 'z';
	if (cie->augmented)
		cursor_varint(cursor);
	for (const char *letter = letters ? letters : "?"; *letter; letter++) {
		if (*letter == 'R')
			cie->pointer_encoding = cursor_u8(cursor);
		else if (*letter == 'L')
			cie->lsda_encoding = cursor_u8(cursor);
		else if (*letter == 'P')
			read_encoded(&place, cursor_u8(cursor));
		else if (*letter != 'z' && *letter != 'S')
			return -EINVAL;
	}
	cie->program = *cursor;
	return cursor->bad ? -EINVAL : 0;
}

struct rows {
	struct frame *frame;
	struct frame_row now, saved[STATES_MAX];
	unsigned depth;
	size_t capacity;
	uint64_t at;
};

static int put_row(struct rows *rows)
{
	struct frame *frame = rows->frame;

	if (frame->row_count == rows->capacity) {
		size_t capacity = rows->capacity ? rows->capacity * 2 : 16;
		struct frame_row *grown = reallocarray(frame->rows, capacity, sizeof(*grown));

		if (!grown || capacity > ROWS_MAX) {
			frame->rows = grown ? grown : frame->rows;
			return -ENOMEM;
		}
		frame->rows = grown;
		rows->capacity = capacity;
	}
	rows->now.from = rows->at;
	frame->rows[frame->row_count++] = rows->now;
	return 0;
}

static int advance(struct rows *rows, uint64_t delta)
{
	int err = delta ? put_row(rows) : 0;

	rows->at += delta;
	return err;
}

static void keep_rbp(struct rows *rows, uint64_t reg, int64_t offset)
{
	if (reg == FRAME_RBP)
		rows->now.rbp = offset;
}

/* Rules for registers: of most of them their operands alone matter. */
static void skip_rule(struct cursor *cursor, uint8_t op)
{
	switch (op) {
	case 0x09: /* register */
	case 0x14: /* val_offset */
	case 0x2f: /* GNU_negative_offset_extended */
		cursor_varint(cursor);
		cursor_varint(cursor);
		break;
	case 0x06: /* restore_extended */
	case 0x07: /* undefined */
	case 0x08: /* same_value */
	case 0x2e: /* GNU_args_size */
		cursor_varint(cursor);
		break;
	case 0x11: /* offset_extended_sf */
	case 0x15: /* val_offset_sf */
		cursor_varint(cursor);
		read_sleb(cursor);
		break;
	case 0x10: /* expression */
	case 0x16: /* val_expression */
		cursor_varint(cursor);
		cursor_take(cursor, cursor_varint(cursor));
		break;
	case 0x00: /* nop */
	case 0x2d: /* GNU_window_save */
		break;
	default:
		cursor->bad = true;
	}
}

static int run_op(struct rows *rows, const struct cie *cie, struct place *place, uint8_t op)
{
	struct cursor *cursor = &place->cursor;
	struct frame_row *now = &rows->now;
	uint64_t reg;

	switch (op) {
	case 0x01: { /* set_loc */
		uint64_t to = read_encoded(place, cie->pointer_encoding);

		return to < rows->at ? -EINVAL : advance(rows, to - rows->at);
	}
	case 0x02: /* advance_loc1, 2, 4 */
		return advance(rows, cursor_u8(cursor) * cie->code_align);
	case 0x03:
		return advance(rows, cursor_le16(cursor) * cie->code_align);
	case 0x04:
		return advance(rows, cursor_le32(cursor) * cie->code_align);
	case 0x05: /* offset_extended */
		reg = cursor_varint(cursor);
		keep_rbp(rows, reg, (int64_t)cursor_varint(cursor) * cie->data_align);
		return 0;
	case 0x0a: /* remember_state */
		if (rows->depth == STATES_MAX)
			return -EINVAL;
		rows->saved[rows->depth++] = *now;
		return 0;
	case 0x0b: /* restore_state */
		if (!rows->depth)
			return -EINVAL;
		*now = rows->saved[--rows->depth];
		return 0;
	case 0x0c: /* def_cfa */
		now->reg = (unsigned)cursor_varint(cursor);
		now->offset = (int64_t)cursor_varint(cursor);
		now->expression = false;
		return 0;
	case 0x0d: /* def_cfa_register */
		now->reg = (unsigned)cursor_varint(cursor);
		return 0;
	case 0x0e: /* def_cfa_offset */
		now->offset = (int64_t)cursor_varint(cursor);
		return 0;
	case 0x0f: /* def_cfa_expression */
		cursor_take(cursor, cursor_varint(cursor));
		now->expression = true;
		return 0;
	case 0x12: /* def_cfa_sf */
		now->reg = (unsigned)cursor_varint(cursor);
		now->offset = read_sleb(cursor) * cie->data_align;
		now->expression = false;
		return 0;
	case 0x13: /* def_cfa_offset_sf */
		now->offset = read_sleb(cursor) * cie->data_align;
		return 0;
	default:
		skip_rule(cursor, op);
		return 0;
	}
}

static int run_program(struct rows *rows, const struct cie *cie, struct place place)
{
	while (cursor_left(&place.cursor) && !place.cursor.bad) {
		uint8_t op = cursor_u8(&place.cursor);
		int err = 0;

		if (op >> 6 == 1)
			err = advance(rows, (op & 0x3f) * cie->code_align);
		else if (op >> 6 == 2)
			keep_rbp(rows, op & 0x3f,
				(int64_t)cursor_varint(&place.cursor) * cie->data_align);
		else if (op >> 6 == 3)
			keep_rbp(rows, op & 0x3f, 0);
		else if (op >> 6 == 0)
			err = run_op(rows, cie, &place, op);
		if (err)
			return err;
	}
	return place.cursor.bad ? -EINVAL : 0;
}

/* The call-site table of a function's language-specific data. */
static int read_landings(const struct frame_table *table, uint64_t at, struct frame *frame)
{
	struct place place = place_at(table->excepts, table->excepts_at, table->excepts_size, at);
	struct cursor *cursor = &place.cursor;
	uint64_t base = frame->start;
	uint8_t encoding = cursor_u8(cursor), sites;
	uint64_t size;

	if (encoding != PE_OMIT)
		base = read_encoded(&place, encoding);
	if (cursor_u8(cursor) != PE_OMIT)
		cursor_varint(cursor);
	sites = cursor_u8(cursor);
	size = cursor_varint(cursor);
	if (cursor->bad || size > cursor_left(cursor))
		return -EINVAL;
	cursor->end = cursor->at + size;
	frame->landings = calloc(size + 1, sizeof(*frame->landings));
	if (!frame->landings)
		return -ENOMEM;
	while (cursor_left(cursor) && !cursor->bad) {
		uint64_t landing;

		read_encoded(&place, sites);
		read_encoded(&place, sites);
		landing = read_encoded(&place, sites);
		cursor_varint(cursor);
		if (landing)
			frame->landings[frame->landing_count++] = base + landing;
	}
	return cursor->bad ? -EINVAL : 0;
}

void frame_table_of(struct frame_table *table, const struct elf *elf)
{
	*table = (struct frame_table){0};
	table->header = elf_section(elf, ".eh_frame_hdr", &table->header_at, &table->header_size);
	table->frames = elf_section(elf, ".eh_frame", &table->frames_at, &table->frames_size);
	table->excepts =
		elf_section(elf, ".gcc_except_table", &table->excepts_at, &table->excepts_size);
}

/* The address of the description of the last function that starts at or before `address`. */
static uint64_t search(const struct frame_table *table, uint64_t address)
{
	struct place place =
		place_at(table->header, table->header_at, table->header_size, table->header_at);
	struct cursor *cursor = &place.cursor;
	uint8_t version = cursor_u8(cursor), frames = cursor_u8(cursor);
	uint8_t counts = cursor_u8(cursor), entries = cursor_u8(cursor);
	uint64_t low = 0, high;

	if (version != 1 || counts != PE_UDATA4 || entries != PE_TABLE)
		return 0;
	read_encoded(&place, frames);
	high = cursor_le32(cursor);
	if (cursor->bad || high * 8 > cursor_left(cursor))
		return 0;
	while (low < high) {
		uint64_t middle = (low + high) / 2;
		struct cursor entry = cursor_over(cursor->at + middle * 8, 8);
		uint64_t start = table->header_at + (uint64_t)(int64_t)(int32_t)cursor_le32(&entry);

		if (start > address) {
			high = middle;
		} else {
			low = middle + 1;
		}
	}
	if (!low)
		return 0;
	place.cursor = cursor_over(cursor->at + (low - 1) * 8 + 4, 4);
	return table->header_at + (uint64_t)(int64_t)(int32_t)cursor_le32(&place.cursor);
}

static int read_fde(const struct frame_table *table, uint64_t at, uint64_t address,
	struct frame *frame, struct cie *cie)
{
	struct place place = place_at(table->frames, table->frames_at, table->frames_size, at);
	struct cursor *cursor = &place.cursor;
	uint32_t size = cursor_le32(cursor);
	uint64_t here = place_address(&place), lsda = 0, extra;
	struct rows rows = {.frame = frame};
	const uint8_t *after;
	int err;

	if (size > cursor_left(cursor))
		return -EINVAL;
	cursor->end = cursor->at + size;
	err = read_cie(table, here - cursor_le32(cursor), cie);
	if (err)
		return err;
	frame->start = read_encoded(&place, cie->pointer_encoding);
	frame->end = frame->start + read_encoded(&place, cie->pointer_encoding & PE_FORM);
	if (cursor->bad || address < frame->start || address >= frame->end)
		return cursor->bad ? -EINVAL : -ENOENT;
	if (cie->augmented) {
		extra = cursor_varint(cursor);
		after = cursor->at;
		if (extra > cursor_left(cursor))
			return -EINVAL;
		if (cie->lsda_encoding != PE_OMIT)
			lsda = read_encoded(&place, cie->lsda_encoding);
		cursor->at = after + extra;
	}
	rows.at = frame->start;
	err = run_program(
		&rows, cie, (struct place){cie->program, table->frames, table->frames_at});
	if (!err)
		err = run_program(&rows, cie, place);
	if (!err)
		err = put_row(&rows);
	return !err && lsda ? read_landings(table, lsda, frame) : err;
}

int frame_find(const struct frame_table *table, uint64_t address, struct frame *frame)
{
	uint64_t at = table->header && table->frames ? search(table, address) : 0;
	struct cie cie;
	int err;

	*frame = (struct frame){0};
	if (!at)
		return -ENOENT;
	err = read_fde(table, at, address, frame, &cie);
	if (err)
		frame_free(frame);
	return err;
}

void frame_free(struct frame *frame)
{
	free(frame->rows);
	free(frame->landings);
	*frame = (struct frame){0};
}

const struct frame_row *frame_row_at(const struct frame *frame, uint64_t address)
{
	size_t low = 1, high = frame->row_count;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (frame->rows[middle].from > address)
			high = middle;
		else
			low = middle + 1;
	}
	return &frame->rows[low - 1];
}
