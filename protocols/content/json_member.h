/* SPDX-License-Identifier: Apache-2.0 */
/* The bytes of one member of a JSON object, found without reading what is in them. */
#ifndef PROTOCOLS_CONTENT_JSON_MEMBER_H
#define PROTOCOLS_CONTENT_JSON_MEMBER_H

#include <stddef.h>

/*
 * Where the value of the outermost object's member `name` begins, its bytes in `size`; NULL where
 * there is none. The text may be cut: what it breaks off in reaches to its end.
 */
const char *json_member(const char *text, size_t text_size, const char *name, size_t *size);

#endif
