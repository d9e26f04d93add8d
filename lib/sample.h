/* SPDX-License-Identifier: Apache-2.0 */
/* What a handful of measurements says. What they cannot say is NAN. */
#ifndef LIB_SAMPLE_H
#define LIB_SAMPLE_H

#include <stddef.h>

struct sample {
	size_t count;
	double mean, median, stdev, min, max; /* stdev: of the population they came from */
};

struct sample sample_of(const double *values, size_t count);

/* With 95 % confidence the true mean is below it (Student's t); NAN for fewer than two values. */
double sample_mean_bound(const double *values, size_t count);

#endif
