/* SPDX-License-Identifier: Apache-2.0 */
/* What the detectors found, with what it would save, worst first. */
#ifndef ANALYSIS_RULES_FINDINGS_H
#define ANALYSIS_RULES_FINDINGS_H

#include "analysis/path/impact.h"
#include "analysis/rules/advice.h"
#include "analysis/rules/thresholds.h"

enum severity { SEVERITY_LOW, SEVERITY_MEDIUM, SEVERITY_HIGH, SEVERITY_CRITICAL };
/* "low"...; -1 for a word that is none. */
const char *severity_name(enum severity severity);
int severity_of(const char *name);

/* So many spans are named as evidence. */
#define FINDING_EVIDENCE 20

struct finding {
	const char *rule; /* the detector's stem */
	char *what;	  /* the template it is about; no user data */
	char *title;
	char *note;		 /* NULL: none */
	const char *advice_name; /* NULL: the rule's */
	const struct advice *advice;
	char fingerprint[17];
	enum severity severity;
	int confidence; /* percent */
	double impact;
	int64_t saving_ns; /* of all units together */
	double share;	   /* of their time */
	uint32_t *nodes;
	uint16_t *cuts;
	uint32_t count, capacity;
	uint32_t occurrences, units, last_unit;
	int64_t extra_ns[WAIT_CLASSES];
	int64_t charged_ns, floor_ns;
	bool escalated, doubted;
};

struct findings {
	struct finding **list;
	uint32_t count, capacity;
};

/* Runs all detectors. 0 or -ENOMEM. */
int findings_find(const struct units *units, struct replay *replay,
	const struct thresholds *thresholds, const struct advices *advices,
	struct findings *findings);
void findings_free(struct findings *findings);

/* The detectors' names. */
bool rule_known(const char *name);
const char *rule_title(const char *name);
/* Of the index-th; NULL behind the last. */
const char *rule_name_at(unsigned index);

#endif
