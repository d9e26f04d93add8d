/* SPDX-License-Identifier: Apache-2.0 */
#include "decoder/actor.h"

#include <stdlib.h>
#include <string.h>

#include "wire/event.h"

void actors_free(struct actors *actors)
{
	for (size_t i = 0; i < actors->process_count; i++) {
		struct process *process = actors->processes[i];

		descriptors_free(process->descriptors);
		free(process->program);
		free(process->script);
		free(process);
	}
	for (size_t i = 0; i < actors->thread_count; i++) {
		levels_free(&actors->threads[i]->levels);
		free(actors->threads[i]->name);
		free(actors->threads[i]);
	}
	free(actors->processes);
	free(actors->threads);
	map_free(&actors->process_by_id);
	map_free(&actors->thread_by_id);
	map_free(&actors->process_by_pid);
	memset(actors, 0, sizeof(*actors));
}

/* One more zeroed element of `size` bytes at the end of a growing array of pointers. */
static void *append(void ***array, size_t *count, size_t *capacity, size_t size)
{
	void *element;

	if (*count == *capacity) {
		size_t more = *capacity ? *capacity * 2 : 64;
		void **bigger = realloc(*array, more * sizeof(**array));

		if (!bigger)
			return NULL;
		*array = bigger;
		*capacity = more;
	}
	element = calloc(1, size);
	if (element)
		(*array)[(*count)++] = element;
	return element;
}

struct process *actors_process(struct actors *actors, uint32_t id, bool *made)
{
	uint64_t *place = map_at(&actors->process_by_id, id);
	struct process *process;

	*made = false;
	if (!place)
		return NULL;
	if (*place)
		return actors->processes[*place - 1];
	process = append((void ***)&actors->processes, &actors->process_count,
		&actors->process_capacity, sizeof(*process));
	if (!process)
		return NULL;
	process->id = id;
	*place = actors->process_count;
	*made = true;
	return process;
}

struct thread *actors_thread(struct actors *actors, uint32_t id, bool *made)
{
	uint64_t *place = map_at(&actors->thread_by_id, id);
	struct thread *thread;

	*made = false;
	if (!place)
		return NULL;
	if (*place)
		return actors->threads[*place - 1];
	thread = append((void ***)&actors->threads, &actors->thread_count, &actors->thread_capacity,
		sizeof(*thread));
	if (!thread)
		return NULL;
	thread->id = id;
	*place = actors->thread_count;
	*made = true;
	return thread;
}

struct thread *actors_find_thread(const struct actors *actors, uint32_t id)
{
	uint64_t *place = map_find(&actors->thread_by_id, id);

	return place && *place ? actors->threads[*place - 1] : NULL;
}

struct process *actors_find_process(const struct actors *actors, uint32_t id)
{
	uint64_t *place = map_find(&actors->process_by_id, id);

	return place && *place ? actors->processes[*place - 1] : NULL;
}

static struct process *latest_of(const struct actors *actors, uint32_t pid)
{
	uint64_t *place = map_find(&actors->process_by_pid, pid);

	return place && *place ? actors->processes[*place - 1] : NULL;
}

/*
 * A pid alone can have been somebody else's before. Who started before us and had not ended by then
 * is the one; an image that exec ended stays reachable through the image after it.
 */
void actors_place(struct actors *actors, struct process *process)
{
	struct process *before = latest_of(actors, process->pid);
	struct process *parent = latest_of(actors, process->parent_pid);
	uint64_t *place = map_at(&actors->process_by_pid, process->pid);
	uint64_t *own = map_find(&actors->process_by_id, process->id);

	while (parent && (parent == process || parent->start > process->start))
		parent = parent->image_before;
	if (parent && parent->end && parent->end < process->start &&
		process->birth == RT_BIRTH_FORK)
		parent = NULL;
	process->parent = parent;
	if (process->birth == RT_BIRTH_EXEC && before && before != process &&
		before->parent_pid == process->parent_pid && before->start <= process->start)
		process->image_before = before;
	if (place && own)
		*place = *own;
}

void actors_set_text(char **place, const char *text)
{
	char *copy;

	if (!*text || (*place && !strcmp(*place, text)))
		return;
	copy = strdup(text);
	if (!copy)
		return;
	free(*place);
	*place = copy;
}
