/* SPDX-License-Identifier: Apache-2.0 */
/* Keeps the list of functions and decides for each how it is hooked. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/map.h"
#include "loader/symbols/demangle.h"
#include "loader/symbols/functions.h"
#include "loader/symbols/signature.h"

#define KINDS_MAX (RT_KIND_RUNTIME - RT_KIND_FUNCTION)

struct functions {
	struct planned **items;
	size_t count, capacity;
	struct map by_place; /* file and address to index + 1 */
	struct plan_refusal *refusals;
	size_t refusal_count, refusal_capacity;
};

struct functions *functions_new(void)
{
	return calloc(1, sizeof(struct functions));
}

static void planned_free(struct planned *planned)
{
	if (!planned)
		return;
	if (planned->title != planned->name)
		free(planned->title);
	free(planned->name);
	free(planned->module);
	free(planned->symbol);
	free(planned);
}

void functions_free(struct functions *functions)
{
	if (!functions)
		return;
	for (size_t i = 0; i < functions->count; i++)
		planned_free(functions->items[i]);
	for (size_t i = 0; i < functions->refusal_count; i++)
		free((char *)functions->refusals[i].reason);
	free(functions->items);
	free(functions->refusals);
	map_free(&functions->by_place);
	free(functions);
}

static struct planned *planned_new(
	const char *module, const struct elf_symbol *symbol, const char *name)
{
	struct planned *planned = calloc(1, sizeof(*planned));

	if (!planned)
		return NULL;
	planned->name = planned->title = strdup(name);
	planned->module = strdup(module);
	planned->symbol = strdup(symbol->name);
	planned->address = symbol->address;
	if (planned->name && planned->module && planned->symbol)
		return planned;
	planned_free(planned);
	return NULL;
}

struct planned *functions_add(struct functions *functions, uint64_t file, const char *module,
	const struct elf_symbol *symbol, const char *name)
{
	uint64_t *index = map_at(&functions->by_place, file << 48 ^ symbol->address);
	struct planned *planned;

	if (!index)
		return NULL;
	if (*index)
		return functions->items[*index - 1];
	if (functions->count == functions->capacity) {
		size_t capacity = functions->capacity ? functions->capacity * 2 : 64;
		struct planned **grown =
			reallocarray(functions->items, capacity, sizeof(*functions->items));

		if (!grown)
			return NULL;
		functions->items = grown;
		functions->capacity = capacity;
	}
	planned = functions->count < KINDS_MAX ? planned_new(module, symbol, name) : NULL;
	if (!planned)
		return NULL;
	planned->file = file;
	planned->kind = RT_KIND_FUNCTION + (uint32_t)functions->count;
	functions->items[functions->count++] = planned;
	*index = functions->count;
	return planned;
}

void functions_name_known(struct planned *planned, const struct catalog_function *known)
{
	if (!planned->known)
		planned->title = strndup(planned->name, demangled_name_size(planned->name));
	if (!planned->title)
		planned->title = planned->name;
	planned->known = known;
}

/* A wrapper is not to be put around code that a call from elsewhere cannot stand in for. */
static const char *forbidden(const struct planned *planned)
{
	if (!strncmp(planned->module, "ld-linux", 8) || !strncmp(planned->module, "ld-musl", 7))
		return "it belongs to the dynamic linker";
	if (!strcmp(planned->module, "libragtime.so"))
		return "it belongs to ragtime";
	return NULL;
}

/*
 * What the code does not prove, a C++ function's name may: the size of its own stack arguments. A
 * function that it ends by jumping to has no more, or no compiler would have made the call a jump.
 */
static void prove_by_name(const struct planned *planned, struct stack_proof *proof)
{
	int size;

	if (!proof->unproved || proof->returns_oddly || strncmp(planned->symbol, "_Z", 2))
		return;
	size = signature_stack_size(planned->name);
	if (size < 0 || size > RT_PATCH_STACK_MAX)
		return;
	proof->unproved = NULL;
	if (proof->size < (unsigned)size)
		proof->size = (unsigned)size;
}

int functions_analyse(struct functions *functions, struct planned *planned, struct disasm *disasm,
	const struct object *object, const struct elf_symbol *symbol, import_fn *import,
	void *context)
{
	struct stack_proof proof = {.unproved = "it is chosen at run time (ifunc)"};
	const char *why = forbidden(planned);
	int err = 0;

	if (planned->analysed)
		return 0;
	if (why) {
		functions_refuse(functions, planned, "", why, false);
		goto out;
	}
	if (!symbol->indirect)
		err = stack_prove(disasm, object, symbol->address, import, context, &proof);
	if (err)
		return err;
	if (proof.part) {
		functions_refuse(
			functions, planned, "", "it begins in the middle of a function", false);
		goto out;
	}
	why = relocate_entry(disasm, object, symbol, &proof, &planned->relocation);
	if (!why)
		planned->flags |= RT_PATCH_INLINE;
	if (symbol->exported)
		planned->flags |= RT_PATCH_GOT;
	if (symbol->indirect && planned->flags)
		planned->flags |= RT_PATCH_INDIRECT;
	if (!planned->flags) {
		functions_refuse(functions, planned, "", why, false);
		goto out;
	}
	if (why)
		functions_refuse(functions, planned,
			"only calls from other modules by name are seen: ", why, true);
	prove_by_name(planned, &proof);
	if (proof.unproved) {
		planned->flags |= RT_PATCH_ENTRIES;
		functions_refuse(functions, planned,
			"only entries are recorded, without durations: ", proof.unproved, true);
	}
	if (proof.unproved) {
		if (planned->title != planned->name)
			free(planned->title);
		if (asprintf(&planned->title, "%s (entries only)", planned->name) < 0)
			planned->title = planned->name;
	}
	planned->stack_size = proof.unproved ? 0 : (uint16_t)proof.size;
out:
	planned->analysed = true;
	return 0;
}

void functions_refuse(struct functions *functions, const struct planned *planned, const char *intro,
	const char *reason, bool hooked)
{
	struct plan_refusal *refusal;
	char *text;

	if (functions->refusal_count == functions->refusal_capacity) {
		size_t capacity =
			functions->refusal_capacity ? functions->refusal_capacity * 2 : 16;
		struct plan_refusal *grown =
			reallocarray(functions->refusals, capacity, sizeof(*grown));

		if (!grown)
			return;
		functions->refusals = grown;
		functions->refusal_capacity = capacity;
	}
	if (asprintf(&text, "%s%s", intro, reason) < 0)
		return;
	refusal = &functions->refusals[functions->refusal_count++];
	*refusal = (struct plan_refusal){
		planned->name, planned->module, text, hooked, planned->unasked};
}

struct planned *functions_at(const struct functions *functions, size_t index)
{
	return index < functions->count ? functions->items[index] : NULL;
}

size_t functions_refusals(const struct functions *functions)
{
	return functions->refusal_count;
}

const struct plan_refusal *functions_refusal(const struct functions *functions, size_t index)
{
	return index < functions->refusal_count ? &functions->refusals[index] : NULL;
}
