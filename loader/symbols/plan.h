/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Functions by pattern: answers the questions of targets in the mailbox (wire/patch.h) with what
 * to hook and how, and keeps the list of functions and of refusals for the trace and the report.
 *
 * Life: plan_new, plan_pattern for each --func, plan_start once the region stands, plan_function
 * from the drain's thread for new numbers, plan_stop, plan_refusal, plan_free. Reading ELF files
 * and disassembling takes its time, so it happens in a thread of the plan's own.
 */
#ifndef LOADER_SYMBOLS_PLAN_H
#define LOADER_SYMBOLS_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/patch.h"

struct plan;
struct catalog_function;

struct plan_function {
	uint32_t kind;	    /* RT_KIND_FUNCTION and up */
	const char *name;   /* demangled; says so where only entries are recorded */
	const char *module; /* base name of its file */
	const char *symbol; /* as the file has it */
	const struct catalog_function *known; /* what a pack says of it, or NULL */
};

struct plan_refusal {
	const char *name;
	const char *module;
	const char *reason;
	bool hooked;  /* it is recorded all the same, with less than was asked */
	bool unasked; /* a pack named it, not the user */
};

/* NULL with errno set. */
struct plan *plan_new(void);
void plan_free(struct plan *plan);

/* NULL, or what is wrong with a MODULE-GLOB:FUNCTION-GLOB. */
const char *plan_pattern_fault(const char *pattern);

/* 0, or -errno with *why telling what is wrong. */
int plan_pattern(struct plan *plan, const char *pattern, const char **why);
/* Adds what the function packs know. 0 or -ENOMEM. */
int plan_catalog(struct plan *plan);
bool plan_wanted(const struct plan *plan);

/* Answers from now on; where a pattern was given, sets RT_REGION_FUNCTIONS, so that all ask. */
int plan_start(struct plan *plan, struct rt_region *region);
void plan_stop(struct plan *plan);

/* Answers one question, if there is one: what the thread does again and again. Nonzero if so. */
int plan_answer(struct plan *plan, struct rt_region *region);

/* The functions hooked so far, in order of their kinds: entries are valid until plan_free. */
size_t plan_functions(struct plan *plan);
bool plan_function(struct plan *plan, size_t index, struct plan_function *function);

/* After plan_stop: what was matched and not hooked as asked, and patterns that matched nothing. */
size_t plan_refusals(const struct plan *plan);
bool plan_refusal(const struct plan *plan, size_t index, struct plan_refusal *refusal);

#endif
