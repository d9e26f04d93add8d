/* SPDX-License-Identifier: Apache-2.0 */
/* Walks the types of a raw BTF file (linux/btf.h). */
#include "loader/doctor/btf.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/btf.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Bytes that follow a btf_type, by its kind; -1 for a kind that is not known. */
static long tail_size(const struct btf_type *type)
{
	unsigned count = BTF_INFO_VLEN(type->info);

	switch (BTF_INFO_KIND(type->info)) {
	case BTF_KIND_INT:
		return sizeof(uint32_t);
	case BTF_KIND_ARRAY:
		return sizeof(struct btf_array);
	case BTF_KIND_STRUCT:
	case BTF_KIND_UNION:
		return (long)(count * sizeof(struct btf_member));
	case BTF_KIND_ENUM:
		return (long)(count * sizeof(struct btf_enum));
	case BTF_KIND_ENUM64:
		return (long)(count * sizeof(struct btf_enum64));
	case BTF_KIND_FUNC_PROTO:
		return (long)(count * sizeof(struct btf_param));
	case BTF_KIND_VAR:
		return sizeof(struct btf_var);
	case BTF_KIND_DATASEC:
		return (long)(count * sizeof(struct btf_var_secinfo));
	case BTF_KIND_DECL_TAG:
		return sizeof(struct btf_decl_tag);
	case BTF_KIND_PTR:
	case BTF_KIND_FWD:
	case BTF_KIND_TYPEDEF:
	case BTF_KIND_VOLATILE:
	case BTF_KIND_CONST:
	case BTF_KIND_RESTRICT:
	case BTF_KIND_FUNC:
	case BTF_KIND_FLOAT:
	case BTF_KIND_TYPE_TAG:
		return 0;
	default:
		return -1;
	}
}

static int find_function(const char *bytes, size_t size, const char *name)
{
	const struct btf_header *header = (const void *)bytes;
	const char *types = bytes + header->hdr_len + header->type_off;
	const char *strings = bytes + header->hdr_len + header->str_off;
	const char *end = types + header->type_len;

	if (size < sizeof(*header) || header->magic != BTF_MAGIC ||
		(uint64_t)header->hdr_len + header->type_off + header->type_len > size ||
		(uint64_t)header->hdr_len + header->str_off + header->str_len > size ||
		!header->str_len || strings[header->str_len - 1])
		return -EBADMSG;
	for (int id = 1; types + sizeof(struct btf_type) <= end; id++) {
		const struct btf_type *type = (const void *)types;
		long tail = tail_size(type);

		if (tail < 0)
			return -ENOTSUP;
		if (BTF_INFO_KIND(type->info) == BTF_KIND_FUNC &&
			type->name_off < header->str_len && !strcmp(strings + type->name_off, name))
			return id;
		types += sizeof(*type) + (size_t)tail;
	}
	return -ENOENT;
}

int btf_function(const char *path, const char *name)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), found;
	struct stat info;
	char *bytes;
	size_t have = 0;
	ssize_t got;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &info) || info.st_size <= 0 || info.st_size > 256 << 20) {
		close(fd);
		return -EBADMSG;
	}
	bytes = malloc((size_t)info.st_size);
	while (bytes && have < (size_t)info.st_size) {
		got = read(fd, bytes + have, (size_t)info.st_size - have);
		if (got <= 0)
			break;
		have += (size_t)got;
	}
	close(fd);
	found = !bytes				   ? -ENOMEM
		: have < sizeof(struct btf_header) ? -EIO
						   : find_function(bytes, have, name);
	free(bytes);
	return found;
}
