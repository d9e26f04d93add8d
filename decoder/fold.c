/* SPDX-License-Identifier: Apache-2.0 */
#include "decoder/fold.h"

#include <stdlib.h>
#include <string.h>

static uint64_t key_of(uint32_t parent, uint32_t kind, uint32_t object)
{
	return (uint64_t)parent << 40 | (uint64_t)kind << 24 | (object & 0xffffff);
}

void folds_init(struct folds *folds, int64_t last_id)
{
	*folds = (struct folds){.count = 1, .max = FOLDS_MAX, .last_id = last_id};
}

static void clear(struct fold *fold)
{
	for (int part = 0; part < FOLD_PARTS; part++)
		hist_free(&fold->parts[part].hist);
	memset(fold, 0, sizeof(*fold));
}

void folds_free(struct folds *folds)
{
	for (uint32_t i = 1; i < folds->count; i++)
		clear(&folds->nodes[i]);
	free(folds->nodes);
	map_free(&folds->map);
	memset(folds, 0, sizeof(*folds));
}

static uint32_t take(struct folds *folds)
{
	uint32_t number = folds->unused;

	if (number) {
		folds->unused = folds->nodes[number].next;
		folds->nodes[number].next = 0;
		folds->live++;
		return number;
	}
	if (folds->count >= folds->capacity) {
		uint32_t capacity = folds->capacity ? folds->capacity * 2 : 64;
		struct fold *more = realloc(folds->nodes, capacity * sizeof(*more));

		if (!more || capacity > 1u << 24) {
			folds->failed = true;
			folds->nodes = more ? more : folds->nodes;
			return 0;
		}
		folds->nodes = more;
		folds->capacity = capacity;
	}
	folds->live++;
	memset(&folds->nodes[folds->count], 0, sizeof(*folds->nodes));
	return folds->count++;
}

static void give_back(struct folds *folds, uint32_t number)
{
	clear(&folds->nodes[number]);
	folds->nodes[number].next = folds->unused;
	folds->unused = number;
	folds->live--;
}

uint32_t folds_root(struct folds *folds)
{
	return take(folds);
}

uint32_t folds_find(struct folds *folds, uint32_t parent, uint32_t kind, uint32_t object)
{
	struct fold *above = &folds->nodes[parent];
	const struct fold *memo = &folds->nodes[above->memo];
	uint64_t *place;

	if (above->memo && memo->kind == kind && memo->object == object)
		return above->memo;
	place = map_find(&folds->map, key_of(parent, kind, object));
	if (!place)
		return 0;
	above->memo = (uint32_t)*place;
	return above->memo;
}

/* Hangs a node under a parent that has none such. 0 or -1. */
static int hang(struct folds *folds, uint32_t number, uint32_t parent)
{
	struct fold *fold = &folds->nodes[number];
	struct fold *above = &folds->nodes[parent];
	uint64_t *place = map_at(&folds->map, key_of(parent, fold->kind, fold->object));

	if (!place) {
		folds->failed = true;
		return -1;
	}
	*place = number;
	fold->parent = parent;
	fold->next = above->child;
	above->child = number;
	above->children += fold->object != 0;
	return 0;
}

uint32_t folds_make(
	struct folds *folds, uint32_t parent, uint32_t kind, uint32_t object, bool force)
{
	struct fold *fold;
	uint32_t number;

	if (!force && folds->live >= folds->max)
		return 0;
	if (!force && object && folds->nodes[parent].children >= FOLD_OBJECTS_MAX)
		return 0;
	number = take(folds);
	if (!number)
		return 0;
	fold = &folds->nodes[number];
	fold->kind = kind;
	fold->object = object;
	fold->id = ++folds->last_id;
	if (hang(folds, number, parent)) {
		give_back(folds, number);
		return 0;
	}
	return number;
}

void fold_add(struct fold *fold, enum fold_part part, const struct fold_call *call)
{
	struct tally *tally = &fold->parts[part];
	uint64_t length = call->end_ns - call->start_ns;

	if (!tally->calls || length < tally->min_ns)
		tally->min_ns = length;
	if (length > tally->max_ns)
		tally->max_ns = length;
	tally->calls++;
	tally->sum_ns += length;
	hist_add(&tally->hist, length);
	if (!fold->weight || call->start_ns < fold->first_ns)
		fold->first_ns = call->start_ns;
	if (call->end_ns > fold->last_ns)
		fold->last_ns = call->end_ns;
	fold->self_ns += call->self_ns;
	fold->bytes += call->bytes;
	fold->weight += call->weight;
	fold->errors += call->failed;
}

void fold_set_parent(struct fold *fold, int64_t span)
{
	if (!fold->span_parent)
		fold->span_parent = span;
	else if (fold->span_parent != span)
		fold->span_parent = FOLD_MANY;
}

static void merge_tally(struct tally *into, const struct tally *from)
{
	if (!from->calls)
		return;
	if (!into->calls || from->min_ns < into->min_ns)
		into->min_ns = from->min_ns;
	if (from->max_ns > into->max_ns)
		into->max_ns = from->max_ns;
	into->calls += from->calls;
	into->sum_ns += from->sum_ns;
	hist_merge(&into->hist, &from->hist);
}

static void merge(struct fold *into, const struct fold *from)
{
	if (from->weight && (!into->weight || from->first_ns < into->first_ns))
		into->first_ns = from->first_ns;
	if (from->last_ns > into->last_ns)
		into->last_ns = from->last_ns;
	for (int part = 0; part < FOLD_PARTS; part++)
		merge_tally(&into->parts[part], &from->parts[part]);
	into->self_ns += from->self_ns;
	into->bytes += from->bytes;
	into->weight += from->weight;
	into->errors += from->errors;
	into->rows += from->rows;
	if (from->first_row && (!into->first_row || from->first_row < into->first_row))
		into->first_row = from->first_row;
	if (from->last_row > into->last_row)
		into->last_row = from->last_row;
	if (from->span_parent)
		fold_set_parent(into, from->span_parent);
}

void folds_move(struct folds *folds, const struct fold_move *move)
{
	uint32_t number = folds->nodes[move->from].child;

	while (number) {
		struct fold *fold = &folds->nodes[number];
		uint32_t next = fold->next;
		uint32_t there = folds_find(folds, move->to, fold->kind, fold->object);

		map_remove(&folds->map, key_of(move->from, fold->kind, fold->object));
		if (fold->span_parent == move->was)
			fold->span_parent = move->becomes;
		if (!there) {
			hang(folds, number, move->to);
		} else {
			struct fold_move below = *move;

			merge(&folds->nodes[there], fold);
			move->merged(move->context, fold, &folds->nodes[there]);
			below.from = number;
			below.to = there;
			below.becomes = below.was;
			folds_move(folds, &below);
		}
		number = next;
	}
	give_back(folds, move->from);
}

void folds_release(struct folds *folds, uint32_t root, fold_visit_fn *visit, void *context)
{
	uint32_t number = folds->nodes[root].child;

	while (number) {
		struct fold *fold = &folds->nodes[number];
		uint32_t next = fold->next;

		map_remove(&folds->map, key_of(root, fold->kind, fold->object));
		visit(context, folds, fold);
		folds_release(folds, number, visit, context);
		number = next;
	}
	give_back(folds, root);
}
