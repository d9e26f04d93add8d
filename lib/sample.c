/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/sample.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static int compare(const void *left, const void *right)
{
	double a = *(const double *)left, b = *(const double *)right;

	return (a > b) - (a < b);
}

static double median_of(const double *values, size_t count)
{
	double *sorted = malloc(count * sizeof(*sorted));
	double median;

	if (!sorted)
		return NAN;
	memcpy(sorted, values, count * sizeof(*sorted));
	qsort(sorted, count, sizeof(*sorted), compare);
	median = count % 2 ? sorted[count / 2] : (sorted[count / 2 - 1] + sorted[count / 2]) / 2;
	free(sorted);
	return median;
}

struct sample sample_of(const double *values, size_t count)
{
	struct sample sample = {count, NAN, NAN, NAN, NAN, NAN};
	double squares = 0;

	if (!count)
		return sample;
	sample.mean = 0;
	sample.min = sample.max = values[0];
	for (size_t i = 0; i < count; i++) {
		sample.mean += values[i] / (double)count;
		sample.min = fmin(sample.min, values[i]);
		sample.max = fmax(sample.max, values[i]);
	}
	for (size_t i = 0; i < count; i++)
		squares += (values[i] - sample.mean) * (values[i] - sample.mean);
	if (count > 1)
		sample.stdev = sqrt(squares / (double)(count - 1));
	sample.median = median_of(values, count);
	return sample;
}

/* The 95 % point of Student's distribution. */
static double student(size_t freedom)
{
	static const double points[] = {6.314, 2.920, 2.353, 2.132, 2.015, 1.943, 1.895, 1.860,
		1.833, 1.812, 1.796, 1.782, 1.771, 1.761, 1.753, 1.746, 1.740, 1.734, 1.729, 1.725};
	const double normal = 1.6449;

	if (freedom <= sizeof(points) / sizeof(*points))
		return points[freedom - 1];
	return normal + (normal * normal * normal + normal) / (4 * (double)freedom);
}

double sample_mean_bound(const double *values, size_t count)
{
	struct sample sample = sample_of(values, count);

	if (count < 2)
		return NAN;
	return sample.mean + student(count - 1) * sample.stdev / sqrt((double)count);
}
