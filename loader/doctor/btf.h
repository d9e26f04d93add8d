/* SPDX-License-Identifier: Apache-2.0 */
/* Finds a kernel function in the kernel's type information. */
#ifndef LOADER_DOCTOR_BTF_H
#define LOADER_DOCTOR_BTF_H

/* The type id of the function, or -errno: -ENOENT where there is none of that name. */
int btf_function(const char *path, const char *name);

#endif
