/* SPDX-License-Identifier: Apache-2.0 */
/* Functions asked for that are not recorded, or not as fully: into the stream, and said at the end.
 */
#ifndef LOADER_CAPTURE_REFUSALS_H
#define LOADER_CAPTURE_REFUSALS_H

struct pack;
struct plan;

void refusals_tell(struct plan *plan, struct pack *pack);

/* On standard error, those that the user has named. */
void refusals_report(struct plan *plan);

#endif
