/* SPDX-License-Identifier: Apache-2.0 */
/* The numbers of the detectors: data/thresholds.yaml, and what the user puts in their place. */
#ifndef ANALYSIS_RULES_THRESHOLDS_H
#define ANALYSIS_RULES_THRESHOLDS_H

#include <stdbool.h>
#include <stddef.h>

struct thresholds;

/* The shipped ones, then those of the user. NULL with a sentence in `error`. */
struct thresholds *thresholds_new(char *error, size_t error_size);
void thresholds_free(struct thresholds *thresholds);

/* "slow_stage.retrieval_ms=300"; false with a sentence in `error`. */
bool thresholds_set(
	struct thresholds *thresholds, const char *setting, char *error, size_t error_size);

/* Of a rule; one that is not in the shipped file is 0. */
double thresholds_get(const struct thresholds *thresholds, const char *rule, const char *key);
/* False where the user has said `enabled: no`. */
bool thresholds_enabled(const struct thresholds *thresholds, const char *rule);

#endif
