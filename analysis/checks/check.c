/* SPDX-License-Identifier: Apache-2.0 */
/* The list of forms. */
#include "analysis/checks/check.h"

#include <string.h>

#define CHECK(name) extern const struct check_form check_##name;
#include "analysis/checks/checks.def"
#undef CHECK

static const struct check_form *const forms[] = {
#define CHECK(name) &check_##name,
#include "analysis/checks/checks.def"
#undef CHECK
};

const struct check_form *check_find(const char *name)
{
	for (size_t i = 0; i < sizeof(forms) / sizeof(*forms); i++) {
		if (!strcmp(forms[i]->name, name))
			return forms[i];
	}
	return NULL;
}
