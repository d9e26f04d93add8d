/* SPDX-License-Identifier: Apache-2.0 */
/* What several starts of one program came to, as it is shown, saved and compared. */
#ifndef ANALYSIS_COLDSTART_RESULT_H
#define ANALYSIS_COLDSTART_RESULT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "analysis/coldstart/stages.h"
#include "lib/buf.h"

/* One figure of every successful run, in their order. Grows; NAN stands for unknown. */
struct series {
	double *values;
	size_t count;
};

/* A module as its import was first seen, over all runs. */
struct import_row {
	char *module, *within; /* NULL: imported by no other import */
	struct series total_ns, self_ns;
	bool extension; /* a library of machine code was loaded for it */
};

/* A file of weights or of a tokenizer. */
struct file_row {
	char *path;
	enum stage stage;
	int64_t bytes;				    /* its size */
	struct series read_bytes, mapped_bytes, ns; /* ns: inside calls on it */
	struct series cold_share; /* of its bytes, on disk only when the run began */
};

/* Bytes a second inside calls that read it; NAN: it is not read, but mapped. */
double file_speed(const struct file_row *file);

enum temperature { TEMPERATURE_WARM, TEMPERATURE_COLD, TEMPERATURE_MIXED };

/* How a program came to its end: by itself, or when it was ready by SIGTERM, else by SIGKILL. */
enum ending { ENDING_ITSELF, ENDING_STOPPED, ENDING_KILLED };
const char *ending_name(enum ending ending);

struct ending_row {
	enum ending ending;
	int status; /* as a shell says it */
	size_t count;
};

struct result {
	char *command, *ready;
	char *script; /* what the program runs, where it is an interpreter; or NULL */
	size_t runs;  /* begun; those that failed have no figures */
	enum temperature temperature;
	double cold_share;	 /* of the bytes of all files that it touched, before each start */
	double disk_bytes_per_s; /* of the disk itself; NAN: not measured */
	struct series wall_ns, stages[STAGE_COUNT];
	struct pieces *timelines; /* of each successful run, from its start; not read back */
	size_t timeline_count;
	struct series memory_bytes, peak_bytes;	  /* grown since the first look; the most */
	struct series minor_faults, major_faults; /* of pages; major: from the disk */
	struct import_row *imports;
	size_t import_count;
	struct file_row *files;
	size_t file_count;
	struct ending_row *endings; /* those that differ */
	size_t ending_count;
	bool failed; /* memory ran out while it was gathered */
};

const char *temperature_name(enum temperature temperature);

void series_add(struct series *series, double value);
/* Makes it `count` long: runs that did not have it get NAN. */
void series_fill(struct series *series, size_t count);

/* Adds what a run's database holds; every series is one longer then. */
void result_add(struct result *result, struct model *model, const struct run *run, int64_t process,
	int64_t ready_ns);

void result_add_ending(struct result *result, enum ending ending, int status);

void result_free(struct result *result);

#endif
