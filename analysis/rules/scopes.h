/* SPDX-License-Identifier: Apache-2.0 */
/* What rules look at, made from a graph: scopes, templates, objects. */
#ifndef ANALYSIS_RULES_SCOPES_H
#define ANALYSIS_RULES_SCOPES_H

#include "analysis/rules/rule.h"

struct scopes {
	struct scope *list;
	uint32_t count;
	uint32_t *nodes; /* of all scopes, one behind the other */
	struct rule_call *calls;
	uint32_t call_count;
	uint32_t *templates;
	struct rule_object *objects;
	uint32_t object_count;
};

/* 0 or -ENOMEM. */
int scopes_make(const struct units *units, struct scopes *scopes);
void scopes_free(struct scopes *scopes);

#endif
